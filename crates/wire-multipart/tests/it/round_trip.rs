//! `decode(encode(x)) == x`, in whatever pieces, and the announced length.

use proptest::prelude::*;
use testkit::laws;
use testkit::rng::Rng;
use wire_multipart::{Boundary, ByteRangesEncoder, Config, Encoder};

use crate::form::{Form, Part, parts};

/// Names without what the encoding of browsers cannot tell apart: a literal `%22`, `%0D` or `%0A`.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => 0x20..=0x7eu8,
        2 => 0x80..=0xffu8,
        1 => Just(b'\t'), 2 => Just(b'\r'), 2 => Just(b'\n'), 2 => Just(b'"'), 2 => Just(b'\\'),
    ];
    prop::collection::vec(byte, 0..30).prop_filter("ambiguous in WHATWG's encoding", |name| {
        let escapes: [&[u8]; 5] = [b"%22", b"%0D", b"%0A", b"%0d", b"%0a"];
        !escapes.iter().any(|escape| name.windows(3).any(|window| window == *escape))
    })
}

/// What may stand in a file name, and what makes one dangerous.
fn character() -> impl Strategy<Value = u8> {
    prop_oneof![0x20..=0x7eu8, 0x80..=0xffu8, prop::sample::select(b". /\\:\r\n\t".to_vec())]
}

fn body(boundary: String) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        (0..4 + boundary.len()).prop_map(move |len| format!("\r\n--{boundary}").as_bytes()[..len].to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

type Sent = (Vec<u8>, Option<(Vec<u8>, String)>, Vec<u8>);

fn form() -> impl Strategy<Value = (String, Vec<Sent>)> {
    "[A-Za-z0-9'()+_,./:=? -]{0,68}[a-z0-9]".prop_flat_map(|boundary| {
        let file = prop::option::of((name(), "[a-z]{1,9}/[a-z0-9.+-]{1,9}"));
        let parts = prop::collection::vec((name(), file, body(boundary.clone())), 0..6);
        (Just(boundary), parts)
    })
}

/// WHATWG: each line break of a name is CRLF.
fn normalised(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, &byte) in name.iter().enumerate() {
        match byte {
            b'\r' => out.extend_from_slice(b"\r\n"),
            b'\n' if at > 0 && name[at - 1] == b'\r' => {}
            b'\n' => out.extend_from_slice(b"\r\n"),
            _ => out.push(byte),
        }
    }
    out
}

/// Whether a body breaks the one rule that an encoder leaves to the boundary's entropy.
fn has_delimiter(boundary: &str, body: &[u8]) -> bool {
    let lines = [b"\r\n", body].concat();
    let needle = format!("\r\n--{boundary}");
    lines.windows(needle.len()).any(|window| window == needle.as_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forms((boundary, sent) in form(), seed in any::<u64>()) {
        prop_assume!(!sent.iter().any(|(_, _, body)| has_delimiter(&boundary, body)));
        let heads: Vec<_> = sent.iter().map(|(name, file, _)| match file {
            None => wire_multipart::Part::text(name),
            Some((filename, content_type)) => {
                wire_multipart::Part::file(name, filename).content_type(content_type)
            }
        }).collect();
        let mut encoder = Encoder::new(Boundary::new(&boundary).expect("a boundary"));
        let length = encoder.content_length(heads.iter().zip(&sent).map(|(head, (_, _, body))| (head, body.len() as u64)));
        let mut input = Vec::new();
        for (head, (_, _, body)) in heads.iter().zip(&sent) {
            encoder.encode_part(head, body, &mut input).expect("a part");
        }
        encoder.encode_end(&mut input).expect("an end");
        prop_assert_eq!(length, Ok(input.len() as u64));
        prop_assert_eq!(Boundary::from_content_type(encoder.content_type()), Boundary::new(&boundary));

        let mut rng = Rng::new(seed);
        let config = Config::default();
        let transcript = laws::run(&mut Form::new(&boundary, &config), &input, || 1 + rng.below(40));
        prop_assert_eq!(&transcript.end, &Ok(()));
        let (received, complete) = parts(&transcript.events);
        prop_assert!(complete);
        prop_assert_eq!(received.len(), sent.len());
        for (Part { name, filename, content_type, body, ended, .. }, sent) in received.into_iter().zip(&sent) {
            prop_assert!(ended);
            prop_assert_eq!(&name, &normalised(&sent.0));
            prop_assert_eq!(filename.as_ref(), sent.1.as_ref().map(|(filename, _)| filename));
            prop_assert_eq!(content_type.as_deref(), sent.1.as_ref().map(|(_, kind)| kind.as_bytes()));
            prop_assert_eq!(&body, &sent.2);
        }
    }

    #[test]
    fn safe_names_are_safe(name in prop::collection::vec(character(), 0..300)) {
        let head = wire_multipart::Part::file("a", &name);
        let mut input = Vec::new();
        let mut encoder = Encoder::new(Boundary::new("b").expect("a boundary"));
        encoder.encode_part(&head, b"", &mut input).expect("a part");
        let transcript = laws::run(&mut Form::new("b", &Config::default()), &input, || usize::MAX);
        let (received, _) = parts(&transcript.events);
        if let Some(safe) = &received[0].safe_filename {
            prop_assert!(!safe.is_empty() && safe.len() <= 255 && !safe.ends_with(['.', ' ']));
            prop_assert!(!safe.contains(['/', '\\', ':', '\0', '\r', '\n']));
            prop_assert!(!safe.starts_with(' '));
        }
    }

    #[test]
    fn byte_ranges(cuts in prop::collection::vec((0..1000_usize, 1..50_usize), 1..8), known in any::<bool>()) {
        let file: Vec<u8> = (0..1050_u32).map(|i| (i * i % 251) as u8).collect();
        let complete = known.then_some(file.len() as u64);
        let boundary = Boundary::from_entropy([7; 16]);
        let mut encoder = ByteRangesEncoder::new(boundary, "a/b", complete).expect("an encoder");
        let ranges: Vec<_> = cuts.iter().map(|&(start, len)| start as u64..(start + len) as u64).collect();
        let mut input = Vec::new();
        for (range, &(start, len)) in ranges.iter().zip(&cuts) {
            encoder.encode_range_head(range.clone(), &mut input).expect("a range");
            input.extend_from_slice(&file[start..start + len]);
        }
        encoder.encode_end(&mut input).expect("an end");
        prop_assert_eq!(encoder.content_length(ranges), Ok(input.len() as u64));

        let mut config = Config::default();
        config.form_data = false;
        let transcript = laws::run(&mut Form::new(boundary.as_str(), &config), &input, || 9);
        prop_assert_eq!(transcript.end, Ok(()));
        let (received, _) = parts(&transcript.events);
        prop_assert_eq!(received.len(), cuts.len());
        for (part, (start, len)) in received.iter().zip(cuts) {
            prop_assert_eq!(&part.body, &file[start..start + len]);
            let total = if known { "1050" } else { "*" };
            let range = format!("bytes {start}-{}/{total}", start + len - 1);
            prop_assert_eq!(&part.fields[1], &("Content-Range".to_owned(), range.into_bytes()));
        }
    }
}
