//! The body of a request, decoded as it is read.

use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use wire_compress::{Config, Decoder, Error};

use super::scratch;
use crate::body::{BodyError, Incoming, Part, Source};

/// How far it is.
pub(super) struct Decoding {
    decoder: Decoder,
    input: Bytes,
    /// The decoder holds more than there was room for.
    holds: bool,
    ended: bool,
    /// Bytes that came out since other tasks had their turn.
    stretch: usize,
}

/// What comes of a body, whatever its trailers are.
pub(super) enum Piece<T> {
    Chunk(Bytes),
    Trailers(T),
    End,
}

/// What went wrong: below, or here.
pub(super) enum Fault<E> {
    Body(E),
    Content(Error),
}

impl Decoding {
    pub(super) fn new(decoder: Decoder) -> Self {
        Self { decoder, input: Bytes::new(), holds: false, ended: false, stretch: 0 }
    }

    fn poll<T, E>(
        &mut self,
        cx: &mut Context<'_>,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Result<Piece<T>, E>>,
    ) -> Poll<Result<Piece<T>, Fault<E>>> {
        scratch::with(|out| {
            loop {
                if self.stretch >= scratch::STRETCH {
                    self.stretch = 0;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                while self.holds || !self.input.is_empty() {
                    let progress = self.decoder.decode(&self.input, out).map_err(Fault::Content)?;
                    self.input.advance(progress.consumed);
                    self.holds = !progress.done;
                    self.stretch += progress.consumed;
                    if out.len() == out.capacity() {
                        break;
                    }
                }
                if !out.is_empty() {
                    self.stretch += out.len();
                    return Poll::Ready(Ok(Piece::Chunk(Bytes::copy_from_slice(out))));
                }
                let piece = match next(cx) {
                    Poll::Ready(piece) => piece.map_err(Fault::Body)?,
                    Poll::Pending => {
                        self.stretch = 0;
                        return Poll::Pending;
                    }
                };
                match piece {
                    Piece::Chunk(chunk) => self.input = chunk,
                    piece => {
                        self.decoder.decode_eof().map_err(Fault::Content)?;
                        self.ended |= matches!(piece, Piece::End);
                        return Poll::Ready(Ok(piece));
                    }
                }
            }
        })
    }
}

/// A decoded [`Incoming`].
struct Decoded {
    body: Incoming,
    decoding: Decoding,
}

impl Incoming {
    /// The content behind its codings. What declares to be too long is refused before it arrives.
    pub(super) fn decoded(self, decoder: Decoder, limits: &Config) -> Self {
        let collect_limit = self.collect_limit();
        let body = self.limit(limits.max_input());
        Self::source(Box::new(Decoded { body, decoding: Decoding::new(decoder) }), None, collect_limit)
    }
}

impl Source for Decoded {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, BodyError>> {
        let Self { body, decoding } = self;
        let piece = decoding.poll(cx, |cx| {
            Poll::Ready(Ok(match ready!(body.poll_next(cx))? {
                Part::Chunk(chunk) => Piece::Chunk(chunk),
                Part::Trailers(trailers) => Piece::Trailers(trailers),
                Part::End => Piece::End,
            }))
        });
        Poll::Ready(match ready!(piece) {
            Ok(Piece::Chunk(chunk)) => Ok(Part::Chunk(chunk)),
            Ok(Piece::Trailers(trailers)) => Ok(Part::Trailers(trailers)),
            Ok(Piece::End) => Ok(Part::End),
            Err(Fault::Body(error)) => Err(error),
            Err(Fault::Content(error)) => Err(BodyError::Encoded(error)),
        })
    }

    fn is_spent(&self) -> bool {
        self.decoding.ended
    }
}

#[cfg(feature = "tower")]
pub use generic::DecodedBody;
#[cfg(feature = "tower")]
pub(super) use generic::Found;

/// The same around any body, for services.
#[cfg(feature = "tower")]
mod generic {
    use std::fmt;
    use std::pin::Pin;
    use std::sync::{Arc, OnceLock};
    use std::task::{Context, Poll, ready};

    use bytes::{Buf as _, Bytes};
    use http_body::{Body, Frame, SizeHint};
    use pin_project_lite::pin_project;
    use wire_compress::{Decoder, Error};

    use super::{Decoding, Fault, Piece};
    use crate::body::BoxError;

    pin_project! {
        /// A request's body, decoded or as it came. What is wrong with encoded content is a
        /// [`wire_compress::Error`] in the box, which knows its status.
        pub struct DecodedBody<B> {
            #[pin]
            body: B,
            decoding: Option<Box<Decoding>>,
            found: Option<Found>,
        }
    }

    /// What was wrong with the content, for the layer.
    pub(in crate::compress) type Found = Arc<OnceLock<Error>>;

    impl<B> DecodedBody<B> {
        pub(in crate::compress) fn plain(body: B) -> Self {
            Self { body, decoding: None, found: None }
        }

        pub(in crate::compress) fn decoded(body: B, decoder: Decoder, found: Found) -> Self {
            Self { body, decoding: Some(Box::new(Decoding::new(decoder))), found: Some(found) }
        }
    }

    impl<B: Body<Error: Into<BoxError>>> Body for DecodedBody<B> {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            let mut this = self.project();
            let mut next = |cx: &mut Context<'_>| {
                let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)) else {
                    return Poll::Ready(Ok(Piece::End));
                };
                Poll::Ready(frame.map(|frame| match frame.into_data() {
                    Ok(mut data) => Piece::Chunk(data.copy_to_bytes(data.remaining())),
                    Err(frame) => frame.into_trailers().map_or(Piece::End, Piece::Trailers),
                }))
            };
            let piece = match this.decoding {
                Some(decoding) => ready!(decoding.poll(cx, next)),
                None => ready!(next(cx)).map_err(Fault::Body),
            };
            Poll::Ready(match piece {
                Ok(Piece::Chunk(chunk)) => Some(Ok(Frame::data(chunk))),
                Ok(Piece::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Ok(Piece::End) => None,
                Err(Fault::Body(error)) => Some(Err(error.into())),
                Err(Fault::Content(error)) => {
                    if let Some(found) = this.found {
                        let _ = found.set(error);
                    }
                    Some(Err(error.into()))
                }
            })
        }

        fn is_end_stream(&self) -> bool {
            match &self.decoding {
                Some(decoding) => decoding.ended,
                None => self.body.is_end_stream(),
            }
        }

        fn size_hint(&self) -> SizeHint {
            if self.decoding.is_some() { SizeHint::default() } else { self.body.size_hint() }
        }
    }

    impl<B> fmt::Debug for DecodedBody<B> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // Not what was received.
            f.debug_struct("DecodedBody").field("encoded", &self.decoding.is_some()).finish_non_exhaustive()
        }
    }
}
