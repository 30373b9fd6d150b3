//! One part of a form: its head, and its body as a stream.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use wire_multipart::PartView;

use super::{FormError, Multipart};

/// One part of a form, before its body. Read it, or ask for the next part: what was not read is skipped.
///
/// It is a [`Stream`] of `Bytes`, too.
pub struct Part<'a> {
    form: &'a mut Multipart,
}

impl<'a> Part<'a> {
    pub(super) fn new(form: &'a mut Multipart) -> Self {
        Self { form }
    }

    /// All that the head says, as bytes.
    #[must_use]
    pub fn head(&self) -> PartView<'_> {
        self.form.decoder.head().view(&self.form.head)
    }

    /// The name of the form's field. What is not UTF-8 in it becomes U+FFFD; [`head`](Self::head) has its bytes.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        text(self.head().name())
    }

    /// The file name as the client says it: to be shown and not to be trusted. Empty for a file field without a file.
    #[must_use]
    pub fn filename(&self) -> Option<Cow<'_, str>> {
        self.head().filename().map(text)
    }

    /// The base name of the file name, fit for a folder of its own: [`PartView::safe_filename`].
    #[must_use]
    pub fn safe_filename(&self) -> Option<String> {
        self.head().safe_filename()
    }

    /// Whether there is a file name, an empty one included.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.head().raw_filename().is_some()
    }

    /// The Content-Type as the client says it, `text/plain` where it is absent (RFC 7578 section 4.4) or not UTF-8.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.head().content_type().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or("text/plain")
    }

    /// Refuses a body of more than `max` bytes with 413, in place of what [`Config`](wire_multipart::Config) says.
    #[must_use]
    pub fn limit(self, max: u64) -> Self {
        self.form.decoder.limit_part(max);
        self
    }

    /// Refuses the whole form, with 400: nothing more comes of it.
    #[must_use = "it is what to answer"]
    pub fn refuse(self) -> FormError {
        self.form.decoder.refuse().into()
    }

    /// The next piece of the body, never empty; `None` at its end.
    ///
    /// # Errors
    /// The form is malformed, the part is over its limit, or the body did not arrive whole.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        std::future::poll_fn(|cx| self.form.poll_data(cx)).await
    }

    /// The body in memory: within the part's limit. What came in one piece is a slice of what was received, at most 64 KiB,
    /// all of which it keeps: copy a small one that is to stay.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Bytes, FormError> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        while let Some(piece) = self.chunk().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// The body as text: within the part's limit.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk); [`FormError::NotUtf8`].
    pub async fn text(self) -> Result<String, FormError> {
        String::from_utf8(self.bytes().await?.into()).map_err(|_| FormError::NotUtf8)
    }
}

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

impl Stream for Part<'_> {
    type Item = Result<Bytes, FormError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().form.poll_data(cx).map(Result::transpose)
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("name", &self.name())
            .field("filename", &self.filename())
            .field("content_type", &self.content_type())
            .finish_non_exhaustive()
    }
}
