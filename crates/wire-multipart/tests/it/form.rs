//! A recipient of forms: as a decoder it is the subject of the laws.

use testkit::laws::Subject;
use wire_multipart::{Boundary, Config, Decoder, Error, Event};

/// One thing that came out, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Part(Box<Part>),
    Data(Vec<u8>),
    PartEnd,
    End,
}

/// A head, and later its body, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: Vec<u8>,
    pub(crate) raw_name: Vec<u8>,
    pub(crate) filename: Option<Vec<u8>>,
    pub(crate) raw_filename: Option<Vec<u8>>,
    pub(crate) safe_filename: Option<String>,
    pub(crate) content_type: Option<Vec<u8>>,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) ended: bool,
}

/// The recipient. Quiet, it keeps no copies.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) decoder: Decoder,
    pub(crate) skipped: Vec<usize>,
    pub(crate) skips_all: bool,
    parts: usize,
    quiet: bool,
    bound: usize,
}

impl Form {
    pub(crate) fn new(boundary: &str, config: &Config) -> Self {
        let boundary = Boundary::new(boundary).expect("a boundary");
        Self {
            decoder: Decoder::new(&boundary, config),
            skipped: Vec::new(),
            skips_all: false,
            parts: 0,
            quiet: false,
            bound: config.max_field_section.max(73),
        }
    }

    pub(crate) fn quiet(boundary: &str, config: &Config) -> Self {
        Self { quiet: true, ..Self::new(boundary, config) }
    }
}

impl Subject for Form {
    type Event = Seen;
    type Error = Error;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Seen>), Error> {
        let step = self.decoder.decode(input)?;
        let payload = step.payload(input);
        let seen = step.event.map(|event| match event {
            Event::PartBegin => {
                let part = if self.quiet { Part::default() } else { part(&self.decoder, payload) };
                if self.skips_all || self.skipped.contains(&self.parts) {
                    self.decoder.skip_part();
                }
                self.parts += 1;
                if self.quiet { Seen::PartEnd } else { Seen::Part(Box::new(part)) }
            }
            Event::Data { len } => {
                assert!(len > 0 && len == payload.len());
                Seen::Data(if self.quiet { Vec::new() } else { payload.to_vec() })
            }
            Event::PartEnd => Seen::PartEnd,
            Event::End => Seen::End,
        });
        Ok((step.consumed, seen))
    }

    fn decode_eof(&mut self) -> Result<(), Error> {
        self.decoder.decode_eof()
    }

    fn merge(last: &mut Seen, next: &Seen) -> bool {
        if let (Seen::Data(last), Seen::Data(next)) = (last, next) {
            last.extend_from_slice(next);
            return true;
        }
        false
    }

    fn max_unconsumed(&self) -> usize {
        self.bound
    }
}

fn part(decoder: &Decoder, prefix: &[u8]) -> Part {
    let view = decoder.head().view(prefix);
    for field in view.fields() {
        assert!(view.get(&field.name.to_ascii_uppercase()).is_some());
    }
    Part {
        name: view.name().into_owned(),
        raw_name: view.raw_name().to_vec(),
        filename: view.filename().map(std::borrow::Cow::into_owned),
        raw_filename: view.raw_filename().map(<[u8]>::to_vec),
        safe_filename: view.safe_filename(),
        content_type: view.content_type().map(<[u8]>::to_vec),
        fields: view.fields().map(|field| (field.name.to_owned(), field.value.to_vec())).collect(),
        ..Part::default()
    }
}

/// The parts of a transcript, with their bodies, and whether the close delimiter was found.
pub(crate) fn parts(events: &[Seen]) -> (Vec<Part>, bool) {
    let (mut parts, mut complete): (Vec<Part>, _) = (Vec::new(), false);
    for event in events {
        assert!(!complete, "an event behind the end");
        match event {
            Seen::Part(part) => parts.push((**part).clone()),
            Seen::Data(data) => parts.last_mut().expect("a part").body.extend_from_slice(data),
            Seen::PartEnd => {
                assert!(!std::mem::replace(&mut parts.last_mut().expect("a part").ended, true));
            }
            Seen::End => complete = true,
        }
        assert!(parts.iter().rev().skip(1).all(|part| part.ended));
    }
    (parts, complete)
}
