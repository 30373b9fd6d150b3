//! What a form allocates: the searcher, and the table of a head once.

use testkit::alloc;
use wire_multipart::{Boundary, Config, Decoder, Event, PartHead};

fn form(parts: usize) -> Vec<u8> {
    let part = "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"C:\\x\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n";
    format!("{}--b--\r\n", part.repeat(parts)).into_bytes()
}

fn decode(decoder: &mut Decoder, mut input: &[u8], mut at_part: impl FnMut(&mut Decoder, &[u8])) {
    while let step = decoder.decode(input).expect("a form")
        && let Some(event) = step.event
    {
        if event == Event::PartBegin {
            at_part(decoder, step.payload(input));
        }
        input = &input[step.consumed..];
    }
    decoder.decode_eof().expect("a whole form");
}

#[test]
fn a_part_allocates_nothing_but_the_first_one_its_table() {
    let (boundary, config) = (Boundary::new("b").expect("a boundary"), Config::default());
    let count = |parts| {
        let input = form(parts);
        let ((), usage) = alloc::measure(|| {
            decode(&mut Decoder::new(&boundary, &config), &input, |decoder, prefix| {
                let view = decoder.head().view(prefix);
                assert_eq!((&*view.name(), view.filename().as_deref()), (&b"a"[..], Some(&b"C:\\x"[..])));
            });
        });
        usage.count
    };
    let none = count(0);
    assert!(none <= 1, "{none}: the needle of the searcher");
    assert_eq!((count(1) - none, count(100) - none), (1, 1));
}

#[test]
fn heads_that_are_given_back_are_used_again() {
    let boundary = Boundary::new("b").expect("a boundary");
    let (mut first, mut spare) = (None, PartHead::default());
    let mut decoder = Decoder::new(&boundary, &Config::default());
    let input = form(100);
    let ((), usage) = alloc::measure(|| {
        decode(&mut decoder, &input, |decoder, prefix| {
            let head = decoder.take_head(std::mem::take(&mut spare));
            assert_eq!(head.view(prefix).content_type(), Some(&b"text/plain"[..]));
            if first.is_none() { first = Some(head) } else { spare = head }
        });
    });
    assert!(usage.count <= 3, "{usage:?}");
}

#[test]
fn the_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 768, "{}", size_of::<Decoder>());
    assert!(size_of::<wire_multipart::Error>() <= 16);
}
