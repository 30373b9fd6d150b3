//! A connection after its upgrade: bytes both ways between the driver, which owns the socket and the deadlines, and the
//! WebSocket, which the handler holds.
//!
//! The driver is the only one that touches the socket, so that its waker is the only one registered there, whichever
//! tasks the halves of a split WebSocket live in. What is sent collects here while the handler runs and leaves in one
//! write when it pauses; what was read changes hands as a whole buffer, and is decoded without any lock.
//!
//! Invariant, as in the body slot: what the WebSocket changes while `driving` is false wakes the driver; while it is
//! true, the driver looks again before it sleeps ([`Duplex::leave`]).

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use wire_ws::{CloseCode, DataKind, Encoder, OpCode};

use crate::io::WriteBuffer;
use crate::ws::Message;

/// The meeting point.
#[derive(Debug)]
pub(crate) struct Duplex(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The handler accepted the upgrade with these response fields; the driver takes them.
    accepted: Option<Vec<(&'static str, String)>>,
    encoder: Encoder,
    /// Halves of the WebSocket that live.
    handles: u8,

    input: Option<BytesMut>,
    input_end: Option<InputEnd>,
    read_wanted: bool,
    reader: Option<Waker>,
    peer_closed: bool,

    output: WriteBuffer,
    /// A Pong that did not find room; the latest one wins (RFC 6455 section 5.5.3).
    pong: Option<Bytes>,
    /// The driver holds bytes that are not written yet.
    writing: bool,
    flush_wanted: bool,
    writer: Option<Waker>,

    driving: bool,
    driver: Option<Waker>,
    disconnected: bool,
}

/// How the input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputEnd {
    /// In good order.
    Eof,
    /// By an error of the byte stream.
    Failed(io::ErrorKind),
}

/// What the driver finds when the handler has paused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    pub(crate) read: bool,
    /// Somebody waits for the output to be written, or there is more of it.
    pub(crate) flush: bool,
    pub(crate) close_sent: bool,
    pub(crate) close_received: bool,
    /// No half is left.
    pub(crate) gone: bool,
}

impl Duplex {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            accepted: None,
            encoder: Encoder::server(),
            handles: 0,
            input: None,
            input_end: None,
            read_wanted: false,
            reader: None,
            peer_closed: false,
            output: WriteBuffer::default(),
            pong: None,
            writing: false,
            flush_wanted: false,
            writer: None,
            driving: false,
            driver: None,
            disconnected: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The driver's side.
impl Duplex {
    pub(crate) fn enter(&self) {
        self.state().driving = true;
    }

    /// After the handler was polled: wakes halves in other tasks that can go on, and says what is wanted. Moves what was
    /// sent into `output`, when that is empty.
    pub(crate) fn leave(&self, cx: &Context<'_>, output: &mut WriteBuffer) -> Wants {
        let mut state = self.state();
        state.driving = false;
        if !state.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker())) {
            state.driver = Some(cx.waker().clone());
        }
        state.flush_pong();
        if output.is_empty() && !state.output.is_empty() {
            std::mem::swap(output, &mut state.output);
            state.writing = true;
        }
        let wants = Wants {
            read: state.read_wanted,
            flush: state.flush_wanted || !state.output.is_empty(),
            close_sent: state.encoder.is_closed(),
            close_received: state.peer_closed,
            gone: state.handles == 0,
        };
        // A half that could go on, although this task polled, lives in another task, or elsewhere in this one.
        let readable = state.input.is_some() || state.input_end.is_some();
        let reader = state.reader.take_if(|_| readable);
        let written = !state.writing && state.output.is_empty();
        let writer = state.writer.take_if(|_| written);
        drop(state);
        [reader, writer].into_iter().flatten().for_each(Waker::wake);
        wants
    }

    /// The response fields, once the handler has accepted.
    pub(crate) fn take_accepted(&self) -> Option<Vec<(&'static str, String)>> {
        self.state().accepted.take()
    }

    pub(crate) fn give_input(&self, read: BytesMut) {
        let mut state = self.state();
        debug_assert!(state.input.is_none(), "asked for only when taken");
        state.input = Some(read);
        state.read_wanted = false;
    }

    pub(crate) fn end_input(&self, end: InputEnd) {
        let mut state = self.state();
        state.input_end.get_or_insert(end);
        state.read_wanted = false;
    }

    /// Everything that [`leave`](Self::leave) moved out is written.
    pub(crate) fn written(&self) {
        let mut state = self.state();
        state.writing = false;
        state.flush_wanted = !state.output.is_empty();
    }

    /// Queues a Close unless one was sent: the server shuts down, or the handler is gone.
    pub(crate) fn close(&self, code: CloseCode) {
        self.state().close(Some(code), "");
    }

    /// The connection is gone.
    pub(crate) fn disconnect(&self) {
        let mut state = self.state();
        state.disconnected = true;
        state.driver = None;
        state.input_end.get_or_insert(InputEnd::Failed(io::ErrorKind::ConnectionReset));
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The WebSocket's side.
impl Duplex {
    /// Accepts the upgrade; two halves exist from now on.
    pub(crate) fn accept(&self, fields: Vec<(&'static str, String)>) {
        let mut state = self.state();
        state.accepted = Some(fields);
        state.handles = 2;
        state.wake_driver();
    }

    /// One half is dropped. With the last one the connection closes.
    pub(crate) fn drop_half(&self) {
        let mut state = self.state();
        state.handles -= 1;
        if state.handles == 0 {
            state.input = None;
            let code = if std::thread::panicking() { CloseCode::INTERNAL } else { CloseCode::NORMAL };
            state.close(Some(code), "");
        }
        state.wake_driver();
    }

    /// The next input: a buffer, or how the input ended.
    pub(crate) fn poll_input(&self, cx: &mut Context<'_>) -> Poll<Result<BytesMut, InputEnd>> {
        let mut state = self.state();
        if let Some(input) = state.input.take() {
            return Poll::Ready(Ok(input));
        }
        if let Some(end) = state.input_end {
            return Poll::Ready(Err(end));
        }
        state.read_wanted = true;
        register(&mut state.reader, cx);
        state.wake_driver();
        Poll::Pending
    }

    /// Answers a Ping, or replaces the answer that still waits for room.
    pub(crate) fn pong(&self, payload: Bytes, limit: usize) {
        let mut state = self.state();
        state.pong = Some(payload);
        if state.output.len() < limit {
            state.flush_pong();
        }
        state.wake_driver();
    }

    /// The peer's Close has come; answers it (RFC 6455 section 5.5.1).
    pub(crate) fn close_received(&self, code: Option<CloseCode>, reason: &str) {
        let mut state = self.state();
        state.peer_closed = true;
        state.close(code, reason);
        state.wake_driver();
    }

    /// Queues a Close. Returns whether it is the first.
    pub(crate) fn send_close(&self, code: Option<CloseCode>, reason: &str) -> bool {
        let mut state = self.state();
        let first = state.close(code, reason);
        state.wake_driver();
        first
    }

    /// Waits until less than `limit` bytes are queued. `Err`: a Close was sent, or the connection is gone.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>, limit: usize) -> Poll<Result<(), ()>> {
        let mut state = self.state();
        if state.disconnected || state.encoder.is_closed() {
            return Poll::Ready(Err(()));
        }
        if state.output.len() < limit {
            state.writer = None;
            return Poll::Ready(Ok(()));
        }
        state.wait_for_write(cx);
        Poll::Pending
    }

    /// Queues a message. `Err`: a Close was sent, or the connection is gone.
    pub(crate) fn queue(&self, message: Message) -> Result<(), ()> {
        let mut state = self.state();
        if state.disconnected {
            return Err(());
        }
        let kind = message.kind();
        let payload = message.into_bytes();
        let State { encoder, output, .. } = &mut *state;
        if WriteBuffer::takes_reference(&payload) {
            let opcode = match kind {
                DataKind::Text => OpCode::Text,
                DataKind::Binary => OpCode::Binary,
            };
            let header = encoder.encode_header(opcode, true, payload.len() as u64).map_err(drop)?;
            output.tail().extend_from_slice(header.as_bytes());
            output.push_reference(payload);
        } else {
            encoder.encode_message(kind, &payload, output.tail()).map_err(drop)?;
        }
        Ok(())
    }

    /// Waits until everything queued was written. `Err`: the connection is gone.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        let mut state = self.state();
        if state.disconnected {
            return Poll::Ready(Err(()));
        }
        if state.output.is_empty() && !state.writing {
            state.flush_wanted = false;
            state.writer = None;
            return Poll::Ready(Ok(()));
        }
        state.wait_for_write(cx);
        Poll::Pending
    }
}

impl State {
    fn wait_for_write(&mut self, cx: &Context<'_>) {
        self.flush_wanted = true;
        register(&mut self.writer, cx);
        self.wake_driver();
    }

    fn flush_pong(&mut self) {
        if let Some(payload) = self.pong.take() {
            // Refused only after a Close, when nobody waits for it any more.
            let _ = self.encoder.encode_pong(&payload, self.output.tail());
        }
    }

    fn close(&mut self, code: Option<CloseCode>, reason: &str) -> bool {
        !self.encoder.is_closed() && self.encoder.encode_close(code, reason, self.output.tail()).is_ok()
    }

    fn wake_driver(&mut self) {
        if !self.driving
            && let Some(driver) = self.driver.take()
        {
            driver.wake();
        }
    }
}

fn register(slot: &mut Option<Waker>, cx: &Context<'_>) {
    if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *slot = Some(cx.waker().clone());
    }
}
