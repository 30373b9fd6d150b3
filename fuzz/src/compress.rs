//! Content codings: any header, any bytes as encoded content, any content there and back.

use std::sync::OnceLock;

use wire_compress::{
    Choice, Coding, Config, Decoder, Encoder, EncoderConfig, ErrorKind, Flush, Padding, ResponseHead, decide,
    negotiate,
};

/// The first byte chooses what is offered, the rest are lines of Accept-Encoding, then of a response's head.
pub fn compress_negotiate(data: &[u8]) {
    let [what, data @ ..] = data else { return };
    let offered: Vec<Coding> =
        (0..4).filter(|bit| what >> bit & 1 == 1).map(|bit| Coding::PREFERENCE[bit]).collect();
    let lines: Vec<&[u8]> = data.split(|&byte| byte == b'\n').collect();
    let choice = negotiate(lines.iter().copied(), &offered);
    if let Ok(choice) = choice {
        assert!(choice.coding.is_none_or(|coding| offered.contains(&coding)));
        assert!(choice.coding.is_some() || choice.identity);
    }
    // One line or several are the same list.
    let joined = lines.join(&b","[..]);
    assert_eq!(negotiate([&joined[..]], &offered), choice);
    let fields: Vec<(&[u8], &[u8])> = lines
        .iter()
        .filter_map(|line| line.split_at_checked(line.iter().position(|&byte| byte == b':')?))
        .map(|(name, value)| (name, &value[1..]))
        .collect();
    let choice = choice.unwrap_or(Choice { coding: Some(Coding::Gzip), identity: false });
    let status = 100 + u16::from(*what) * 2;
    let head = ResponseHead { status, len: None, secret: what & 16 != 0, fields: fields.clone() };
    let decision = decide(choice, head, 1024);
    assert!(decision.coding.is_none() || decision.coding == choice.coding && what & 16 == 0);
    if decision.coding.is_some() {
        // Deciding twice is deciding once.
        let encoded = fields.iter().copied().chain([(&b"Content-Encoding"[..], &b"gzip"[..])]);
        let head = ResponseHead { status, len: None, secret: false, fields: encoded };
        assert_eq!(decide(choice, head, 1024).coding, None);
    }
}

/// Any bytes as gzip.
pub fn compress_gzip(data: &[u8]) {
    decode("gzip", data);
}

/// Any bytes as deflate, zlib or raw.
pub fn compress_deflate(data: &[u8]) {
    decode("deflate", data);
}

/// Any bytes as br.
pub fn compress_brotli(data: &[u8]) {
    decode("br", data);
}

/// Any bytes as zstd.
pub fn compress_zstd(data: &[u8]) {
    decode("zstd", data);
}

const MAX_OUTPUT: usize = 50_000;

/// The first byte chooses how the rest is cut and what room there is: the result is that of the whole, and never more
/// than the limit.
fn decode(coding: &str, data: &[u8]) {
    let [cut, data @ ..] = data else { return };
    let mut config = Config::default();
    config.max_output = MAX_OUTPUT as u64;
    config.max_members = 20;
    let whole = run(coding, &config, data, usize::MAX, 64 << 10);
    same(&run(coding, &config, data, 1 + usize::from(cut >> 2), 1 + usize::from(*cut)), &whole);
    if data.len() < 1_000 {
        same(&run(coding, &config, data, 1, 64 << 10), &whole);
    }
    // The ratio may end it earlier, and changes nothing else.
    config.max_ratio = 10;
    config.free_output = 1_000;
    let limited = run(coding, &config, data, usize::MAX, 1_000);
    if limited != Err(ErrorKind::RatioTooHigh) {
        same(&limited, &whole);
    }
}

/// Where content reaches the limit and is corrupt right behind it, either is right.
fn same(one: &Result<Vec<u8>, ErrorKind>, other: &Result<Vec<u8>, ErrorKind>) {
    let limit = |result: &Result<Vec<u8>, ErrorKind>| {
        matches!(result, Err(ErrorKind::OutputTooBig | ErrorKind::InputTooBig))
    };
    assert!(
        one == other || one.is_err() && other.is_err() && (limit(one) || limit(other)),
        "{one:?}, not {other:?}"
    );
}

fn run(coding: &str, config: &Config, data: &[u8], cut: usize, room: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut decoder = Decoder::new([coding.as_bytes()], config).expect("supported").expect("a coding");
    let mut content = Vec::new();
    let mut out = Vec::with_capacity(room);
    for mut rest in data.chunks(cut) {
        loop {
            out.clear();
            let progress = match decoder.decode(rest, &mut out) {
                Ok(progress) => progress,
                Err(error) => {
                    assert_eq!(decoder.decode(rest, &mut out), Err(error));
                    assert_eq!(decoder.decode_eof(), Err(error));
                    return Err(error.kind());
                }
            };
            assert!(out.capacity() == room && progress.consumed <= rest.len());
            assert!(progress.done || progress.consumed > 0 || !out.is_empty(), "it stalls");
            content.extend_from_slice(&out);
            assert!(content.len() <= MAX_OUTPUT, "more came out than the limit");
            rest = &rest[progress.consumed..];
            if progress.done {
                assert!(rest.is_empty());
                break;
            }
        }
    }
    decoder.decode_eof().map(|()| content).map_err(|error| error.kind())
}

/// What scripts take their content from.
fn dictionary() -> &'static [u8] {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    TEXT.get_or_init(|| (0..20_000_u32).flat_map(|n| format!("{{\"id\":{n}}},").into_bytes()).collect())
}

/// A script of pieces and flushes, encoded, decoded and compared, at every flush too.
pub fn compress_round_trip(data: &[u8]) {
    let [what, level, room, script @ ..] = data else { return };
    let coding = Coding::PREFERENCE[usize::from(what & 3)];
    let mut config = EncoderConfig::default();
    let level = level % 10;
    (config.gzip_level, config.brotli_level, config.zstd_level) = (level, level, level);
    config.window_log = 10 + what % 10;
    config.padding = (what & 0x80 != 0).then(|| Padding::new([*room; 16], 50 * u16::from(*room)));
    let mut encoder = Encoder::new(coding, &config, None).expect("supported");
    let mut decoder =
        Decoder::new([coding.token().as_bytes()], &unlimited()).expect("supported").expect("one");
    let (mut sent, mut received) = (Vec::new(), Vec::new());
    let mut rest = script;
    for _ in 0..12 {
        let (piece, flush) = match rest {
            [op, a, b, tail @ ..] => {
                let at = usize::from(*a) << 8 | usize::from(*b);
                let (piece, left) = match op & 3 {
                    0 => (tail[..tail.len().min(at & 0xff)].to_vec(), &tail[tail.len().min(at & 0xff)..]),
                    1 => (vec![*op; at], tail),
                    _ => (dictionary()[at..at + 2 * at].to_vec(), tail),
                };
                rest = left;
                (piece, if op & 4 == 0 { Flush::None } else { Flush::Sync })
            }
            _ => (Vec::new(), Flush::Finish),
        };
        sent.extend_from_slice(&piece);
        pass(&mut encoder, &mut decoder, &piece, flush, 1 + usize::from(*room), &mut received);
        if flush != Flush::None {
            assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
        }
        if flush == Flush::Finish {
            break;
        }
    }
    pass(&mut encoder, &mut decoder, b"", Flush::Finish, 1 + usize::from(*room), &mut received);
    assert!(received == sent && encoder.is_finished());
    assert_eq!(decoder.decode_eof(), Ok(()));
}

fn unlimited() -> Config {
    let mut config = Config::default();
    config.max_output = u64::MAX;
    config.max_ratio = u32::MAX;
    config
}

fn pass(
    encoder: &mut Encoder,
    decoder: &mut Decoder,
    mut piece: &[u8],
    flush: Flush,
    room: usize,
    received: &mut Vec<u8>,
) {
    let (mut wire, mut out) = (Vec::with_capacity(room), Vec::with_capacity(4096));
    loop {
        wire.clear();
        let progress = encoder.encode(piece, flush, &mut wire).expect("works");
        assert!(wire.capacity() == room);
        piece = &piece[progress.consumed..];
        let mut rest = &wire[..];
        loop {
            out.clear();
            let progress = decoder.decode(rest, &mut out).expect("what was encoded decodes");
            received.extend_from_slice(&out);
            rest = &rest[progress.consumed..];
            if progress.done {
                break;
            }
        }
        if progress.done {
            assert!(piece.is_empty());
            break;
        }
    }
}
