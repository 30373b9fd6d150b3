//! multipart/form-data: what must hold for any bytes that a client may send, and for any form that is written.

use wire_multipart::{Boundary, ByteRangesEncoder, Config, Decoder, Encoder, Error, Event, Part};

/// A part, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) name: Vec<u8>,
    pub(crate) filename: Option<Vec<u8>>,
    pub(crate) content_type: Option<Vec<u8>>,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) ended: bool,
}

/// What came of a body: its parts, and what its end said.
pub(crate) type Outcome = (Vec<Received>, Result<(), Error>);

/// Decodes `input` in pieces whose lengths `piece` says. Every part whose number has its bit in `skip` is skipped.
pub(crate) fn receive(
    boundary: &Boundary,
    config: &Config,
    skip: u64,
    input: &[u8],
    mut piece: impl FnMut() -> usize,
) -> Outcome {
    let mut decoder = Decoder::new(boundary, config);
    let (mut parts, mut start, mut fed): (Vec<Received>, _, _) = (Vec::new(), 0, 0);
    let mut complete = false;
    loop {
        let unread = &input[start..fed];
        let step = match decoder.decode(unread) {
            Ok(step) => step,
            Err(error) => {
                assert_eq!(decoder.decode(unread), Err(error), "errors replay");
                assert!(error.offset() <= fed as u64 && matches!(error.status(), 400 | 413));
                return (parts, Err(error));
            }
        };
        assert!(step.consumed <= unread.len());
        let payload = step.payload(unread);
        start += step.consumed;
        assert!(step.event.is_none() || !complete, "an event behind the end");
        match step.event {
            None => {
                let bound = config.max_field_section.max(73);
                assert!(unread.len() - step.consumed <= bound, "an unbounded rest");
                if fed == input.len() {
                    let end = decoder.decode_eof();
                    assert_eq!(decoder.is_complete(), complete);
                    assert!(complete || end.is_err());
                    return (parts, end);
                }
                fed = fed.saturating_add(piece().max(1)).min(input.len());
            }
            Some(Event::PartBegin) => {
                assert!(parts.last().is_none_or(|part| part.ended));
                let view = decoder.head().view(payload);
                if let Some(name) = view.safe_filename() {
                    assert!(!name.is_empty() && name.len() <= 255 && !name.contains(['/', '\\', '\0', ':']));
                    assert!(name != "." && name != "..");
                }
                let fields =
                    view.fields().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
                parts.push(Received {
                    name: view.name().into_owned(),
                    filename: view.filename().map(std::borrow::Cow::into_owned),
                    content_type: view.content_type().map(<[u8]>::to_vec),
                    fields,
                    ..Received::default()
                });
                if skip >> (parts.len() % 64) & 1 == 1 {
                    decoder.skip_part();
                }
            }
            Some(Event::Data { len }) => {
                assert!(len > 0 && len == payload.len());
                let part = parts.last_mut().expect("a part");
                assert!(!part.ended && skip >> (parts.len() % 64) & 1 == 0);
                parts.last_mut().expect("a part").body.extend_from_slice(payload);
            }
            Some(Event::PartEnd) => parts.last_mut().expect("a part").ended = true,
            Some(Event::End) => complete = true,
        }
    }
}

/// The boundary, options and body that a fuzzer's bytes stand for: options, a seed, then a Content-Type up to a line feed,
/// `b` where it has no boundary.
pub(crate) fn open(data: &[u8]) -> Option<(Boundary, Config, u8, &[u8])> {
    let (&[options, seed], rest) = data.split_first_chunk()?;
    let at = rest.iter().position(|&byte| byte == b'\n')?;
    let boundary = Boundary::from_content_type(&rest[..at]);
    if let Ok(boundary) = boundary {
        assert_eq!(Boundary::from_content_type(boundary.content_type("form-data")), Ok(boundary));
    }
    let boundary = boundary.or_else(|_| Boundary::new("b")).ok()?;
    let mut config = Config::default();
    config.allow_bare_lf = options & 1 != 0;
    config.form_data = options & 2 == 0;
    if options & 4 != 0 {
        config.max_parts = 3;
        config.max_fields = 2;
        config.max_field_section = 60;
        config.max_total_field_bytes = 130;
        config.max_text_size = 5;
        config.max_file_size = 10;
        config.max_preamble = 4;
        config.max_epilogue = 4;
        config.max_padding = 2;
    }
    Some((boundary, config, seed, &rest[at + 1..]))
}

/// A body: any way in which the bytes arrive gives the same parts and the same error; skipping parts changes nothing but
/// their bodies; what is accepted is written again to the same.
pub fn multipart_parser(data: &[u8]) {
    let Some((boundary, config, seed, input)) = open(data) else { return };
    let whole = receive(&boundary, &config, 0, input, || usize::MAX);
    let mut state = u32::from(seed) | 1;
    let pieces = receive(&boundary, &config, 0, input, || {
        state = state.wrapping_mul(0x9E37_79B1).rotate_left(7);
        1 + (state >> 24) as usize % 23
    });
    assert_eq!(whole, pieces, "pieces of seed {seed}");
    assert_eq!(whole, receive(&boundary, &config, 0, input, || 1), "byte by byte");

    let skip = u64::from(seed) * 0x0101_0101_0101_0101;
    let skipped = receive(&boundary, &config, skip, input, || usize::from(seed));
    if whole.1.is_ok() {
        assert_eq!(skipped.1, Ok(()));
        for (number, (part, other)) in whole.0.iter().zip(&skipped.0).enumerate() {
            let body = if skip >> ((number + 1) % 64) & 1 == 1 { &[][..] } else { &part.body };
            assert_eq!((&part.name, &part.filename, body), (&other.name, &other.filename, &other.body[..]));
        }
        if config.form_data {
            write_again(&boundary, &whole.0);
        }
    }
}

/// Whether the encoding of browsers keeps this name apart from all others.
fn is_unambiguous(name: &[u8]) -> bool {
    let escapes: [&[u8]; 5] = [b"%22", b"%0D", b"%0A", b"%0d", b"%0a"];
    !escapes.iter().any(|escape| name.windows(3).any(|window| window == *escape))
}

/// Whether line breaks in a name are CRLF, as browsers write them.
fn is_normal(name: &[u8]) -> bool {
    let bare = |window: &[u8]| {
        matches!(window, [b'\r', other] if *other != b'\n')
            || matches!(window, [other, b'\n'] if *other != b'\r')
    };
    !name.windows(2).any(bare) && !name.starts_with(b"\n") && !name.ends_with(b"\r")
}

fn write_again(boundary: &Boundary, parts: &[Received]) {
    let (mut encoder, mut out) = (Encoder::new(*boundary), Vec::new());
    let mut config = Config::default();
    config.max_field_section = 1 << 20;
    config.max_total_field_bytes = usize::MAX;
    let heads: Vec<Part<'_>> = parts
        .iter()
        .map(|part| {
            let head = match &part.filename {
                Some(filename) => Part::file(&part.name, filename),
                None => Part::text(&part.name),
            };
            match &part.content_type {
                Some(content_type) => head.content_type(content_type),
                None => head,
            }
        })
        .collect();
    let lengths = heads.iter().zip(parts).map(|(head, part)| (head, part.body.len() as u64));
    let length = encoder.content_length(lengths).expect("what was accepted can be written");
    for (head, part) in heads.iter().zip(parts) {
        encoder.encode_part(head, &part.body, &mut out).expect("what was accepted can be written");
    }
    encoder.encode_end(&mut out).expect("an end");
    assert_eq!(out.len() as u64, length);
    // A body that was delimited by LF alone may hold the delimiter of a form with CRLF, and one of any other kind may not.
    let (again, end) = receive(boundary, &config, 0, &out, || usize::MAX);
    let needle = format!("\r\n--{boundary}");
    let ambiguous = parts.iter().any(|part| {
        let lines = [b"\r\n", &part.body[..]].concat();
        lines.windows(needle.len()).any(|window| window == needle.as_bytes())
    });
    if ambiguous {
        return;
    }
    assert_eq!(end, Ok(()));
    assert_eq!(again.len(), parts.len());
    for (again, part) in again.iter().zip(parts) {
        if is_unambiguous(&part.name) && is_normal(&part.name) {
            assert_eq!(again.name, part.name);
        }
        if part.filename.as_deref().is_none_or(is_unambiguous) {
            assert_eq!(again.filename, part.filename);
        }
        assert_eq!(again.body, part.body);
    }
}

/// Forms of any parts: what is written is read again, and its length was known. The bytes are split at each 0xFF into
/// boundary, names and bodies in turn.
pub fn multipart_round_trip(data: &[u8]) {
    let mut pieces = data.split(|&byte| byte == 0xff);
    let Ok(boundary) = Boundary::new(pieces.next().unwrap_or_default()) else { return };
    let pieces: Vec<&[u8]> = pieces.take(300).collect();
    let parts: Vec<Received> = pieces
        .chunks_exact(3)
        .filter(|piece| Encoder::new(boundary).content_length([(&Part::file(piece[0], piece[1]), 0)]).is_ok())
        .take(100)
        .map(|piece| Received {
            name: piece[0].to_vec(),
            filename: piece[1].split_first().map(|(_, name)| name.to_vec()),
            body: piece[2].to_vec(),
            ..Received::default()
        })
        .collect();
    write_again(&boundary, &parts);

    let complete = data.len() as u64;
    let mut ranges = ByteRangesEncoder::new(boundary, "a/b", Some(complete)).expect("an encoder");
    let (mut out, mut written) = (Vec::new(), Vec::new());
    for pair in data.chunks_exact(2) {
        let range = u64::from(pair[0])..u64::from(pair[1]);
        let before = out.len();
        match ranges.encode_range_head(range.clone(), &mut out) {
            Ok(()) => {
                out.extend_from_slice(&data[range.start as usize..range.end as usize]);
                written.push(range);
            }
            Err(_) => assert_eq!(out.len(), before),
        }
    }
    let length = ranges.content_length(written);
    ranges.encode_end(&mut out).expect("an end");
    assert_eq!(length, Ok(out.len() as u64));
}
