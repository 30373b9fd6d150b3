//! The laws of a sans-IO codec, for both roles and both decoders.

use testkit::codec_laws;
use testkit::laws::Subject;
use wire_ws::{
    CloseCode, Config, DataKind, Decoder, Error, Event, MessageDecoder, MessageEvent, Payload, Role,
};

use crate::frames::{BINARY, BINARY_FIRST, CLOSE, LAST, MORE, PING, PONG, TEXT, TEXT_FIRST, frame, header};

/// An event with its payload. In the quiet subjects payloads are left empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Owned {
    Data { kind: DataKind, payload: Vec<u8>, first: bool, last: bool },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, Vec<u8>),
}

/// The decoder, copying payloads out or not.
pub(crate) struct Pieces {
    pub(crate) decoder: Decoder,
    pub(crate) quiet: bool,
}

impl Pieces {
    pub(crate) fn new(role: Role) -> Self {
        Self { decoder: Decoder::new(role, &config()), quiet: false }
    }

    fn quiet(role: Role) -> Self {
        Self { decoder: Decoder::new(role, &unbounded()), quiet: true }
    }
}

/// Limits within reach of a corpus of short inputs.
fn config() -> Config {
    let mut config = Config::default();
    config.max_message_size = 400;
    config.max_frame_size = 300;
    config.max_fragments = 8;
    config
}

/// Without the limit that would end most hostile inputs early.
fn unbounded() -> Config {
    let mut config = Config::default();
    config.max_fragments = u32::MAX;
    config
}

impl Subject for Pieces {
    type Event = Owned;
    type Error = Error;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Owned>), Error> {
        let ready = self.decoder.is_ready(input);
        let step = self.decoder.decode(input);
        match &step {
            Err(_) => {}
            // Not ready: nothing, or a part of a data frame whose rest is to come (or is invalid).
            Ok(step) if !ready => {
                assert!(matches!(step.event, None | Some(Event::Data { last: false, .. })), "{step:?}");
            }
            Ok(step) => assert!(step.event.is_some(), "ready, but {step:?}"),
        }
        let step = step?;
        let payload = if self.quiet { Vec::new() } else { step.payload(input).to_vec() };
        Ok((
            step.consumed,
            step.event.map(|event| match event {
                Event::Data { kind, len, first, last, deflated } => {
                    assert!(!deflated && (len > 0 || last), "{event:?}");
                    Owned::Data { kind, payload, first, last }
                }
                Event::Ping { .. } => Owned::Ping(payload),
                Event::Pong { .. } => Owned::Pong(payload),
                Event::Close { code, .. } => Owned::Close(code, payload),
            }),
        ))
    }

    fn decode_eof(&mut self) -> Result<(), Error> {
        self.decoder.decode_eof()
    }

    fn merge(last: &mut Owned, next: &Owned) -> bool {
        match (last, next) {
            (
                Owned::Data { kind, payload, last: last @ false, .. },
                Owned::Data { kind: next_kind, payload: piece, first: false, last: next_last },
            ) if kind == next_kind => {
                payload.extend_from_slice(piece);
                *last = *next_last;
                true
            }
            _ => false,
        }
    }

    fn max_unconsumed(&self) -> usize {
        130
    }
}

/// The message decoder. `direct`: reads what a frame lacks straight into the message where it can.
pub(crate) struct Messages {
    pub(crate) decoder: MessageDecoder,
    pub(crate) quiet: bool,
    pub(crate) direct: bool,
}

impl Messages {
    pub(crate) fn new(role: Role, direct: bool) -> Self {
        Self { decoder: MessageDecoder::new(role, &config()), quiet: false, direct }
    }

    fn quiet(role: Role) -> Self {
        Self { decoder: MessageDecoder::new(role, &unbounded()), quiet: true, direct: true }
    }

    fn own(&self, event: MessageEvent, input: &[u8]) -> Owned {
        let copy = |payload: &[u8]| if self.quiet { Vec::new() } else { payload.to_vec() };
        match event {
            MessageEvent::Message { kind, payload } => {
                let payload = match payload {
                    Payload::Input(range) => copy(&input[range]),
                    Payload::Buffer => copy(self.decoder.buffer()),
                };
                Owned::Data { kind, payload, first: true, last: true }
            }
            MessageEvent::Ping { range } => Owned::Ping(copy(&input[range])),
            MessageEvent::Pong { range } => Owned::Pong(copy(&input[range])),
            MessageEvent::Close { code, range } => Owned::Close(code, copy(&input[range])),
        }
    }
}

impl Subject for Messages {
    type Event = Owned;
    type Error = Error;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Owned>), Error> {
        if self.direct
            && !input.is_empty()
            && let Ok(remaining) = usize::try_from(self.decoder.remaining())
            && let Some(spare) = self.decoder.spare()
        {
            let taken = remaining.min(input.len());
            spare.extend_from_slice(&input[..taken]);
            let event = self.decoder.filled()?;
            return match event {
                Some(event) => Ok((taken, Some(self.own(event, input)))),
                None => {
                    let (consumed, event) = self.decode(&mut input[taken..])?;
                    Ok((taken + consumed, event))
                }
            };
        }
        let ready = self.decoder.is_ready(input);
        let step = self.decoder.decode(input)?;
        assert_eq!(ready, step.event.is_some(), "{step:?}");
        Ok((step.consumed, step.event.map(|event| self.own(event, input))))
    }

    fn decode_eof(&mut self) -> Result<(), Error> {
        self.decoder.decode_eof()
    }

    fn merge(_: &mut Owned, _: &Owned) -> bool {
        false
    }

    fn max_unconsumed(&self) -> usize {
        130
    }
}

/// Inputs for one role, good ones and bad ones.
pub(crate) fn corpus(role: Role) -> Vec<Vec<u8>> {
    let masked = role == Role::Server;
    let frame = |first, payload: &[u8]| frame(first, masked, payload);
    let close = |code: u16, reason: &str| frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat());
    let mixed = "Ünïcödé: κόσμε, 漢字, 🦀.";
    let mut corpus = vec![
        // Good.
        [frame(TEXT, b"Hello"), close(1000, "bye")].concat(),
        [frame(TEXT, b""), frame(BINARY, b""), frame(PING, b""), frame(PONG, b""), frame(CLOSE, b"")]
            .concat(),
        [frame(BINARY, &[0xfe; 125]), frame(BINARY, &[0xff; 126]), frame(PING, &[1; 125]), close(4999, "")]
            .concat(),
        [
            frame(TEXT_FIRST, b"Hel"),
            frame(PING, b"in between"),
            frame(MORE, b""),
            frame(MORE, b"lo "),
            frame(PONG, b""),
            frame(LAST, "wörld".as_bytes()),
            frame(TEXT, b"next"),
            close(3000, mixed),
        ]
        .concat(),
        [frame(BINARY_FIRST, b""), frame(MORE, b""), frame(LAST, b""), frame(CLOSE, b"")].concat(),
        [frame(TEXT, mixed.as_bytes()), close(1001, mixed)].concat(),
        [frame(BINARY, b"a"), frame(CLOSE, b""), frame(TEXT, b"ignored"), vec![0xff; 20]].concat(),
        // Ends in the middle.
        frame(TEXT, b"no close"),
        frame(TEXT_FIRST, b"no end"),
        frame(TEXT, b"cut short")[..9].to_vec(),
        header(BINARY, masked, 200),
        frame(PING, b"cut short")[..9].to_vec(),
        vec![BINARY],
    ];
    // A code point over every boundary of fragments, with a Ping between.
    for cut in 1..mixed.len() {
        if cut % 5 != 0 {
            continue;
        }
        let (a, b) = mixed.as_bytes().split_at(cut);
        corpus.push([frame(TEXT_FIRST, a), frame(PING, b"p"), frame(LAST, b), frame(CLOSE, b"")].concat());
    }
    // Bad, each behind something good and before something that must not come out.
    let bad: Vec<Vec<u8>> = vec![
        frame(0x83, b"reserved opcode"),
        frame(0x8b, b""),
        frame(0xc1, b"RSV1"),
        frame(0xa2, b"RSV2"),
        frame(0x99, b"RSV3"),
        crate::frames::frame(TEXT, !masked, b"wrong masking"),
        frame(0x09, b"fragmented ping"),
        frame(0x08, b""),
        frame(LAST, b"nothing to continue"),
        frame(MORE, b"nothing to continue"),
        [frame(TEXT_FIRST, b"a"), frame(PING, b""), frame(TEXT, b"unfinished")].concat(),
        [frame(BINARY_FIRST, b""), frame(BINARY_FIRST, b"unfinished")].concat(),
        frame(PING, &[0; 126]),
        frame(CLOSE, &[3; 126]),
        frame(CLOSE, b"\x03"),
        close(999, ""),
        close(1005, "reserved"),
        close(1006, ""),
        close(1015, ""),
        close(5000, ""),
        frame(CLOSE, b"\x03\xe8\xff not UTF-8"),
        frame(CLOSE, b"\x03\xe8cut short \xe2\x82"),
        vec![BINARY, u8::from(masked) << 7 | 126, 0, 125],
        vec![BINARY, u8::from(masked) << 7 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        vec![BINARY, u8::from(masked) << 7 | 127, 0x80, 0, 0, 0, 0, 0, 0, 1],
        frame(BINARY, &[0; 301]),
        [frame(BINARY_FIRST, &[0; 300]), frame(LAST, &[0; 101])].concat(),
        [frame(TEXT_FIRST, b""), frame(MORE, b"").repeat(7), frame(LAST, b"")].concat(),
        header(BINARY, masked, u64::MAX >> 1),
        frame(TEXT, b"overlong \xc0\xaf"),
        frame(TEXT, "surrogate ".as_bytes()).into_iter().chain(frame(TEXT, b"\xed\xa0\x80")).collect(),
        frame(TEXT, b"too high \xf4\x90\x80\x80"),
        frame(TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"),
        frame(TEXT, b"cut short \xf0\x9f\xa6"),
        [frame(TEXT_FIRST, b"cut \xe2"), frame(PING, b""), frame(LAST, b"")].concat(),
        [frame(TEXT_FIRST, b"cut \xe2"), frame(MORE, b"\x82"), frame(LAST, b"\x41")].concat(),
        [frame(TEXT_FIRST, b"\xf0"), frame(MORE, b"\x9f"), frame(MORE, b"\xa6"), frame(LAST, b"\xc0")]
            .concat(),
    ];
    for bad in bad {
        corpus.push([frame(TEXT, b"good"), bad, frame(BINARY, b"late")].concat());
    }
    corpus
}

/// Generators of about `n` hostile bytes, by role.
mod hostile {
    use super::{BINARY, BINARY_FIRST, CLOSE, MORE, PING, TEXT, TEXT_FIRST, frame, header};

    pub(super) fn empty_fragments(masked: bool, n: usize) -> Vec<u8> {
        let more = frame(MORE, masked, b"");
        [frame(BINARY_FIRST, masked, b""), more.repeat(n / more.len())].concat()
    }

    pub(super) fn tiny_fragments(masked: bool, n: usize) -> Vec<u8> {
        let more = frame(MORE, masked, b"x");
        [frame(TEXT_FIRST, masked, b"x"), more.repeat(n / more.len())].concat()
    }

    pub(super) fn pings(masked: bool, n: usize) -> Vec<u8> {
        let ping = frame(PING, masked, b"");
        ping.repeat(n / ping.len())
    }

    pub(super) fn pings_in_a_message(masked: bool, n: usize) -> Vec<u8> {
        let ping = frame(PING, masked, &[0; 125]);
        [frame(TEXT_FIRST, masked, b"x"), ping.repeat(n / ping.len())].concat()
    }

    pub(super) fn one_big_frame(masked: bool, n: usize) -> Vec<u8> {
        frame(BINARY, masked, &vec![0xa5; n])
    }

    pub(super) fn much_declared(masked: bool, n: usize) -> Vec<u8> {
        [header(BINARY, masked, 16 << 20), vec![0; n / 512]].concat()
    }

    pub(super) fn trickled_code_points(masked: bool, n: usize) -> Vec<u8> {
        let crab: Vec<u8> = "🦀".bytes().flat_map(|byte| frame(MORE, masked, &[byte])).collect();
        [frame(TEXT_FIRST, masked, b""), crab.repeat(n / crab.len())].concat()
    }

    pub(super) fn long_mixed_text(masked: bool, n: usize) -> Vec<u8> {
        frame(TEXT, masked, "ä漢🦀x".repeat(n / 10).as_bytes())
    }

    pub(super) fn after_the_close(masked: bool, n: usize) -> Vec<u8> {
        [frame(CLOSE, masked, b""), vec![0; n]].concat()
    }
}

/// A message buffer: twice what may arrive of 1 MiB, and the least room for a direct read.
const MESSAGE_MEMORY: usize = (2 << 20) + (8 << 10);

codec_laws! {
    server {
        subject: Pieces::new(Role::Server),
        quiet: Pieces::quiet(Role::Server),
        corpus: corpus(Role::Server),
        hostile: [
            empty_fragments: |n| hostile::empty_fragments(true, n),
            tiny_fragments: |n| hostile::tiny_fragments(true, n),
            pings: |n| hostile::pings(true, n),
            pings_in_a_message: |n| hostile::pings_in_a_message(true, n),
            one_big_frame: |n| hostile::one_big_frame(true, n),
            much_declared: |n| hostile::much_declared(true, n),
            trickled_code_points: |n| hostile::trickled_code_points(true, n),
            long_mixed_text: |n| hostile::long_mixed_text(true, n),
            after_the_close: |n| hostile::after_the_close(true, n),
        ],
        size: 1 << 12,
        memory: 0,
    }
    client {
        subject: Pieces::new(Role::Client),
        quiet: Pieces::quiet(Role::Client),
        corpus: corpus(Role::Client),
        hostile: [
            empty_fragments: |n| hostile::empty_fragments(false, n),
            tiny_fragments: |n| hostile::tiny_fragments(false, n),
            pings: |n| hostile::pings(false, n),
            pings_in_a_message: |n| hostile::pings_in_a_message(false, n),
            one_big_frame: |n| hostile::one_big_frame(false, n),
            much_declared: |n| hostile::much_declared(false, n),
            trickled_code_points: |n| hostile::trickled_code_points(false, n),
            long_mixed_text: |n| hostile::long_mixed_text(false, n),
            after_the_close: |n| hostile::after_the_close(false, n),
        ],
        size: 1 << 12,
        memory: 0,
    }
    server_messages {
        subject: Messages::new(Role::Server, false),
        quiet: Messages::quiet(Role::Server),
        corpus: corpus(Role::Server),
        hostile: [
            empty_fragments: |n| hostile::empty_fragments(true, n),
            tiny_fragments: |n| hostile::tiny_fragments(true, n),
            pings: |n| hostile::pings(true, n),
            pings_in_a_message: |n| hostile::pings_in_a_message(true, n),
            one_big_frame: |n| hostile::one_big_frame(true, n),
            much_declared: |n| hostile::much_declared(true, n),
            trickled_code_points: |n| hostile::trickled_code_points(true, n),
            long_mixed_text: |n| hostile::long_mixed_text(true, n),
            after_the_close: |n| hostile::after_the_close(true, n),
        ],
        size: 1 << 12,
        memory: MESSAGE_MEMORY,
    }
    client_messages {
        subject: Messages::new(Role::Client, true),
        quiet: Messages::quiet(Role::Client),
        corpus: corpus(Role::Client),
        hostile: [
            empty_fragments: |n| hostile::empty_fragments(false, n),
            tiny_fragments: |n| hostile::tiny_fragments(false, n),
            pings: |n| hostile::pings(false, n),
            pings_in_a_message: |n| hostile::pings_in_a_message(false, n),
            one_big_frame: |n| hostile::one_big_frame(false, n),
            much_declared: |n| hostile::much_declared(false, n),
            trickled_code_points: |n| hostile::trickled_code_points(false, n),
            long_mixed_text: |n| hostile::long_mixed_text(false, n),
            after_the_close: |n| hostile::after_the_close(false, n),
        ],
        size: 1 << 12,
        memory: MESSAGE_MEMORY,
    }
}

/// A declared length alone reserves nothing: the peak follows the 2 KiB that arrive, not the 16 MiB declared.
#[test]
fn memory_follows_what_arrives() {
    for masked in [true, false] {
        let role = if masked { Role::Server } else { Role::Client };
        let input = hostile::much_declared(masked, 1 << 20);
        testkit::laws::bounded_memory(|| Messages::quiet(role), &input, 16 << 10);
    }
}
