//! permessage-deflate: the tables, the laws, conversations under any parameters, limits and memory.

use conformance::ws;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use testkit::alloc::measure;
use testkit::laws::{self, Subject};
use testkit::rng::Rng;
use wire_ws::deflate::{DeflateConfig, DeflateParams, Inflater};
use wire_ws::handshake::{self, Key};
use wire_ws::{
    CloseCode, Config, DataKind, Decoder, EncodeError, Encoder, ErrorKind, Event, MessageDecoder, OpCode,
    Role,
};

use crate::conformance::{at_splits, check_end, config, owned};
use crate::frames::{CLOSE, LAST, MORE, PING, frame, header};
use crate::laws::{Messages, Owned};

const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// First bytes of compressed messages and first fragments.
const TEXT: u8 = 0xc1;
const BINARY: u8 = 0xc2;
const TEXT_FIRST: u8 = 0x41;
const BINARY_FIRST: u8 = 0x42;

fn messages(role: Role, params: &DeflateParams, config: &Config) -> Messages {
    let decoder = MessageDecoder::new(role, config).with_deflate(params, config);
    Messages { decoder, quiet: false, direct: false }
}

/// What both ends may do alike.
fn params(no_takeover: bool, window_bits: u8) -> DeflateParams {
    let mut params = DeflateParams::default();
    (params.server_no_context_takeover, params.client_no_context_takeover) = (no_takeover, no_takeover);
    (params.server_max_window_bits, params.client_max_window_bits) = (window_bits, window_bits);
    params
}

fn deflate_config(setup: &ws::DeflateSetup) -> DeflateConfig {
    let mut config = DeflateConfig::default();
    (config.takeover, config.peer_takeover) = (setup.takeover, setup.peer_takeover);
    (config.max_window_bits, config.peer_max_window_bits) =
        (setup.max_window_bits, setup.peer_max_window_bits);
    config
}

/// As `Messages`, made of a decoder of pieces and an inflater.
struct Layered {
    decoder: Decoder,
    inflater: Inflater,
    message: Vec<u8>,
    /// What the inflater says, which knows no offset.
    kind: Option<ErrorKind>,
}

impl Layered {
    fn new(role: Role, params: &DeflateParams, config: &Config) -> Self {
        Self {
            decoder: Decoder::new(role, config).with_deflate(),
            inflater: Inflater::new(role, params, config),
            message: Vec::new(),
            kind: None,
        }
    }
}

impl Subject for Layered {
    type Event = Owned;
    type Error = ErrorKind;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Owned>), ErrorKind> {
        self.kind.map_or(Ok(()), Err)?;
        let mut at = 0;
        loop {
            let rest = &mut input[at..];
            let step = self.decoder.decode(rest).map_err(|error| error.kind())?;
            let payload = step.payload(rest);
            at += step.consumed;
            let event = match step.event {
                Some(Event::Data { kind, last, deflated, .. }) => {
                    if deflated {
                        let inflated = self.inflater.inflate(kind, payload, last, &mut self.message);
                        inflated.inspect_err(|&kind| self.kind = Some(kind))?;
                    } else {
                        self.message.extend_from_slice(payload);
                    }
                    if !last {
                        continue;
                    }
                    let payload = std::mem::take(&mut self.message);
                    Some(Owned::Data { kind, payload, first: true, last: true })
                }
                Some(Event::Ping { .. }) => Some(Owned::Ping(payload.to_vec())),
                Some(Event::Pong { .. }) => Some(Owned::Pong(payload.to_vec())),
                Some(Event::Close { code, .. }) => Some(Owned::Close(code, payload.to_vec())),
                None => None,
            };
            return Ok((at, event));
        }
    }

    fn decode_eof(&mut self) -> Result<(), ErrorKind> {
        self.kind.map_or(Ok(()), Err)?;
        self.decoder.decode_eof().map_err(|error| error.kind())
    }

    fn merge(_: &mut Owned, _: &Owned) -> bool {
        false
    }

    fn max_unconsumed(&self) -> usize {
        130
    }
}

#[test]
fn tables_of_messages() {
    for case in ws::deflate_cases() {
        let expected: Vec<Owned> = case.events().into_iter().map(owned).collect();
        let closed = matches!(expected.last(), Some(Owned::Close(..)));
        let deflate = case.deflate.expect("the table's");
        let params = params(deflate.no_takeover, deflate.window_bits);
        for role in ROLES.into_iter().filter(|&role| case.is_for(role == Role::Server)) {
            let input = case.bytes(role == Role::Server);
            for direct in [false, true] {
                let make = || Messages { direct, ..messages(role, &params, &config(&case)) };
                let transcript = at_splits(make, &input);
                assert_eq!(transcript.events, expected, "{} for a {role:?}", case.id);
                check_end(&case, closed, transcript.end);
            }
            let transcript = at_splits(|| Layered::new(role, &params, &config(&case)), &input);
            assert_eq!(transcript.events, expected, "{} for a {role:?}", case.id);
            let code = transcript.end.err().map(|kind| u16::from(kind.close_code()));
            assert!(case.fail.is_none() || code == case.fail, "{}: {code:?}", case.id);
        }
    }
}

#[test]
fn cases_without_compression_are_as_without_the_extension() {
    for case in ws::cases() {
        // RSV1 is the extension's.
        if case.id.contains("rsv1") || case.id.contains("rsv-1") {
            continue;
        }
        let expected: Vec<Owned> = case.events().into_iter().map(owned).collect();
        for role in ROLES.into_iter().filter(|&role| case.is_for(role == Role::Server)) {
            let mut subject = messages(role, &DeflateParams::default(), &config(&case));
            let transcript = laws::run(&mut subject, &case.bytes(role == Role::Server), || usize::MAX);
            if transcript.events != expected {
                let error = transcript.end.expect_err("another result");
                assert_eq!(error.kind(), ErrorKind::InvalidDeflate, "{}", case.id);
            }
        }
    }
}

#[test]
fn tables_of_offers() {
    for case in ws::negotiations().0 {
        let agreed = deflate_config(&case.config).accept(case.offered.iter().map(String::as_bytes));
        let response = agreed.as_ref().map(|agreed| agreed.response.as_str());
        assert_eq!(response, case.response.as_deref(), "{}", case.id);
    }
}

#[test]
fn tables_of_answers() {
    for case in ws::negotiations().1 {
        let lines = || case.answered.iter().map(String::as_bytes);
        let result = deflate_config(&case.config).offer().verify(lines());
        assert_eq!(result.is_ok(), case.ok, "{}: {result:?}", case.id);
        let agreed = result.ok().flatten().map(|params| ws::DeflateAgreed {
            server_no_takeover: params.server_no_context_takeover,
            client_no_takeover: params.client_no_context_takeover,
            server_bits: params.server_max_window_bits,
            client_bits: params.client_max_window_bits,
        });
        assert_eq!(agreed, case.params, "{}", case.id);
        // Never without an offer.
        let key = Key::parse(b"dGhlIHNhbXBsZSBub25jZQ==").expect("the example of the RFC");
        let fixed: [(&str, &[u8]); 3] = [
            ("Upgrade", b"websocket"),
            ("Connection", b"Upgrade"),
            ("Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        let fields = || fixed.into_iter().chain(lines().map(|line| ("Sec-WebSocket-Extensions", line)));
        assert_eq!(
            handshake::verify(101, fields(), &key, &[]).is_ok(),
            case.answered.is_empty(),
            "{}",
            case.id
        );
        if case.ok {
            let offered = ["permessage-deflate"];
            assert!(handshake::verify_offered(101, fields(), &key, &[], &offered).is_ok(), "{}", case.id);
        }
    }
}

/// Each setup of a client against each of a server: they agree, or there is no compression, and what the server
/// understands by the agreement is what the client does.
#[test]
fn both_sides_understand_the_same() {
    let mut setups = Vec::new();
    for takeover in [false, true] {
        for peer_takeover in [false, true] {
            for (own, peer) in [(15, 15), (9, 15), (15, 9), (10, 12)] {
                let mut config = DeflateConfig::default();
                (config.takeover, config.peer_takeover) = (takeover, peer_takeover);
                (config.max_window_bits, config.peer_max_window_bits) = (own, peer);
                setups.push(config);
            }
        }
    }
    for client in &setups {
        let offer = client.offer();
        for server in &setups {
            let agreed = server.accept([offer.value().as_bytes()]).expect("a client that can be limited");
            let params = offer.verify([agreed.response.as_bytes()]).expect("legal").expect("agreed");
            let server = agreed.params;
            assert_eq!(params.server_no_context_takeover, server.server_no_context_takeover);
            assert_eq!(params.server_max_window_bits, server.server_max_window_bits);
            assert!(params.client_no_context_takeover || !server.client_no_context_takeover);
            assert!(params.client_max_window_bits <= server.client_max_window_bits);
        }
    }
}

/// Raw DEFLATE by flate2 alone, with a flush at the end, without its last four bytes.
fn compress(payload: &[u8], level: u32) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::new(level), false);
    let mut out = Vec::with_capacity(payload.len() * 2 + 100);
    deflate.compress_vec(payload, &mut out, FlushCompress::Sync).expect("room");
    out.truncate(out.len() - 4);
    out
}

fn finish(payload: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::new(6), false);
    let mut out = Vec::with_capacity(payload.len() * 2 + 100);
    deflate.compress_vec(payload, &mut out, FlushCompress::Finish).expect("room");
    out
}

fn corpus(role: Role) -> Vec<Vec<u8>> {
    let frame = |first, payload: &[u8]| frame(first, role == Role::Server, payload);
    let hello = compress(b"Hello", 6);
    let again = b"\xf2\x00\x11\x00\x00";
    let mixed = compress("Grüße, 漢字, 🦀, Grüße, 漢字, 🦀".as_bytes(), 6);
    let close = frame(CLOSE, b"\x03\xe8bye");
    vec![
        [frame(TEXT, &hello), frame(TEXT, again), frame(0x81, b"plain"), frame(BINARY, again), close.clone()]
            .concat(),
        [frame(TEXT_FIRST, &hello[..3]), frame(PING, b"p"), frame(MORE, b""), frame(LAST, &hello[3..])]
            .concat(),
        [frame(TEXT, &mixed), frame(TEXT_FIRST, &mixed[..9]), frame(LAST, &mixed[9..]), close].concat(),
        [frame(BINARY, &[finish(b"Hello"), vec![0]].concat()), frame(BINARY, again)].concat(),
        [frame(TEXT, &[finish(b"Hello"), finish(b"Hello"), again.to_vec()].concat()), frame(TEXT, again)]
            .concat(),
        frame(BINARY, &compress(&[7; 400], 6)),
        frame(BINARY, &compress(&[7; 401], 6)),
        [frame(BINARY_FIRST, &compress(&[7; 300], 0)), frame(LAST, b"\0\0\xff\xff\x00")].concat(),
        frame(TEXT, &compress(b"good, then \xff bad", 6)),
        frame(TEXT, &compress("cut: ä".as_bytes().split_last().expect("text").1, 6)),
        [frame(TEXT, b"\x00"), frame(TEXT, b""), frame(TEXT, &hello), frame(BINARY, b"\x07")].concat(),
        frame(BINARY, &finish(b"").repeat(9)),
    ]
}

/// Limits within reach of the corpus.
fn low() -> Config {
    let mut config = Config::default();
    config.max_message_size = 400;
    config.max_fragments = 8;
    config
}

#[test]
fn the_laws() {
    for role in ROLES {
        for params in [params(false, 15), params(true, 15), params(false, 9)] {
            for input in corpus(role) {
                laws::splits(|| messages(role, &params, &low()), &input);
                laws::splits(|| Layered::new(role, &params, &low()), &input);
                laws::mutations(|| messages(role, &params, &low()), &input, 60);
            }
        }
    }
}

/// Hostile messages of about so many bytes.
type Hostile = fn(usize) -> Vec<u8>;

const HOSTILE: [(&str, Hostile); 6] = [
    ("zip bombs", |n| {
        let bomb = frame(BINARY, true, &compress(&vec![0; 1 << 20], 9));
        bomb.repeat(n / bomb.len() + 1)
    }),
    ("empty blocks", |n| frame(BINARY, true, &b"\x00\x00\x00\xff\xff".repeat(n / 5))),
    ("final blocks", |n| frame(BINARY, true, &b"\x03\x00".repeat(n / 2))),
    ("final blocks in fragments", |n| {
        let more = frame(MORE, true, &b"\x03\x00".repeat(8_000));
        [frame(BINARY_FIRST, true, b""), more.repeat(n / more.len() + 1)].concat()
    }),
    ("tiny messages", |n| {
        let tiny = frame(BINARY, true, b"\x4b\x04\x00\x00");
        tiny.repeat(n / tiny.len())
    }),
    ("tiny fragments", |n| {
        let more = frame(MORE, true, b"\x00\x00\x00\xff\xff");
        [frame(BINARY_FIRST, true, b""), more.repeat(n / more.len())].concat()
    }),
];

#[test]
fn hostile_messages_cost_linear_time_and_bounded_memory() {
    let mut config = Config::default();
    config.max_message_size = 4 << 20;
    config.max_fragments = u32::MAX;
    let quiet = || Messages { quiet: true, ..messages(Role::Server, &DeflateParams::default(), &config) };
    for (name, hostile) in HOSTILE {
        println!("{name}");
        laws::linear_time(quiet, hostile, 1 << 12);
        // Twice the message while it grows, once, and a decompressor with its window.
        laws::bounded_memory(quiet, &hostile(1 << 20), (4 << 20) + (100 << 10));
    }
}

/// The limit is exact, and never more than it and one byte is held, whatever the ratio.
#[test]
fn no_more_than_the_limit_is_held() {
    for limit in [0_usize, 1, 1_000, 100_000, 1 << 20] {
        for over in [0, 1, 1_000, 10 << 20] {
            for pieces in [1, 3] {
                let compressed = compress(&vec![b'a'; limit + over], 9);
                let mut config = Config::default();
                config.max_message_size = limit as u64;
                // Warm: what a decompressor takes is measured elsewhere.
                Inflater::new(Role::Server, &DeflateParams::default(), &config).shrink();
                let mut inflater = Inflater::new(Role::Server, &DeflateParams::default(), &config);
                let mut out = Vec::new();
                let mut result = Ok(());
                let size = compressed.len().div_ceil(pieces);
                for piece in compressed.chunks(size) {
                    result = result.and_then(|()| inflater.inflate(DataKind::Text, piece, false, &mut out));
                }
                result = result.and_then(|()| inflater.inflate(DataKind::Text, b"", true, &mut out));
                assert!(out.capacity() <= limit + 1, "{} for {limit}", out.capacity());
                if over == 0 {
                    assert_eq!((result, out.len()), (Ok(()), limit));
                } else {
                    assert_eq!(result, Err(ErrorKind::MessageTooBig));
                    let again = inflater.inflate(DataKind::Text, b"", true, &mut out);
                    assert_eq!(again, result, "errors are sticky");
                }
            }
        }
    }
}

#[test]
fn a_stream_of_any_size_can_be_taken_out_as_it_comes() {
    let mut config = Config::default();
    config.max_message_size = u64::MAX;
    let mut inflater = Inflater::new(Role::Client, &DeflateParams::default(), &config);
    let mut rng = Rng::new(3);
    let mut payload = vec![0; 300_000];
    payload.iter_mut().for_each(|byte| *byte = b"abcd"[rng.below(4)]);
    let (mut got, mut out) = (Vec::new(), Vec::new());
    for piece in compress(&payload, 6).chunks(7_001) {
        inflater.inflate(DataKind::Text, piece, false, &mut out).expect("legal");
        got.append(&mut out);
    }
    inflater.inflate(DataKind::Text, b"", true, &mut out).expect("legal");
    assert!(out.is_empty() && got == payload);
}

fn payload(rng: &mut Rng, kind: DataKind, recent: &[u8]) -> Vec<u8> {
    let len = [rng.below(4), rng.below(200), rng.below(3_000), rng.below(70_000)][rng.below(4)];
    match (kind, rng.below(3)) {
        (DataKind::Text, _) => "Grüße 漢字 🦀 and more of the same "
            .chars()
            .cycle()
            .skip(rng.below(30))
            .take(len / 2)
            .collect::<String>()
            .into_bytes(),
        (_, 0) => {
            let mut bytes = vec![0; len];
            rng.fill(&mut bytes);
            bytes
        }
        (_, 1) => vec![rng.below(256) as u8; len],
        _ => recent.iter().copied().cycle().take(if recent.is_empty() { 0 } else { len }).collect(),
    }
}

/// Any messages under any parameters, cut anyhow: what goes in comes out. flate2 alone reads the same from the
/// frames.
#[test]
fn conversations_under_any_parameters() {
    for seed in 0..120 {
        for sender in ROLES {
            let mut rng = Rng::new(seed);
            let mut params = params(rng.below(2) == 0, 9 + rng.below(7) as u8);
            params.level = 1 + rng.below(9) as u8;
            params.min_size = [0, 64, 1_000][rng.below(3)];
            let encoder = match sender {
                Role::Server => Encoder::server(),
                Role::Client => Encoder::client([seed as u8; 32]),
            };
            let mut encoder = encoder.with_deflate(&params);
            if rng.below(2) == 0 {
                encoder = encoder.with_fragment_size(1 + rng.below(5_000));
            }
            let (mut wire, mut expected, mut recent) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..1 + rng.below(12) {
                let kind = if rng.below(2) == 0 { DataKind::Text } else { DataKind::Binary };
                let payload = payload(&mut rng, kind, &recent);
                match rng.below(5) {
                    0 => {
                        let mut rest = &payload[..];
                        while rng.below(4) > 0 {
                            let (piece, next) = rest.split_at(rng.below(rest.len() + 1));
                            encoder.encode_fragment(kind, piece, false, &mut wire).expect("open");
                            encoder.shrink();
                            rest = next;
                        }
                        encoder.encode_fragment(kind, rest, true, &mut wire).expect("open");
                    }
                    1 => encoder.encode_uncompressed(kind, &payload, &mut wire).expect("open"),
                    _ => encoder.encode_message(kind, &payload, &mut wire).expect("open"),
                }
                if rng.below(5) == 0 {
                    encoder.shrink();
                }
                recent.clone_from(&payload);
                expected.push(Owned::Data { kind, payload, first: true, last: true });
            }
            let code = CloseCode::NORMAL;
            encoder.encode_close(Some(code), "", &mut wire).expect("open");
            expected.push(Owned::Close(Some(code), Vec::new()));
            let size = [usize::MAX / 2, 1 + rng.below(20), 1 + rng.below(5_000)][rng.below(3)];
            let mut subject = messages(sender.peer(), &params, &Config::default());
            let got = laws::run(&mut subject, &wire, || 1 + rng.below(size));
            assert!(got.events == expected && got.end == Ok(()), "seed {seed}, {sender:?}: {:?}", got.end);
            let mut layered = Layered::new(sender.peer(), &params, &Config::default());
            let got = laws::run(&mut layered, &wire, || 1 + rng.below(size));
            assert!(got.events == expected && got.end == Ok(()), "seed {seed}, {sender:?}: {:?}", got.end);
        }
    }
}

/// No message refers further back than the window that was agreed on: a decompressor with no larger one reads it.
#[test]
fn windows_are_kept() {
    for bits in 9..=15 {
        let mut encoder = Encoder::server().with_deflate(&params(false, bits));
        let mut inflate = Decompress::new_with_window_bits(false, bits);
        let mut rng = Rng::new(u64::from(bits));
        let mut random = vec![0; 40_000];
        rng.fill(&mut random);
        for _ in 0..2 {
            let (mut wire, mut out) = (Vec::new(), Vec::with_capacity(random.len() + 100));
            encoder.encode_message(DataKind::Binary, &random, &mut wire).expect("open");
            assert_eq!(wire[0], BINARY);
            let header = if wire[1] == 126 { 4 } else { 10 };
            let compressed = [&wire[header..], b"\0\0\xff\xff"].concat();
            // In pieces smaller than the window, so that the output is no help in place of it.
            let mut rest = &compressed[..];
            while !rest.is_empty() {
                let mut piece = [0; 100];
                let before = (inflate.total_in(), inflate.total_out());
                inflate.decompress(rest, &mut piece, FlushDecompress::None).expect("within the window");
                rest = &rest[(inflate.total_in() - before.0) as usize..];
                out.extend_from_slice(&piece[..(inflate.total_out() - before.1) as usize]);
            }
            assert!(out == random, "{bits} bits");
        }
    }
}

fn encode(encoder: &mut Encoder, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.encode_message(DataKind::Text, payload, &mut out).expect("open");
    out
}

#[test]
fn what_is_compressed_and_what_is_not() {
    let long = "compress me ".repeat(100).into_bytes();
    let mut random = vec![0; 1_000];
    Rng::new(1).fill(&mut random);
    // The examples of section 7.2.3.
    let mut all = params(false, 15);
    all.min_size = 0;
    let mut encoder = Encoder::server().with_deflate(&all);
    assert_eq!(encode(&mut encoder, b"Hello"), b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(encode(&mut encoder, b"Hello"), b"\xc1\x05\xf2\x00\x11\x00\x00");
    assert_eq!(encode(&mut encoder, b""), b"\xc1\x01\x00");
    encoder.shrink();
    assert_eq!(encode(&mut encoder, b"Hello"), b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    // A message that grows goes compressed with takeover, since the next refers to it, and without as it is.
    assert_eq!(encode(&mut encoder, &random)[0], 0xc1);
    let mut encoder = Encoder::server().with_deflate(&params(true, 15));
    assert_eq!(encode(&mut encoder, &random)[0], 0x81);
    assert_eq!(encode(&mut encoder, &long)[0], 0xc1);
    assert_eq!(encode(&mut encoder, &long), encode(&mut encoder, &long), "no context");
    assert_eq!(encode(&mut encoder, &long[..63])[0], 0x81);
    assert_eq!(encode(&mut encoder, &[b'a'; 64])[0], 0xc1);
    // Nobody makes a window of 2^8.
    assert_eq!(encode(&mut Encoder::server().with_deflate(&params(false, 8)), &long)[0], 0x81);
    // By themselves.
    let mut out = Vec::new();
    encoder.encode_uncompressed(DataKind::Binary, &long, &mut out).expect("open");
    assert_eq!(out[0], 0x82);
}

#[test]
fn fragments_of_a_compressed_message() {
    let mut encoder = Encoder::server().with_deflate(&params(true, 15));
    let mut out = Vec::new();
    encoder.encode_fragment(DataKind::Text, b"Hello", false, &mut out).expect("open");
    assert_eq!(out, b"\x41\x0b\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", "all of it can be read");
    assert_eq!(encoder.encode_header(OpCode::Continuation, true, 0), Err(EncodeError::Deflated));
    encoder.encode_ping(b"", &mut out).expect("between");
    out.clear();
    encoder.encode_fragment(DataKind::Text, b"", true, &mut out).expect("open");
    assert_eq!(out, b"\x80\x01\x00");
    out.clear();
    encoder.encode_fragment(DataKind::Text, b"short", true, &mut out).expect("open");
    assert_eq!(out, b"\x81\x05short");
    encoder.encode_header(OpCode::Text, false, 0).expect("open");
    encoder.encode_header(OpCode::Continuation, true, 0).expect("not compressed");
}

#[test]
fn errors_blame_the_byte_behind_the_frame() {
    for role in ROLES {
        let masked = role == Role::Server;
        let first = frame(BINARY_FIRST, masked, b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff");
        let start = first.len() as u64;
        let mut subject = messages(role, &DeflateParams::default(), &Config::default());
        let bad = frame(MORE, masked, b"\x07abc");
        let end = start + bad.len() as u64;
        let transcript = laws::run(&mut subject, &[first, bad].concat(), || 1);
        let error = transcript.end.expect_err("no DEFLATE");
        assert_eq!((error.kind(), error.offset()), (ErrorKind::InvalidDeflate, end));
        assert_eq!(error.close_code(), CloseCode::INVALID_DATA);
    }
}

#[test]
fn nothing_is_read_straight_into_a_compressed_message() {
    let config = Config::default();
    let mut decoder =
        MessageDecoder::new(Role::Server, &config).with_deflate(&DeflateParams::default(), &config);
    let step = decoder.decode(&mut header(BINARY, true, 1_000)).expect("legal");
    assert_eq!((step.event, decoder.remaining()), (None, 1_000));
    assert!(decoder.spare().is_none());
}

/// What `work` leaves held, and its value: how far the peak is above a large allocation behind it.
fn held<T>(work: impl FnOnce() -> T) -> (usize, T) {
    const PROBE: usize = 64 << 20;
    let (value, usage) = measure(|| {
        let value = work();
        drop(std::hint::black_box(vec![0_u8; PROBE]));
        value
    });
    (usage.peak - PROBE, value)
}

/// What a connection holds that has received so many bytes and has shrunk or not, in KiB.
fn receiving(params: DeflateParams, received: usize, shrink: bool) -> usize {
    let work = move || {
        let config = Config::default();
        let connection = || {
            let mut wire = frame(BINARY, false, &compress(&vec![7; received], 6));
            let decoder = MessageDecoder::new(Role::Client, &config).with_deflate(&params, &config);
            let mut decoder = decoder;
            decoder.decode(&mut wire).expect("legal");
            drop(decoder.take_buffer());
            if shrink {
                decoder.shrink();
            }
            decoder
        };
        // What is the thread's is not the connection's.
        let pooled = connection();
        let (bytes, _decoder) = held(connection);
        drop(pooled);
        bytes.div_ceil(1 << 10)
    };
    std::thread::spawn(work).join().expect("no panic")
}

/// The same for sending.
fn sending(params: DeflateParams, shrink: bool) -> usize {
    let work = move || {
        let connection = || {
            let mut encoder = Encoder::server().with_deflate(&params);
            let mut out = Vec::new();
            encoder.encode_message(DataKind::Text, &[b'a'; 100_000], &mut out).expect("open");
            if shrink {
                encoder.shrink();
            }
            encoder
        };
        let pooled = (shrink || params.server_no_context_takeover).then(connection);
        let (bytes, _encoder) = held(connection);
        drop(pooled);
        bytes.div_ceil(1 << 10)
    };
    std::thread::spawn(work).join().expect("no panic")
}

/// What the table in the module's documentation says.
#[test]
fn memory_of_a_connection() {
    let near = |got: usize, says: usize| {
        assert!(got.abs_diff(says) <= says / 20 + 1, "{got} KiB, documented {says}");
    };
    let (takes_over, starts_anew) = (params(false, 15), params(true, 15));
    near(receiving(starts_anew, 100_000, true), 0);
    near(receiving(starts_anew, 100_000, false), 0);
    near(receiving(takes_over, 100_000, true), 32);
    near(receiving(takes_over, 2_000, true), 2);
    near(receiving(params(false, 9), 100_000, true), 1);
    near(receiving(takes_over, 100_000, false), 32);
    near(sending(starts_anew, false), 0);
    near(sending(takes_over, false), 372);
    near(sending(params(false, 9), false), 246);
    near(sending(takes_over, true), 0);
}
