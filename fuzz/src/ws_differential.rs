//! wire-ws against tungstenite: the same bytes give the same messages, and end alike.

use std::io::{self, Read, Write};

use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error as TheirError, Message, WebSocket};
use wire_ws::{Config, DataKind, ErrorKind, MessageDecoder, MessageEvent, Payload, Role};

const MESSAGE_LIMIT: usize = 300;
const FRAME_LIMIT: usize = 200;

/// Kind of frame and payload; without the Close, which is an end.
type Events = Vec<(u8, Vec<u8>)>;

#[derive(Debug, PartialEq)]
enum End {
    Closed(Option<u16>, Vec<u8>),
    /// The input ended before anything was wrong.
    Input,
    Wrong,
}

/// Gives what is to be read in pieces; what is written is lost.
struct Transport<'a> {
    input: &'a [u8],
    piece: usize,
}

impl Read for Transport<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.piece.min(self.input.len()).min(out.len());
        let (head, tail) = self.input.split_at(len);
        out[..len].copy_from_slice(head);
        self.input = tail;
        Ok(len)
    }
}

impl Write for Transport<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn theirs(role: Role, piece: usize, input: &[u8]) -> (Events, End) {
    let role = match role {
        Role::Server => TheirRole::Server,
        Role::Client => TheirRole::Client,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(1 << 10)
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(FRAME_LIMIT));
    let mut socket = WebSocket::from_raw_socket(Transport { input, piece }, role, Some(config));
    let mut events = Vec::new();
    loop {
        events.push(match socket.read() {
            Ok(Message::Text(text)) => (1, text.as_bytes().to_vec()),
            Ok(Message::Binary(payload)) => (2, payload.to_vec()),
            Ok(Message::Ping(payload)) => (9, payload.to_vec()),
            Ok(Message::Pong(payload)) => (10, payload.to_vec()),
            Ok(Message::Close(close)) => {
                let code = close.as_ref().map(|close| close.code.into());
                let reason = close.map_or(Vec::new(), |close| close.reason.as_bytes().to_vec());
                return (events, End::Closed(code, reason));
            }
            Ok(Message::Frame(_)) => unreachable!("never read"),
            Err(
                TheirError::Io(_)
                | TheirError::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake),
            ) => return (events, End::Input),
            Err(_) => return (events, End::Wrong),
        });
    }
}

fn ours(role: Role, piece: usize, input: &[u8]) -> (Events, End, Option<ErrorKind>) {
    let mut config = Config::default();
    config.max_message_size = MESSAGE_LIMIT as u64;
    config.max_frame_size = FRAME_LIMIT as u64;
    config.max_fragments = u32::MAX;
    let mut decoder = MessageDecoder::new(role, &config);
    let (mut events, mut rest) = (Vec::new(), Vec::new());
    for piece in input.chunks(piece) {
        rest.extend_from_slice(piece);
        loop {
            let step = match decoder.decode(&mut rest) {
                Ok(step) => step,
                Err(error) => return (events, End::Wrong, Some(error.kind())),
            };
            match step.event {
                Some(MessageEvent::Message { kind, payload }) => {
                    let payload = match payload {
                        Payload::Input(range) => rest[range].to_vec(),
                        Payload::Buffer => decoder.buffer().to_vec(),
                    };
                    events.push((if kind == DataKind::Text { 1 } else { 2 }, payload));
                }
                Some(MessageEvent::Ping { range }) => events.push((9, rest[range].to_vec())),
                Some(MessageEvent::Pong { range }) => events.push((10, rest[range].to_vec())),
                Some(MessageEvent::Close { code, range }) => {
                    return (events, End::Closed(code.map(u16::from), rest[range].to_vec()), None);
                }
                None => {
                    rest.drain(..step.consumed);
                    break;
                }
            }
            rest.drain(..step.consumed);
        }
    }
    (events, End::Input, None)
}

/// Any bytes to both.
pub fn ws_differential(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let piece = 1 + usize::from(choice >> 1);
    let (our_events, our_end, kind) = ours(role, piece, data);
    let (their_events, their_end) = theirs(role, piece, data);
    match kind {
        // They take lengths in more bytes than needed, those of control frames too, and codes that must not be sent.
        Some(ErrorKind::NonMinimalLength | ErrorKind::ControlTooLong | ErrorKind::InvalidCloseCode) => {
            assert!(their_events.starts_with(&our_events), "{their_events:?} where we have {our_events:?}");
        }
        // They check text when its message is whole.
        Some(ErrorKind::InvalidUtf8) => {
            assert!(their_events.starts_with(&our_events), "{their_events:?} where we have {our_events:?}");
            assert!(their_events[our_events.len()..].iter().all(|event| event.0 > 2), "{their_events:?}");
        }
        _ => {
            assert_eq!(our_events, their_events, "{our_end:?} ({kind:?}), {their_end:?}");
            match (&our_end, &their_end) {
                // We see it in the header, or in the part of a frame that is there.
                (End::Wrong, End::Input) => {}
                // They answer codes that the registry has since got (1014) as if they were illegal.
                (End::Closed(Some(1012..=1014), _), End::Closed(..)) => {}
                _ => assert_eq!(our_end, their_end, "{kind:?}"),
            }
        }
    }
}
