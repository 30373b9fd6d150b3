//! The laws of a sans-IO codec, for both decoders.

use std::time::Duration;

use testkit::codec_laws;
use testkit::laws::Subject;
use wire_sse::{Config, Decoder, Error, Event, EventDecoder, Field, StreamEvent};

/// An event with its payload; left empty in the quiet subject.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Value { field: Field, payload: Vec<u8>, last: bool },
    Other(Event),
}

struct Pieces {
    decoder: Decoder,
    quiet: bool,
}

impl Subject for Pieces {
    type Event = Owned;
    type Error = Error;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Owned>), Error> {
        let step = self.decoder.decode(input)?;
        let payload = if self.quiet { Vec::new() } else { step.payload(input).to_vec() };
        let event = step.event.map(|event| match event {
            Event::Value { field, len, last } => {
                assert!(len > 0 || last, "a piece of nothing");
                Owned::Value { field, payload, last }
            }
            event => Owned::Other(event),
        });
        Ok((step.consumed, event))
    }

    fn decode_eof(&mut self) -> Result<(), Error> {
        self.decoder.decode_eof()
    }

    fn merge(last: &mut Owned, next: &Owned) -> bool {
        match (last, next) {
            (
                Owned::Value { field, payload, last: last @ false },
                Owned::Value { field: next_field, payload: next, last: next_last },
            ) => {
                assert_eq!(field, next_field, "a value that changes its field");
                payload.extend_from_slice(next);
                *last = *next_last;
                true
            }
            _ => false,
        }
    }

    fn max_unconsumed(&self) -> usize {
        0
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Whole {
    Message { data: Vec<u8>, event: String, id: String },
    Retry(Duration),
}

struct Events {
    decoder: EventDecoder,
    quiet: bool,
}

impl Subject for Events {
    type Event = Whole;
    type Error = Error;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Whole>), Error> {
        let step = self.decoder.decode(input)?;
        let event = step.event.map(|event| match event {
            StreamEvent::Retry(time) => Whole::Retry(time),
            StreamEvent::Message if self.quiet => Whole::Retry(Duration::ZERO),
            StreamEvent::Message => Whole::Message {
                data: self.decoder.data_bytes().to_vec(),
                event: self.decoder.event_type().into_owned(),
                id: self.decoder.last_event_id().into_owned(),
            },
        });
        Ok((step.consumed, event))
    }

    fn decode_eof(&mut self) -> Result<(), Error> {
        self.decoder.decode_eof()
    }

    fn merge(_: &mut Whole, _: &Whole) -> bool {
        false
    }

    fn max_unconsumed(&self) -> usize {
        0
    }
}

/// Limits within reach of short inputs.
fn config() -> Config {
    let mut config = Config::default();
    (config.max_data, config.max_event_type, config.max_id) = (32, 32, 32);
    config
}

fn unbounded() -> Config {
    let mut config = Config::default();
    (config.max_data, config.max_event_type, config.max_id) = (usize::MAX, usize::MAX, usize::MAX);
    config
}

fn corpus() -> Vec<Vec<u8>> {
    conformance::sse::cases().iter().map(conformance::sse::Case::bytes).collect()
}

/// Generators of about `n` hostile bytes.
mod hostile {
    pub(super) fn one_long_line(n: usize) -> Vec<u8> {
        [b"data:".to_vec(), vec![b'x'; n]].concat()
    }

    pub(super) fn empty_data(n: usize) -> Vec<u8> {
        b"data\n".repeat(n / 5)
    }

    pub(super) fn empty_lines(n: usize) -> Vec<u8> {
        b"\r".repeat(n)
    }

    pub(super) fn ids(n: usize) -> Vec<u8> {
        [b"id:".to_vec(), vec![b'7'; n / 4], b"\n".to_vec(), b"\nid:\0\n\n".repeat(n / 10)].concat()
    }

    pub(super) fn long_name(n: usize) -> Vec<u8> {
        vec![b'd'; n]
    }

    pub(super) fn long_number(n: usize) -> Vec<u8> {
        [b"retry:".to_vec(), vec![b'9'; n]].concat()
    }
}

codec_laws! {
    pieces {
        subject: Pieces { decoder: Decoder::new(&config()), quiet: false },
        quiet: Pieces { decoder: Decoder::new(&unbounded()), quiet: true },
        corpus: corpus(),
        hostile: [
            one_long_line: hostile::one_long_line,
            empty_data: hostile::empty_data,
            empty_lines: hostile::empty_lines,
            ids: hostile::ids,
            long_name: hostile::long_name,
            long_number: hostile::long_number,
        ],
        size: 1 << 14,
        memory: 0,
    }
    events {
        subject: Events { decoder: EventDecoder::new(&config()), quiet: false },
        quiet: Events { decoder: EventDecoder::new(&Config::default()), quiet: true },
        corpus: corpus(),
        hostile: [
            one_long_line: hostile::one_long_line,
            empty_data: hostile::empty_data,
            empty_lines: hostile::empty_lines,
            ids: hostile::ids,
            long_name: hostile::long_name,
            long_number: hostile::long_number,
        ],
        size: 1 << 14,
        // Twice the data while it grows; ids are within their limit.
        memory: 3 << 20,
    }
}
