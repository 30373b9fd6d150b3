//! The body of a response, encoded as it streams.
//!
//! Invariant: between two polls nothing that was flushed is held here, and nothing of the scratch.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use wire_compress::{Coding, EncodeError, Encoder, Flush, FlushPolicy};

use super::places::Place;
use super::scratch;
use crate::body::BoxError;

pin_project! {
    /// A handler's body, encoded or as it is; none in a refusal by [`Compress`](super::Compress).
    pub struct EncodedBody<B: Body> {
        #[pin]
        body: Option<B>,
        encoding: Option<Box<Encoding<B::Data>>>,
    }
}

/// How far it is.
struct Encoding<D> {
    settings: Settings,
    /// From the first content to the last: what waits for content holds none.
    encoder: Option<Encoder>,
    policy: FlushPolicy,
    input: Option<D>,
    /// What is to be done behind `input`.
    flush: Flush,
    /// Something was taken since the last flush.
    dirty: bool,
    finished: bool,
    trailers: Option<HeaderMap>,
    /// Bytes taken since other tasks had their turn.
    stretch: usize,
}

/// What an encoder is made of.
pub(super) struct Settings {
    pub(super) coding: Coding,
    pub(super) len: Option<u64>,
    pub(super) place: Place,
}

/// Why there is nothing more to encode now.
enum Stop {
    /// The room is used up, or must be sent.
    Full,
    /// The body has no more at hand.
    Idle,
    /// Others first.
    Turn,
    /// That was all.
    End,
}

impl<B: Body> EncodedBody<B> {
    pub(super) fn none() -> Self {
        Self { body: None, encoding: None }
    }

    pub(super) fn plain(body: B) -> Self {
        Self { body: Some(body), encoding: None }
    }

    /// The handler's body, where it goes out as it is.
    #[cfg(feature = "files")]
    pub(crate) fn plain_mut(&mut self) -> Option<&mut B> {
        self.body.as_mut().filter(|_| self.encoding.is_none())
    }

    /// `to_head`: there is no content, not even the end of a coding.
    pub(super) fn encoded(body: B, settings: Settings, policy: FlushPolicy, to_head: bool) -> Self {
        let encoding = Encoding {
            settings,
            encoder: None,
            policy,
            input: None,
            flush: Flush::None,
            dirty: false,
            finished: to_head,
            trailers: None,
            stretch: 0,
        };
        Self { body: Some(body), encoding: Some(Box::new(encoding)) }
    }
}

impl<D: Buf> Encoding<D> {
    fn fill<B>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Stop, BoxError>
    where
        B: Body<Data = D, Error: Into<BoxError>>,
    {
        loop {
            if self.stretch >= scratch::STRETCH {
                return Ok(Stop::Turn);
            }
            if self.input.is_some() || self.flush != Flush::None {
                if self.encode(out)? || out.len() == out.capacity() {
                    return Ok(Stop::Full);
                }
                continue;
            }
            if self.finished {
                return Ok(Stop::End);
            }
            match body.as_mut().poll_frame(cx) {
                Poll::Pending if self.dirty && self.policy != FlushPolicy::Never => self.flush = Flush::Sync,
                Poll::Pending => return Ok(Stop::Idle),
                Poll::Ready(None) => self.flush = Flush::Finish,
                Poll::Ready(Some(frame)) => self.take(frame.map_err(Into::into)?, body.is_end_stream()),
            }
        }
    }

    fn take(&mut self, frame: Frame<D>, last: bool) {
        // Empty ones cost, too.
        self.stretch += 1;
        match frame.into_data() {
            Ok(data) => {
                self.flush = if last { Flush::Finish } else { self.policy.after_piece(true) };
                self.dirty |= data.has_remaining();
                self.input = Some(data).filter(Buf::has_remaining);
                if self.input.is_none() && self.flush == Flush::Sync {
                    self.flush = Flush::None;
                }
            }
            Err(frame) => {
                self.trailers = frame.into_trailers().ok();
                self.flush = Flush::Finish;
            }
        }
    }

    /// Encodes one slice. Whether what came out must be sent now.
    fn encode(&mut self, out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        let Settings { coding, len, place } = &self.settings;
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::new(*coding, &place.config().encoder, *len)?),
        };
        let (slice, last) = match &self.input {
            Some(data) => (data.chunk(), data.chunk().len() == data.remaining()),
            None => (&[][..], true),
        };
        let progress = encoder.encode(slice, if last { self.flush } else { Flush::None }, out)?;
        if let Some(data) = &mut self.input {
            data.advance(progress.consumed);
        }
        self.stretch += progress.consumed;
        if !(progress.done && last) {
            return Ok(false);
        }
        self.input = None;
        let flush = std::mem::take(&mut self.flush);
        self.dirty &= flush == Flush::None;
        if flush == Flush::Finish {
            self.finished = true;
            self.encoder = None;
        }
        Ok(flush == Flush::Sync && !out.is_empty())
    }
}

impl<B: Body<Error: Into<BoxError>>> Body for EncodedBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let Some(body) = this.body.as_pin_mut() else { return Poll::Ready(None) };
        let Some(encoding) = this.encoding else {
            return body.poll_frame(cx).map(|frame| {
                frame.map(|frame| match frame {
                    Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
                    Err(error) => Err(error.into()),
                })
            });
        };
        scratch::with(|out| {
            let stop = encoding.fill(body, cx, out);
            Poll::Ready(match stop {
                Err(error) => Some(Err(error)),
                Ok(_) if !out.is_empty() => Some(Ok(Frame::data(Bytes::copy_from_slice(out)))),
                Ok(Stop::End) => encoding.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
                Ok(stop) => {
                    encoding.stretch = 0;
                    if !matches!(stop, Stop::Idle) {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.encoding {
            Some(encoding) => encoding.finished && encoding.trailers.is_none(),
            None => self.body.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.body, &self.encoding) {
            (None, _) => SizeHint::with_exact(0),
            (Some(body), None) => body.size_hint(),
            (Some(_), Some(_)) => SizeHint::default(),
        }
    }
}

impl<B: Body> fmt::Debug for EncodedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what is held.
        f.debug_struct("EncodedBody").field("encoded", &self.encoding.is_some()).finish_non_exhaustive()
    }
}
