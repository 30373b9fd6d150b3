//! Why a form could not be read.

use std::io;

use http::{HeaderValue, Response, StatusCode, header};
use wire_multipart::BoundaryError;

use crate::body::{Body, BodyError};

/// Why a form could not be read, or a part not saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The Content-Type is not `multipart/form-data` (415), or has no valid boundary (400).
    #[error(transparent)]
    ContentType(#[from] BoundaryError),
    /// The Content-Type is not `application/x-www-form-urlencoded`. 415.
    #[error("not application/x-www-form-urlencoded")]
    NotUrlencoded,
    /// Two Content-Type fields: whoever looked before us may have believed the other one. 400.
    #[error("more than one Content-Type")]
    DuplicateContentType,
    /// The body did not arrive whole, or is over [`Multipart::limit`](super::Multipart::limit). Its own status.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The form breaks a rule (400) or passes a limit (413).
    #[error(transparent)]
    Form(#[from] wire_multipart::Error),
    /// More fields than [`FieldLimits::max_fields`](super::FieldLimits::max_fields). 413.
    #[error("more than {limit} fields: raise `FieldLimits::max_fields`")]
    TooManyFields {
        /// The limit.
        limit: usize,
    },
    /// Fields over [`FieldLimits::max_bytes`](super::FieldLimits::max_bytes). 413.
    #[error("fields of more than {limit} bytes: raise `FieldLimits::max_bytes`")]
    FieldsTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Text that is not UTF-8. 400.
    #[error("text that is not UTF-8")]
    NotUtf8,
    /// The file could not be written. 500; who saves to names that may be taken looks for
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists).
    #[error("the file was not saved: {0}")]
    Save(#[from] io::Error),
}

impl FormError {
    /// The status that tells the client.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        let code = match self {
            Self::ContentType(error) => error.status(),
            Self::NotUrlencoded => 415,
            Self::Body(error) => return error.status(),
            Self::Form(error) => error.status(),
            Self::TooManyFields { .. } | Self::FieldsTooLarge { .. } => 413,
            Self::DuplicateContentType | Self::NotUtf8 => 400,
            Self::Save(_) => 500,
        };
        StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// A response that says so in plain text; of a file that was not saved it says no more than that.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let body = match &self {
            // Names of files are not the client's business.
            Self::Save(_) => Body::from("the file was not saved\n"),
            other => Body::from(format!("{other}\n")),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        response
    }
}
