//! The request side: heads, bodies on demand, and what is left of a body that nobody read.

use std::sync::Arc;
use std::task::Context;

use wire_http1::{BodyFraming, Event, Method, Step};

use super::link::{Current, Ending, Link};
use super::{Config, Progress};
use crate::body::{BodyError, BodySlot, Demand, Incoming, Trailers};
use crate::conn::Duplex;
use crate::conn::deadline::Deadline;
use crate::handler::RequestKind;
use crate::request::DecodedHead;
use crate::ws::{Settings, Upgrade};

/// What is read of a body or of pipelined requests before anybody asks for it: little, since a connection holds it.
const READ_AHEAD: usize = 4 << 10;

impl<Io> Link<Io> {
    /// The length of the next request's head, once that is here. Finishes the last request first. `None`: more input is
    /// needed, or output must leave first, or the connection ends.
    #[inline(always)] // once for each request
    pub(super) fn next_head(&mut self, cx: &Context<'_>, config: &Config, budget: &mut u32) -> Option<usize> {
        if self.current.responded && self.finish_request(cx, config, budget) == Progress::Blocked {
            return None;
        }
        let head = self.decode_head(config, budget);
        if head.is_none() {
            self.in_flight.end();
        }
        head
    }

    #[inline(always)]
    fn decode_head(&mut self, config: &Config, budget: &mut u32) -> Option<usize> {
        if self.output.is_full(config.write_buffer) || *budget == 0 {
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
            Ok(Step { event: Some(Event::Head), .. }) if self.http.head().method() == Method::Connect => {
                // Nobody can answer it: there is no tunnel here (RFC 9110 section 9.3.6).
                self.refuse(501, "no tunnel to be had here");
                None
            }
            Ok(Step { consumed, event: Some(Event::Head) }) => Some(consumed),
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

    /// The request whose head are the next `len` bytes of the input.
    #[inline(always)] // once for each request
    pub(super) fn begin_request<R: RequestKind>(
        &mut self,
        len: usize,
        config: &Config,
        websocket: &Arc<Settings>,
    ) -> Result<R, Box<http::Error>> {
        self.leave_idle();
        self.deadlines.clear(Deadline::Head);
        if let Some(limit) = config.handler_timeout {
            self.deadlines.set(Deadline::Handler, self.now + limit);
        }
        self.in_flight.begin();
        let table = self.http.head();
        let framing = table.body();
        self.current.is_head = table.method() == Method::Head;
        // "the client can't change the protocol it is sending in the middle of a message" (RFC 9110, section 7.8).
        let upgradable = table.offers_upgrade() && !framing.has_content();
        let upgrade = upgradable.then(|| {
            let duplex = Duplex::new(Arc::clone(websocket));
            self.current.duplex = Some(duplex.clone());
            Upgrade { duplex }
        });
        let (http, bytes) = (&mut self.http, &self.input.bytes()[..len]);
        let request = R::from_head(DecodedHead { http, bytes, connection: self.info.clone(), upgrade });
        self.input.consume(len);
        match framing {
            BodyFraming::None => {
                self.decode_body_end();
                request
            }
            BodyFraming::Fixed(len) => self.begin_body(request, Some(len), config.max_body_size),
            BodyFraming::Chunked => self.begin_body(request, None, config.max_body_size),
        }
    }

    /// Gives a request its body, of this length where the head declares one.
    #[inline(never)] // a request that has none is moved once
    fn begin_body<R: RequestKind>(
        &mut self,
        mut request: Result<R, Box<http::Error>>,
        declared: Option<u64>,
        limit: u64,
    ) -> Result<R, Box<http::Error>> {
        let is_here = declared.is_some_and(|len| len <= self.input.bytes().len() as u64);
        let body = if is_here {
            Incoming::whole(self.whole_body(), limit)
        } else {
            Incoming::stream(self.new_slot(), declared, limit)
        };
        if let Ok(request) = &mut request {
            request.incoming_mut().become_body(body);
        }
        request
    }

    fn new_slot(&mut self) -> Arc<BodySlot> {
        let slot = BodySlot::new();
        self.current.slot = Some(slot.clone());
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
    pub(super) fn serve_body(&mut self, demand: Demand, config: &Config, budget: &mut u32) -> Progress {
        if *budget == 0 {
            return Progress::Blocked;
        }
        let wanted = demand == Demand::Chunk || (demand == Demand::Abandoned && !self.http.awaits_continue());
        if !wanted || self.current.failed || self.http.request_complete() {
            self.deadlines.clear(Deadline::Body);
            self.read_ahead();
            return Progress::Blocked;
        }
        if self.input.is_empty() {
            // Nothing unless the client waits for it. Refused behind a final head, when it is too late.
            let _ = self.http.encode_continue(self.output.tail());
        }
        let Some(slot) = self.current.slot.clone() else { return Progress::Blocked };
        *budget -= 1;
        loop {
            match self.http.decode(self.input.bytes()) {
                Ok(Step { consumed, event: Some(Event::Data { len }) }) if demand == Demand::Abandoned => {
                    self.input.consume(consumed);
                    self.current.discarded += len as u64;
                    if self.current.discarded > config.max_discarded_body {
                        self.request_failed();
                    }
                    return Progress::Made;
                }
                Ok(Step { consumed, event: Some(Event::Data { len }) }) => {
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
                        self.request_failed();
                        slot.end(Err(BodyError::Disconnected));
                        return Progress::Made;
                    }
                    self.reading = true;
                    self.deadlines.start(Deadline::Body, self.now + config.body_timeout);
                    return Progress::Blocked;
                }
                Err(error) => {
                    self.request_failed();
                    slot.end(Err(BodyError::Malformed(error)));
                    return Progress::Made;
                }
            }
        }
    }

    /// The rest of the request cannot be read.
    fn request_failed(&mut self) {
        self.current.failed = true;
        self.http.set_close();
    }

    /// While a request is being answered and nobody asks for input: reads a little, to learn that the client is gone.
    pub(super) fn read_ahead(&mut self) {
        self.read_limit = READ_AHEAD.saturating_sub(self.input.bytes().len());
        self.reading = self.read_limit > 0;
    }

    /// The response is complete. Goes on to serve a reader of the request body that lives in another task, or throws
    /// away what is left of it, within bounds; then prepares for the next request. Blocked: more input is needed first,
    /// or the connection ends.
    fn finish_request(&mut self, cx: &Context<'_>, config: &Config, budget: &mut u32) -> Progress {
        while !self.http.request_complete() {
            let demand = self.leave(cx);
            let abandoned = demand == Demand::Abandoned;
            let left = config.max_discarded_body.saturating_sub(self.current.discarded);
            let too_much = self.http.request_remaining().is_some_and(|rest| rest > left);
            let useless = abandoned && (too_much || !self.http.keep_alive());
            if useless || self.current.failed || self.http.awaits_continue() {
                self.end(Ending::Linger);
                return Progress::Blocked;
            }
            if self.serve_body(demand, config, budget) == Progress::Blocked {
                return Progress::Blocked;
            }
        }
        // The last word to a reader in another task.
        self.leave(cx);
        self.deadlines.clear(Deadline::Body);
        self.deadlines.clear(Deadline::HalfClose);
        self.current = Current::default();
        if !self.http.next_cycle() || (self.eof && self.input.is_empty()) {
            self.end(Ending::Close);
            return Progress::Blocked;
        }
        self.becomes_idle = true;
        Progress::Made
    }

    /// Nothing of the request body arrived for too long.
    pub(super) fn body_timed_out(&mut self) {
        self.request_failed();
        if let Some(slot) = &self.current.slot {
            slot.end(Err(BodyError::TimedOut));
        }
    }
}
