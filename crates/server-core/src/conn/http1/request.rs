//! The request side: heads, bodies on demand, and what is left of a body that nobody read.

use wire_http1::{BodyFraming, Event, Method, Step};

use super::link::{Ending, Link};
use super::{Config, Progress};
use crate::body::{BodyError, BodySlot, Demand, Incoming, Trailers};
use crate::conn::Duplex;
use crate::conn::deadline::Deadline;
use crate::control::Counted;
use crate::request::{Head, Request};
use crate::ws::Upgrade;

/// What is read of a body or of pipelined requests before anybody asks for it: little, since a connection holds it.
const READ_AHEAD: usize = 4 << 10;

impl<Io> Link<Io> {
    /// The next request, once its head is here. Finishes the last one first. `None`: more input is needed, or output
    /// must leave first, or the connection ends.
    pub(super) fn next_request(&mut self, config: &Config, budget: &mut u32) -> Option<Request> {
        if self.responded && self.finish_request(config) == Progress::Blocked {
            return None;
        }
        if self.output.len() >= config.write_buffer || *budget == 0 {
            self.awaits_write = true;
            return None;
        }
        if self.draining && self.input.is_empty() {
            self.end(Ending::Close);
            return None;
        }
        if self.input.is_empty() {
            if self.eof {
                self.end(Ending::Close);
            }
            self.reading = true;
            return None;
        }
        *budget -= 1;
        match self.http.decode(self.input.bytes()) {
            Ok(Step { consumed, event: Some(Event::Head) }) => Some(self.begin_request(consumed, config)),
            Ok(Step { consumed, .. }) => {
                self.input.consume(consumed);
                self.leave_idle();
                self.deadlines.start(Deadline::Head, self.now + config.head_timeout);
                if self.eof {
                    match self.http.decode_eof() {
                        Ok(()) => self.end(Ending::Close),
                        Err(error) => self.refuse(error.status(), &error.to_string()),
                    }
                }
                self.reading = true;
                None
            }
            Err(error) => {
                self.refuse(error.status(), &error.to_string());
                None
            }
        }
    }

    fn leave_idle(&mut self) {
        self.becomes_idle = false;
        self.deadlines.clear(Deadline::Idle);
    }

    fn begin_request(&mut self, consumed: usize, config: &Config) -> Request {
        self.leave_idle();
        self.deadlines.clear(Deadline::Head);
        if let Some(limit) = config.handler_timeout {
            self.deadlines.set(Deadline::Handler, self.now + limit);
        }
        self.counted = Some(Counted::request(self.control()));
        self.discarded = 0;

        let mut head = Head::recycled();
        let parts = head.parts_mut();
        parts.bytes.extend_from_slice(&self.input.bytes()[..consumed]);
        parts.table = self.http.take_head(std::mem::take(&mut parts.table));
        self.input.consume(consumed);
        self.is_head = parts.table.method() == Method::Head;
        let upgradable = parts.table.offers_upgrade() && parts.table.body() == BodyFraming::None;
        let upgrade = upgradable.then(|| {
            let duplex = Duplex::new();
            self.duplex = Some(duplex.clone());
            Upgrade { duplex, config: self.settings.clone() }
        });
        let limit = config.max_body_size;
        let body = match parts.table.body() {
            BodyFraming::None => {
                self.decode_body_end();
                Incoming::default()
            }
            BodyFraming::Fixed(len) if len <= self.input.bytes().len() as u64 => {
                Incoming::whole(self.whole_body(), limit)
            }
            BodyFraming::Fixed(len) => Incoming::stream(self.new_slot(), Some(len), limit),
            BodyFraming::Chunked => Incoming::stream(self.new_slot(), None, limit),
        };
        Request::new(head, body, self.info.clone(), upgrade)
    }

    fn new_slot(&mut self) -> std::sync::Arc<BodySlot> {
        let slot = BodySlot::new();
        self.slot = Some(slot.clone());
        slot
    }

    /// A body of declared length that lies in the input.
    fn whole_body(&mut self) -> bytes::Bytes {
        let mut body = bytes::Bytes::new();
        if let Ok(Step { consumed, event: Some(Event::Data { len }) }) = self.http.decode(self.input.bytes())
        {
            body = self.input.take_payload(consumed, len);
        }
        self.decode_body_end();
        body
    }

    /// Lets the decoder say that the body is over.
    fn decode_body_end(&mut self) {
        if let Ok(Step { consumed, event: Some(Event::End) }) = self.http.decode(self.input.bytes()) {
            self.input.consume(consumed);
        }
        debug_assert!(self.http.request_complete());
    }

    /// Does what the reader of the request body wants, from buffered input. Blocked: nothing moves without the socket;
    /// then `reading` says whether that is to be read.
    pub(super) fn serve_body(&mut self, demand: Demand, config: &Config) -> Progress {
        let wanted = demand == Demand::Chunk || (demand == Demand::Abandoned && !self.http.awaits_continue());
        if !wanted || self.request_failed || self.http.request_complete() {
            self.deadlines.clear(Deadline::Body);
            self.read_ahead();
            return Progress::Blocked;
        }
        if self.input.is_empty() {
            // Nothing unless the client waits for it. Refused behind a final head, when it is too late.
            let _ = self.http.encode_continue(self.output.tail());
        }
        let Some(slot) = self.slot.clone() else { return Progress::Blocked };
        loop {
            match self.http.decode(self.input.bytes()) {
                Ok(Step { consumed, event: Some(Event::Data { len }) }) => {
                    if demand == Demand::Abandoned {
                        self.input.consume(consumed);
                        self.discarded += len as u64;
                        if self.discarded > config.max_discarded_body {
                            self.request_failed = true;
                            self.http.set_close();
                            return Progress::Blocked;
                        }
                        continue;
                    }
                    slot.put(self.input.take_payload(consumed, len));
                    return Progress::Made;
                }
                Ok(Step { consumed, event: Some(Event::Trailers) }) => {
                    let trailers = self.http.trailers().view(&self.input.bytes()[..consumed]);
                    let trailers =
                        trailers.fields().map(|field| (field.name, field.value)).collect::<Trailers>();
                    self.input.consume(consumed);
                    slot.end(Ok(Some(trailers)));
                }
                Ok(Step { consumed, event: Some(_) }) => {
                    self.input.consume(consumed);
                    slot.end(Ok(None));
                    return Progress::Made;
                }
                Ok(Step { consumed, event: None }) => {
                    self.input.consume(consumed);
                    if self.eof {
                        self.request_failed = true;
                        self.http.set_close();
                        slot.end(Err(BodyError::Disconnected));
                        return Progress::Made;
                    }
                    self.reading = true;
                    self.deadlines.start(Deadline::Body, self.now + config.body_timeout);
                    return Progress::Blocked;
                }
                Err(error) => {
                    self.request_failed = true;
                    self.http.set_close();
                    slot.end(Err(BodyError::Malformed(error)));
                    return Progress::Made;
                }
            }
        }
    }

    /// While a request is being answered and nobody asks for input: reads a little, to learn that the client is gone.
    fn read_ahead(&mut self) {
        self.read_limit = READ_AHEAD.saturating_sub(self.input.bytes().len());
        self.reading = self.read_limit > 0 && !self.accepted;
    }

    /// The response is complete. Throws away what is left of the request body, within bounds, and prepares for the next
    /// request. Blocked: more input is needed first, or the connection ends.
    fn finish_request(&mut self, config: &Config) -> Progress {
        while !self.http.request_complete() {
            let budget = config.max_discarded_body.saturating_sub(self.discarded);
            let too_much = self.http.request_remaining().is_some_and(|rest| rest > budget);
            if too_much || self.request_failed || !self.http.keep_alive() {
                self.end(Ending::Linger);
                return Progress::Blocked;
            }
            match self.http.decode(self.input.bytes()) {
                Ok(Step { consumed, event: Some(event) }) => {
                    self.input.consume(consumed);
                    if let Event::Data { len } = event {
                        self.discarded += len as u64;
                        if self.discarded > config.max_discarded_body {
                            self.end(Ending::Linger);
                            return Progress::Blocked;
                        }
                    }
                }
                Ok(Step { consumed, event: None }) => {
                    self.input.consume(consumed);
                    if self.eof {
                        self.end(Ending::Close);
                        return Progress::Blocked;
                    }
                    self.reading = true;
                    self.deadlines.start(Deadline::Body, self.now + config.body_timeout);
                    return Progress::Blocked;
                }
                Err(_) => {
                    self.end(Ending::Linger);
                    return Progress::Blocked;
                }
            }
        }
        self.deadlines.clear(Deadline::Body);
        self.responded = false;
        self.counted = None;
        self.slot = None;
        self.duplex = None;
        self.deadlines.clear(Deadline::HalfClose);
        if !self.http.next_cycle() || (self.eof && self.input.is_empty()) {
            self.end(Ending::Close);
            return Progress::Blocked;
        }
        self.becomes_idle = true;
        Progress::Made
    }

    /// Nothing of the request body arrived for too long.
    pub(super) fn body_timed_out(&mut self) {
        self.request_failed = true;
        self.http.set_close();
        match &self.slot {
            Some(slot) if !self.responded => slot.end(Err(BodyError::TimedOut)),
            _ => self.end(Ending::Linger),
        }
    }
}
