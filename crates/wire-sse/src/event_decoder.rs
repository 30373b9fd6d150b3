//! Whole events over the [`Decoder`]: the buffers of section 9.2.6.
//!
//! Invariants: what is held is bounded by [`Config`]; an id counts only once the empty line behind it has come.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Config, Decoder, Error, Event, EventStep, Field, StreamEvent};

/// Decodes an event stream into whole events.
///
/// Call [`decode`](Self::decode) until it yields no event, then read more: nothing stays unconsumed. Memory: the data of
/// one event, at most twice [`Config::max_data`] while it grows, kept for the next one; the id and the event type.
#[derive(Clone, Debug)]
pub struct EventDecoder {
    decoder: Decoder,
    /// The data buffer: each line with a line feed.
    data: Vec<u8>,
    /// The last message was given: its data goes before the next call.
    dispatched: bool,
    /// The value of `event` or `id` while it comes.
    value: Vec<u8>,
    event_type: Vec<u8>,
    /// The last event ID buffer, and whether it has changed since the last empty line.
    id: Vec<u8>,
    id_changed: bool,
    /// The last event ID string: the buffer as it was at the last empty line.
    last_event_id: Vec<u8>,
}

impl EventDecoder {
    /// A decoder at the first byte of a response body.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            decoder: Decoder::new(config),
            data: Vec::new(),
            dispatched: false,
            value: Vec::new(),
            event_type: Vec::new(),
            id: Vec::new(),
            id_changed: false,
            last_event_id: Vec::new(),
        }
    }

    /// This decoder, behind a reconnection that sent this `Last-Event-ID`: events without an id of their own go on
    /// having it.
    #[must_use]
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        self.id = id.into();
        self.last_event_id = id.into();
        self
    }

    /// Decodes until there is one event or the input is used up.
    ///
    /// # Errors
    ///
    /// A limit was passed. Events complete before that come first; the error then comes again at every call.
    pub fn decode(&mut self, input: &[u8]) -> Result<EventStep, Error> {
        if core::mem::take(&mut self.dispatched) {
            self.data.clear();
            self.event_type.clear();
        }
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            let step = self.decoder.decode(rest)?;
            consumed += step.consumed;
            let event = match step.event {
                None => return Ok(EventStep { consumed, event: None }),
                Some(Event::Retry(time)) => StreamEvent::Retry(time),
                Some(Event::Value { field, last, .. }) => {
                    self.collect(field, step.payload(rest), last);
                    continue;
                }
                Some(Event::Dispatch) => {
                    if core::mem::take(&mut self.id_changed) {
                        self.last_event_id.clone_from(&self.id);
                    }
                    if self.data.is_empty() {
                        self.event_type.clear();
                        continue;
                    }
                    self.dispatched = true;
                    StreamEvent::Message
                }
            };
            return Ok(EventStep { consumed, event: Some(event) });
        }
    }

    /// The end of the input. An event that no empty line completed is discarded, its id too.
    ///
    /// # Errors
    ///
    /// The error found before.
    pub fn decode_eof(&mut self) -> Result<(), Error> {
        self.decoder.decode_eof()
    }

    /// The data of the message, its lines joined by line feeds; bytes that are not UTF-8 are replaced by U+FFFD.
    #[must_use]
    pub fn data(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.data_bytes())
    }

    /// The data of the message as it came.
    #[must_use]
    pub fn data_bytes(&self) -> &[u8] {
        match self.data.split_last() {
            Some((_, data)) if self.dispatched => data,
            _ => &[],
        }
    }

    /// The type of the message: `message` where the stream gave none.
    #[must_use]
    pub fn event_type(&self) -> Cow<'_, str> {
        if self.event_type.is_empty() || !self.dispatched {
            Cow::Borrowed("message")
        } else {
            String::from_utf8_lossy(&self.event_type)
        }
    }

    /// The id of the last event, dispatched or not, that had one; empty: none. What a client that reconnects sends as
    /// `Last-Event-ID`, unless it is empty (section 9.2.3).
    #[must_use]
    pub fn last_event_id(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.last_event_id)
    }

    fn collect(&mut self, field: Field, piece: &[u8], last: bool) {
        match field {
            Field::Comment => {}
            Field::Data => {
                self.data.extend_from_slice(piece);
                if last {
                    self.data.push(b'\n');
                }
            }
            Field::Event | Field::Id => {
                self.value.extend_from_slice(piece);
                if !last {
                    return;
                }
                if field == Field::Event {
                    core::mem::swap(&mut self.event_type, &mut self.value);
                } else if !self.value.contains(&0) {
                    core::mem::swap(&mut self.id, &mut self.value);
                    self.id_changed = true;
                }
                self.value.clear();
            }
        }
    }
}
