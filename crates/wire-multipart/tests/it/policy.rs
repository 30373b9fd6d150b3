//! What the application decides about each part, and the ends of a form.

use wire_multipart::{Boundary, Config, Decoder, Event, Step};

const FORM: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n\
    --b\r\nContent-Disposition: form-data; name=\"c\"; filename=\"\"\r\n\r\nworld\r\n--b--\r\n";

/// An event and its payload.
type Seen = (Option<Event>, &'static [u8]);

struct Reader {
    decoder: Decoder,
    at: usize,
}

impl Reader {
    fn new(config: &Config) -> Self {
        Self { decoder: Decoder::new(&Boundary::new("b").expect("a boundary"), config), at: 0 }
    }

    fn next(&mut self, end: usize) -> Result<Seen, wire_multipart::Error> {
        let input = &FORM[self.at..end];
        let step: Step = self.decoder.decode(input)?;
        self.at += step.consumed;
        Ok((step.event, step.payload(input)))
    }

    /// The next events, their payloads where they are data.
    fn rest(&mut self) -> Vec<Result<Seen, String>> {
        let mut all = Vec::new();
        loop {
            match self.next(FORM.len()) {
                Ok((None, _)) => return all,
                Ok((Some(Event::PartBegin), _)) => all.push(Ok((Some(Event::PartBegin), &b""[..]))),
                Ok(event) => all.push(Ok(event)),
                Err(error) => {
                    all.push(Err(format!("{:?} at {}", error.kind(), error.offset())));
                    return all;
                }
            }
        }
    }
}

const BEGIN: Seen = (Some(Event::PartBegin), b"");
const END: Seen = (Some(Event::PartEnd), b"");
const FORM_END: Seen = (Some(Event::End), b"");

fn data(bytes: &'static [u8]) -> Result<Seen, String> {
    Ok((Some(Event::Data { len: bytes.len() }), bytes))
}

#[test]
fn a_limit_that_is_said_at_the_head_counts_for_that_part_alone() {
    let mut config = Config::default();
    config.max_file_size = 5;
    let mut reader = Reader::new(&config);
    reader.next(FORM.len()).expect("a head");
    reader.decoder.limit_part(4);
    assert_eq!(reader.rest(), [data(b"hell"), Err("PartTooLarge at 53".into())]);

    let mut reader = Reader::new(&config);
    reader.next(FORM.len()).expect("a head");
    reader.decoder.limit_part(5);
    assert_eq!(reader.rest(), [data(b"hello"), Ok(END), Ok(BEGIN), data(b"world"), Ok(END), Ok(FORM_END)]);
}

#[test]
fn a_limit_may_be_raised_when_it_is_reached() {
    let mut reader = Reader::new(&Config::default());
    reader.next(FORM.len()).expect("a head");
    reader.decoder.limit_part(2);
    assert_eq!(reader.next(FORM.len()), Ok((Some(Event::Data { len: 2 }), &b"he"[..])));
    reader.decoder.limit_part(3);
    assert_eq!(reader.next(FORM.len()), Ok((Some(Event::Data { len: 1 }), &b"l"[..])));
    reader.decoder.limit_part(u64::MAX);
    assert_eq!(reader.rest()[..2], [data(b"lo"), Ok(END)]);
}

#[test]
fn a_part_may_be_skipped_at_its_head_and_later() {
    let mut reader = Reader::new(&Config::default());
    reader.next(FORM.len()).expect("a head");
    reader.decoder.skip_part();
    assert_eq!(reader.rest(), [Ok(END), Ok(BEGIN), data(b"world"), Ok(END), Ok(FORM_END)]);

    let mut reader = Reader::new(&Config::default());
    reader.next(FORM.len()).expect("a head");
    assert_eq!(reader.next(52), Ok((Some(Event::Data { len: 3 }), &b"hel"[..])));
    reader.decoder.skip_part();
    assert_eq!(reader.rest()[..2], [Ok(END), Ok(BEGIN)]);

    // Where the limit has stopped it, too.
    let mut reader = Reader::new(&Config::default());
    reader.next(FORM.len()).expect("a head");
    reader.decoder.limit_part(1);
    reader.next(FORM.len()).expect("data");
    reader.decoder.skip_part();
    assert_eq!(reader.rest()[..2], [Ok(END), Ok(BEGIN)]);
}

#[test]
fn outside_of_a_part_decisions_do_nothing() {
    let mut reader = Reader::new(&Config::default());
    reader.decoder.skip_part();
    reader.decoder.limit_part(0);
    assert_eq!(reader.rest().len(), 7);
    reader.decoder.skip_part();
    assert!(reader.decoder.is_complete());
    assert_eq!(reader.decoder.decode_eof(), Ok(()));
}

#[test]
fn a_refused_form_stays_refused() {
    let mut reader = Reader::new(&Config::default());
    reader.next(FORM.len()).expect("a head");
    let error = reader.decoder.refuse();
    assert_eq!((error.kind(), error.offset(), error.status()), (wire_multipart::ErrorKind::Refused, 49, 400));
    assert_eq!(reader.next(FORM.len()), Err(error));
    assert_eq!(reader.decoder.decode_eof(), Err(error));
    assert_eq!(reader.decoder.refuse(), error);

    let mut decoder = Decoder::new(&Boundary::new("b").expect("a boundary"), &Config::default());
    let earlier = decoder.decode(b"--bc").expect_err("no delimiter");
    assert_eq!(decoder.refuse(), earlier);
}

#[test]
fn limits_are_413_and_say_which_to_raise() {
    let mut config = Config::default();
    config.max_parts = 1;
    let mut reader = Reader::new(&config);
    let all = reader.rest();
    assert_eq!(all.len(), 4, "{all:?}");
    let error = reader.next(FORM.len()).expect_err("sticky");
    assert_eq!(error.status(), 413);
    assert_eq!(error.to_string(), "more parts than the limit: raise `Config::max_parts` (at byte 61)");
}

#[test]
fn a_caller_that_presents_too_little_gets_nothing_and_no_panic() {
    let mut reader = Reader::new(&Config::default());
    reader.next(FORM.len()).expect("a head");
    reader.decoder.limit_part(2);
    reader.next(FORM.len()).expect("data");
    assert_eq!(reader.decoder.decode(b"").map(|step| step.event), Ok(None));
}
