//! A connection after its upgrade: bytes both ways between the driver, which owns the socket and the deadlines, and the
//! WebSocket, which the handler holds.
//!
//! The driver is the only one that touches the socket, so that its waker is the only one registered there, whichever
//! tasks the halves of a split WebSocket live in. What is sent collects here while the handler runs and leaves in one
//! write when it pauses; what was read changes hands as a whole buffer, and is decoded without any lock.
//!
//! Invariants:
//! - as in the body slot: what the WebSocket changes while `driving` is false wakes the driver; while it is true, the
//!   driver looks again before it sleeps ([`Duplex::leave`]). Nobody is woken under the lock;
//! - output leaves only once the driver has confirmed the upgrade, so that no frame precedes the 101;
//! - at most one Pong waits (the latest), one Close is sent, and a message is refused above the hard limit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};
use wire_ws::{CloseCode, Encoder};

use super::encode::encode;
use super::handover::{Ends, Input, InputEnd, Wants};
use crate::io::{Direct, WriteBuffer};
use crate::ws::{Outgoing, SendError, Settings};

/// The response fields of an accepted handshake.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// The meeting point.
#[derive(Debug)]
pub(crate) struct Duplex {
    settings: Arc<Settings>,
    /// The receiver has another message at hand: what is sent can wait for what that brings.
    more: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Somebody has checked the handshake and may accept it.
    claimed: bool,
    /// The handler accepted the upgrade; the driver takes these. Boxed, as few things are here for as short a time.
    accepted: Option<Box<Fields>>,
    encoder: Encoder,
    /// Large messages go out as they are, behind a header; else they go through the encoder, which masks or compresses.
    by_reference: bool,
    receiver_alive: bool,
    sender_alive: bool,

    input: Option<Input>,
    /// Where the receiver wants what is read next.
    direct: Option<Direct>,
    input_end: Option<InputEnd>,
    /// The receiver was told the end.
    end_seen: bool,
    read_wanted: bool,
    /// The receiver waits for its Close to be written.
    closing: bool,
    reader: Option<Waker>,
    peer_closed: bool,

    output: WriteBuffer,
    /// A Pong that did not find room; the latest one wins (RFC 6455 section 5.5.3).
    pong: Option<Box<[u8]>>,
    /// The driver holds bytes that are not written yet.
    writing: bool,
    flush_wanted: bool,
    writer: Option<Waker>,
    /// Who waits until nothing can be sent any more. Boxed: most often nobody does.
    closed: Option<Box<Waker>>,

    driving: bool,
    driver: Option<Waker>,
    disconnected: bool,
}

impl Duplex {
    pub(crate) fn new(settings: Arc<Settings>) -> Arc<Self> {
        let state = State {
            claimed: false,
            accepted: None,
            encoder: Encoder::server(),
            by_reference: false,
            receiver_alive: false,
            sender_alive: false,
            input: None,
            direct: None,
            input_end: None,
            end_seen: false,
            read_wanted: false,
            closing: false,
            reader: None,
            peer_closed: false,
            output: WriteBuffer::default(),
            pong: None,
            writing: false,
            flush_wanted: false,
            writer: None,
            closed: None,
            driving: false,
            driver: None,
            disconnected: false,
        };
        Arc::new(Self { settings, more: AtomicBool::new(false), state: Mutex::new(state) })
    }

    /// A client's, whose handshake is done.
    pub(crate) fn open(settings: Arc<Settings>, encoder: Encoder) -> Arc<Self> {
        let duplex = Self::new(settings);
        let mut state = duplex.state();
        state.encoder = encoder;
        (state.receiver_alive, state.sender_alive) = (true, true);
        drop(state);
        duplex
    }

    #[inline(always)]
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// What the server, or the client, was configured with.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A change that the driver must look at.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        wake_driver(state);
        result
    }
}

#[inline(always)]
fn wake_driver(mut state: MutexGuard<'_, State>) {
    let driver = if state.driving { None } else { state.driver.take() };
    drop(state);
    if let Some(driver) = driver {
        driver.wake();
    }
}

/// Wakes who waits for input, for output to be written, and for the end.
#[cold]
fn wake_halves(mut state: MutexGuard<'_, State>, [reader, writer, closed]: [bool; 3]) {
    let State { reader: reads, writer: writes, closed: closes, .. } = &mut *state;
    let closed = closes.take_if(|_| closed).map(|waker| *waker);
    let wakers = [reads.take_if(|_| reader), writes.take_if(|_| writer), closed];
    drop(state);
    wakers.into_iter().flatten().for_each(Waker::wake);
}

/// The driver's side.
impl Duplex {
    /// Before the handler is polled.
    pub(crate) fn enter(&self) {
        self.state().driving = true;
    }

    /// As [`enter`](Self::enter), with what was read since it was polled last, and whether all that [`leave`](Self::leave)
    /// moved out is written now.
    #[inline(always)]
    pub(crate) fn enter_with(&self, read: Option<Input>, written: bool) {
        let mut state = self.state();
        state.driving = true;
        if let Some(read) = read {
            state.give_input(read);
        }
        if written {
            state.written();
        }
    }

    /// Where to read next. Whatever is read from now on goes there, until it is given back as input.
    pub(crate) fn take_direct(&self) -> Option<Direct> {
        self.state().direct.take()
    }

    /// What [`take_direct`](Self::take_direct) took, as nothing was there to be read.
    pub(crate) fn put_back(&self, direct: Direct) {
        let mut state = self.state();
        if state.receiver_alive {
            state.direct = Some(direct);
        }
    }

    /// After the handler was polled, and has not accepted yet or not been confirmed. Returns whether it has accepted: then
    /// that is to be confirmed.
    pub(crate) fn leave_unconfirmed(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state();
        state.driving = false;
        register(&mut state.driver, cx);
        state.accepted.is_some()
    }

    /// After the handler was polled: wakes halves in other tasks that can go on, and says what is wanted. Moves what was
    /// sent into `output`, when that is flushed. `None`: somebody waits for just that, and goes on once it is written. Then
    /// nothing else need be looked at; where it cannot be written at once, this is called again.
    #[inline(always)]
    pub(crate) fn leave(&self, cx: &Context<'_>, output: &mut WriteBuffer) -> Option<Wants> {
        let mut state = self.state();
        let moved = state.move_output(output);
        if moved && state.flush_wanted {
            return None;
        }
        state.driving = false;
        register(&mut state.driver, cx);
        let waiting = !state.output.is_empty();
        let wants = Wants {
            // Without a receiver what comes is thrown away: to learn that the peer is gone.
            read: state.read_wanted || (!state.receiver_alive && state.input_end.is_none()),
            unread: state.input.is_some(),
            direct: state.direct.is_some() && state.input.is_none(),
            moved,
            flush: state.flush_wanted || waiting || state.pong.is_some(),
            ends: state.ends(),
        };
        // A half that could go on, although this task polled, lives in another task, or elsewhere in this one.
        let written = !waiting && !state.writing;
        let readable =
            if state.closing { written } else { state.input.is_some() || state.input_end.is_some() };
        let reader = readable && state.reader.is_some();
        let writer = written && state.writer.is_some();
        let closed = state.closed.is_some() && state.encoder.is_closed();
        if reader || writer || closed {
            wake_halves(state, [reader, writer, closed]);
        }
        Some(wants)
    }

    /// The response fields, once the handler has accepted.
    pub(crate) fn take_accepted(&self) -> Option<Fields> {
        self.state().accepted.take().map(|fields| *fields)
    }

    /// What was read when the handler is not polled any more for now.
    pub(crate) fn give_input(&self, read: impl Into<Input>) {
        self.state().give_input(read.into());
    }

    pub(crate) fn end_input(&self, end: InputEnd) {
        let mut state = self.state();
        state.input_end.get_or_insert(end);
        state.read_wanted = false;
    }

    /// Everything that [`leave`](Self::leave) moved out is written.
    pub(crate) fn written(&self) {
        self.state().written();
    }

    /// Queues a Ping, to learn whether the peer is there.
    pub(crate) fn ping(&self) {
        let mut state = self.state();
        let State { encoder, output, .. } = &mut *state;
        // Refused only after a Close, which asks the same.
        let _ = encoder.encode_ping(b"", output.tail());
    }

    /// Queues a Close unless one was sent: the server shuts down.
    pub(crate) fn close(&self, code: CloseCode) {
        self.state().close(Some(code), "");
    }

    /// The connection is gone.
    pub(crate) fn disconnect(&self) {
        let mut state = self.state();
        state.disconnected = true;
        state.driver = None;
        state.output = WriteBuffer::default();
        state.input_end.get_or_insert(InputEnd::Failed(io::ErrorKind::ConnectionReset));
        wake_halves(state, [true; 3]);
    }
}

/// The WebSocket's side.
impl Duplex {
    /// Whether the caller is the first who may accept.
    pub(crate) fn claim(&self) -> bool {
        !std::mem::replace(&mut self.state().claimed, true)
    }

    /// Accepts the upgrade; both halves exist from now on.
    pub(crate) fn accept(&self, fields: Fields, encoder: Encoder, by_reference: bool) {
        self.change(|state| {
            state.accepted = Some(Box::new(fields));
            state.encoder = encoder;
            state.by_reference = by_reference;
            state.receiver_alive = true;
            state.sender_alive = true;
        });
    }

    pub(crate) fn drop_receiver(&self) {
        self.change(|state| {
            state.receiver_alive = false;
            (state.input, state.direct) = (None, None);
            state.drop_half();
        });
    }

    pub(crate) fn drop_sender(&self) {
        self.change(|state| {
            state.sender_alive = false;
            state.drop_half();
        });
    }

    /// The next input, or how the input ended. Where there is nothing yet, `lend` may say that it belongs into a message.
    /// That comes back as the input; or with another one, which was on its way already and comes first.
    pub(crate) fn poll_input(
        &self,
        cx: &mut Context<'_>,
        lend: impl FnOnce() -> Option<Direct>,
    ) -> Poll<Result<(Input, Option<Direct>), InputEnd>> {
        let mut state = self.state();
        if let Some(input) = state.input.take() {
            return Poll::Ready(Ok((input, state.direct.take())));
        }
        if let Some(end) = state.input_end {
            state.end_seen = true;
            wake_driver(state);
            return Poll::Ready(Err(end));
        }
        state.read_wanted = true;
        if let Some(direct) = lend() {
            state.direct = Some(direct);
        }
        register(&mut state.reader, cx);
        wake_driver(state);
        Poll::Pending
    }

    /// Waits until the receiver's Close is written, or cannot be any more.
    pub(crate) fn poll_close_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.is_written() || state.disconnected {
            return Poll::Ready(());
        }
        state.closing = true;
        state.flush_wanted = true;
        register(&mut state.reader, cx);
        wake_driver(state);
        Poll::Pending
    }

    /// Whether the receiver has another message at hand.
    pub(crate) fn set_more(&self, more: bool) {
        self.more.store(more, Ordering::Relaxed);
    }

    /// Answers a Ping, or replaces the answer that still waits for room.
    pub(crate) fn pong(&self, payload: &[u8]) {
        self.change(|state| {
            state.pong = None;
            if state.output.len() < self.settings.write_buffer {
                state.encode_pong(payload);
            } else {
                state.pong = Some(payload.into());
            }
        });
    }

    /// The peer's Close has come; answers it (RFC 6455 section 5.5.1).
    pub(crate) fn close_received(&self, code: Option<CloseCode>, reason: &str) {
        self.change(|state| {
            state.peer_closed = true;
            state.close(code, reason);
        });
    }

    /// Queues a Close. Returns whether one is on its way.
    pub(crate) fn send_close(&self, code: Option<CloseCode>, reason: &str) -> bool {
        self.change(|state| {
            state.close(code, reason);
            state.encoder.is_closed()
        })
    }

    /// Waits until less than the soft limit is queued.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = self.state();
        if state.is_closed() {
            return Poll::Ready(Err(SendError::Closed));
        }
        if state.output.len() < self.settings.write_buffer {
            state.writer = None;
            return Poll::Ready(Ok(()));
        }
        state.wait_for_write(cx);
        wake_driver(state);
        Poll::Pending
    }

    /// Queues a message once there is room for it, and then waits until it is written, unless there is more to come.
    #[inline]
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Outgoing<'_>>,
    ) -> Poll<Result<(), SendError>> {
        if message.is_some() { self.poll_queue(cx, message) } else { self.poll_flush(cx) }
    }

    fn poll_queue(
        &self,
        cx: &mut Context<'_>,
        message: &mut Option<Outgoing<'_>>,
    ) -> Poll<Result<(), SendError>> {
        let mut state = self.state();
        if state.is_closed() {
            return Poll::Ready(Err(SendError::Closed));
        }
        if state.output.len() < self.settings.write_buffer {
            if let Some(unsent) = message {
                state.queue(unsent)?;
            }
            *message = None;
            if self.more.load(Ordering::Relaxed) {
                wake_driver(state);
                return Poll::Ready(Ok(()));
            }
        }
        state.wait_for_write(cx);
        wake_driver(state);
        Poll::Pending
    }

    /// Queues a message.
    pub(crate) fn queue(&self, message: Outgoing<'_>) -> Result<(), SendError> {
        let mut state = self.state();
        if state.is_closed() {
            return Err(SendError::Closed);
        }
        if state.output.len() >= self.settings.max_write_buffer {
            return Err(SendError::Full(message.into_message()));
        }
        let queued = state.queue(&message);
        wake_driver(state);
        queued
    }

    /// Waits until everything queued was written.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut state = self.state();
        if state.disconnected {
            return Poll::Ready(Err(SendError::Closed));
        }
        if state.is_written() {
            state.flush_wanted = false;
            state.writer = None;
            return Poll::Ready(Ok(()));
        }
        state.wait_for_write(cx);
        wake_driver(state);
        Poll::Pending
    }

    /// Waits until nothing can be sent any more.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.is_closed() {
            return Poll::Ready(());
        }
        if !state.closed.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.closed = Some(Box::new(cx.waker().clone()));
        }
        Poll::Pending
    }
}

impl State {
    fn is_closed(&self) -> bool {
        self.disconnected || self.encoder.is_closed()
    }

    #[inline]
    fn ends(&self) -> Option<Ends> {
        let Self { receiver_alive, sender_alive, input_end, peer_closed, .. } = *self;
        let close_sent = self.encoder.is_closed();
        let open = receiver_alive && sender_alive && input_end.is_none() && !close_sent && !peer_closed;
        (!open).then(|| Ends {
            close_sent,
            close_received: peer_closed,
            input: input_end.is_some() && (self.end_seen || !receiver_alive),
            halves: !receiver_alive && !sender_alive,
        })
    }

    #[inline(always)]
    fn give_input(&mut self, read: Input) {
        self.read_wanted = false;
        if self.receiver_alive {
            debug_assert!(self.input.is_none(), "asked for only when taken");
            self.input = Some(read);
        }
    }

    #[inline]
    fn written(&mut self) {
        self.writing = false;
        self.flush_wanted = !self.output.is_empty();
    }

    fn queue(&mut self, message: &Outgoing<'_>) -> Result<(), SendError> {
        let Self { encoder, output, by_reference, .. } = self;
        encode(message, encoder, *by_reference, output).map_err(|_| SendError::Closed)
    }

    /// Moves what is queued into the driver's buffer, if that is flushed. Returns whether there was anything.
    #[inline]
    fn move_output(&mut self, output: &mut WriteBuffer) -> bool {
        if !output.is_flushed() {
            return false;
        }
        if self.pong.is_some() {
            self.flush_pong();
        }
        if self.output.is_empty() {
            return false;
        }
        std::mem::swap(output, &mut self.output);
        self.writing = true;
        true
    }

    fn is_written(&self) -> bool {
        self.output.is_empty() && !self.writing
    }

    fn wait_for_write(&mut self, cx: &Context<'_>) {
        self.flush_wanted = true;
        register(&mut self.writer, cx);
    }

    fn flush_pong(&mut self) {
        if let Some(payload) = self.pong.take() {
            self.encode_pong(&payload);
        }
    }

    fn encode_pong(&mut self, payload: &[u8]) {
        // Refused only after a Close, when nobody waits for it any more.
        let _ = self.encoder.encode_pong(payload, self.output.tail());
    }

    fn close(&mut self, code: Option<CloseCode>, reason: &str) {
        if !self.is_closed() {
            // A Ping that came before must be answered (RFC 6455 section 5.5.2), and cannot be any more behind a Close.
            self.flush_pong();
            // Refused only where the reason is too long.
            let _ = self.encoder.encode_close(code, reason, self.output.tail());
        }
    }

    /// With the last half the connection closes.
    fn drop_half(&mut self) {
        if !self.receiver_alive && !self.sender_alive {
            let code = if std::thread::panicking() { CloseCode::INTERNAL } else { CloseCode::NORMAL };
            self.close(Some(code), "");
        }
    }
}

fn register(slot: &mut Option<Waker>, cx: &Context<'_>) {
    if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *slot = Some(cx.waker().clone());
    }
}
