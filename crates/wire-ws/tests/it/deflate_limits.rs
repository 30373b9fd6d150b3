//! The limit of a message counts what it inflates to, however its sender cut it.

use wire_ws::deflate::DeflateParams;
use wire_ws::{Config, DataKind, Encoder, Error, ErrorKind, MessageDecoder, MessageEvent, Payload, Role};

/// A byte in each fragment takes five and more once it is compressed and flushed.
#[test]
fn fragments_of_a_byte_each() {
    const SIZE: usize = 3_000;
    let params = DeflateParams::default();
    let mut wire = Vec::new();
    let mut encoder = Encoder::server().with_deflate(&params);
    for n in 0..SIZE {
        let byte = [(n * 7 % 251) as u8];
        encoder.encode_fragment(DataKind::Binary, &byte, n + 1 == SIZE, &mut wire).expect("open");
    }
    assert!(wire.len() > 6 * SIZE);
    for (limit, fits) in [(SIZE, true), (SIZE - 1, false)] {
        let mut config = Config::default();
        config.max_message_size = limit as u64;
        let mut decoder = MessageDecoder::new(Role::Client, &config).with_deflate(&params, &config);
        let decoded = decoder.decode(&mut wire.clone());
        assert_eq!(decoded.as_ref().err().map(Error::kind), (!fits).then_some(ErrorKind::MessageTooBig));
        if fits {
            let whole = MessageEvent::Message { kind: DataKind::Binary, payload: Payload::Buffer };
            assert_eq!(decoded.map(|step| step.event), Ok(Some(whole)));
            assert_eq!(decoder.buffer().len(), SIZE);
        }
    }
}
