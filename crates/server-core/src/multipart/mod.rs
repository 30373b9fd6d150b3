//! Forms and uploads: `multipart/form-data` (RFC 7578) as a stream of parts, `application/x-www-form-urlencoded` beside it
//! (feature `multipart`).
//!
//! - [`multipart`] gives a [`Multipart`], and that one [`Part`] after the other; each is a stream of its body. It sits on
//!   [`Incoming`], so it is the same over every version of HTTP, and nothing is read from the socket that nobody has asked
//!   for.
//! - Bodies are slices of what was received. Copied are the few bytes at the seam of two pieces that may be a delimiter.
//! - [`Part::save`] writes a file that is there whole or not at all.
//! - [`Fields`] collects small fields within [`FieldLimits`], of either kind of form.
//! - A [`FormError`] knows its status, and is a response if you want one.
//!
//! The rules and the limits are those of [`wire_multipart`]: [`Config`] holds 128 parts, 1 MiB for a
//! part without a file name, 10 MiB for a file. The whole has no limit but what [`Multipart::limit`] says.
//!
//! ```
//! use http::Response;
//! use server_core::multipart::{FieldLimits, Fields, FormError, SaveTo, multipart};
//! use server_core::{Body, Request};
//!
//! async fn upload(mut request: Request) -> Response<Body> {
//!     match receive(&mut request).await {
//!         Ok(text) => Response::new(Body::from(text)),
//!         Err(error) => error.into_response(),
//!     }
//! }
//!
//! async fn receive(request: &mut Request) -> Result<String, FormError> {
//!     let mut form = multipart(request)?.limit(100 << 20);
//!     let mut fields = Fields::new(FieldLimits::default());
//!     let mut photos = 0;
//!     while let Some(part) = form.next_part().await? {
//!         match &*part.name() {
//!             "photo" if part.is_file() => {
//!                 photos += 1;
//!                 let file = SaveTo::new(format!("/srv/photos/{photos}.jpg"));
//!                 part.limit(20 << 20).save(&file, |_piece| { /* a checksum, say */ }).await?;
//!             }
//!             // Other files are searched for their end, and nothing else: the next part is asked for.
//!             _ if part.is_file() => {}
//!             _ => fields.add(part).await?,
//!         }
//!     }
//!     Ok(format!("{photos} photos of {}", fields.get("title").unwrap_or("nothing")))
//! }
//! # fn is_handler<R>(_: impl server_core::Handler<R>) {}
//! # is_handler(upload);
//! ```

mod error;
mod fields;
mod input;
mod part;
mod save;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body as _;
use wire_multipart::{Boundary, BoundaryError, Config, Decoder, Event};

pub use self::error::FormError;
pub use self::fields::{FieldLimits, Fields};
pub use self::part::Part;
pub use self::save::SaveTo;

use self::input::Input;
use crate::body::Incoming;
use crate::handler::RequestKind;

/// The form in the body of a [`Request`](crate::Request) or an `http::Request<Incoming>` whose Content-Type is
/// `multipart/form-data`.
///
/// # Errors
/// The Content-Type is another (415), or malformed, or there twice (400); then the body stays where it is.
pub fn multipart(request: &mut impl RequestKind) -> Result<Multipart, FormError> {
    let content_type = content_type(request)?.ok_or(BoundaryError::OtherType)?;
    let boundary = Boundary::from_content_type(content_type)?;
    Ok(Multipart::new(boundary, std::mem::take(request.incoming_mut())))
}

/// A form that arrives: its parts, one after the other.
///
/// Cancel-safe: a future of its methods that is dropped loses nothing. Dropped itself, it leaves the rest of the body to the
/// server, as a dropped [`Incoming`] does.
pub struct Multipart {
    boundary: Boundary,
    decoder: Decoder,
    body: Incoming,
    input: Input,
    place: Place,
    /// The bytes that the decoder's head points into.
    head: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    BetweenParts,
    WithinPart,
    End,
}

impl Multipart {
    /// A form in this body, with this boundary.
    #[must_use]
    pub fn new(boundary: Boundary, body: Incoming) -> Self {
        Self {
            boundary,
            decoder: Decoder::new(&boundary, &Config::default()),
            body,
            input: Input::default(),
            place: Place::BetweenParts,
            head: Bytes::new(),
        }
    }

    /// Other limits and rules than [`Config::default`]. Call it before the first part is asked for.
    #[must_use]
    pub fn config(mut self, config: &Config) -> Self {
        self.decoder = Decoder::new(&self.boundary, config);
        self
    }

    /// Refuses a form of more than `max` bytes, delimiters and skipped parts included, with 413: see [`Incoming::limit`].
    #[must_use]
    pub fn limit(mut self, max: u64) -> Self {
        self.body = self.body.limit(max);
        self
    }

    /// The next part; `None` behind the last one, when all of the body was read. What is left of the part before is skipped:
    /// it costs a search, no memory, and has no limit of its own.
    ///
    /// # Errors
    /// The form is malformed, over a limit, or did not arrive whole. The same again when asked again.
    pub async fn next_part(&mut self) -> Result<Option<Part<'_>>, FormError> {
        std::future::poll_fn(|cx| self.poll_part(cx)).await.map(|found| found.then(|| Part::new(self)))
    }

    /// Whether there is another part; then it is the current one.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, FormError>> {
        if self.place == Place::WithinPart {
            self.decoder.skip_part();
        }
        while self.place != Place::End {
            match ready!(self.poll_event(cx))? {
                Some((Event::PartBegin, head)) => {
                    self.place = Place::WithinPart;
                    self.head = head;
                    return Poll::Ready(Ok(true));
                }
                Some((Event::PartEnd, _)) => self.place = Place::BetweenParts,
                // Of a part that is skipped, or an epilogue follows.
                Some((Event::Data { .. } | Event::End, _)) => {}
                None => self.place = Place::End,
            }
        }
        Poll::Ready(Ok(false))
    }

    /// The next piece of the current part.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, FormError>> {
        if self.place != Place::WithinPart {
            return Poll::Ready(Ok(None));
        }
        if let Some((Event::Data { .. }, piece)) = ready!(self.poll_event(cx))? {
            return Poll::Ready(Ok(Some(piece)));
        }
        self.place = Place::BetweenParts;
        Poll::Ready(Ok(None))
    }

    /// The next event with its payload; `None` at the end of the body, once the form is complete.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(Event, Bytes)>, FormError>> {
        loop {
            let step = self.decoder.decode(self.input.bytes())?;
            let consumed = self.input.take(step.consumed);
            if let Some(event) = step.event {
                return Poll::Ready(Ok(Some((event, consumed.slice(step.payload_range())))));
            }
            if self.input.look_further() {
                continue;
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                // Nobody reads the trailers of a form.
                Some(frame) => frame?.into_data().map_or((), |piece| self.input.push(piece)),
                None => {
                    self.decoder.decode_eof()?;
                    return Poll::Ready(Ok(None));
                }
            }
        }
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart")
            .field("boundary", &self.boundary)
            .field("place", &self.place)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// The one Content-Type: of two, a firewall may believe the other.
fn content_type(request: &impl RequestKind) -> Result<Option<&[u8]>, FormError> {
    let mut values = request.content_types();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(FormError::DuplicateContentType),
        (value, None) => Ok(value),
    }
}
