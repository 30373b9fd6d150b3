//! Conversions to the types of the `http` crate, each made only when asked for (feature `http`).
//!
//! A decoded head serves most uses without them: names in their original case, known names by index, no allocation. What
//! the `http` crate cannot hold is an error, never changed: more than 32,768 fields, a target that its `Uri` refuses.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};

use crate::client::ResponseView;
use crate::error::EncodeError;
use crate::field;
use crate::fields::Fields;
use crate::head::HeadView;
use crate::head_writer::{self, HeadWriter};
use crate::request_line::Version;

impl From<Version> for http::Version {
    fn from(version: Version) -> Self {
        match version {
            Version::Http10 => Self::HTTP_10,
            Version::Http11 => Self::HTTP_11,
        }
    }
}

impl HeadView<'_> {
    /// The method.
    ///
    /// # Errors
    ///
    /// None that is known: a token is a method.
    pub fn to_http_method(&self) -> Result<Method, http::Error> {
        Ok(match self.head().method() {
            crate::Method::Get => Method::GET,
            crate::Method::Head => Method::HEAD,
            crate::Method::Post => Method::POST,
            _ => Method::from_bytes(self.method().as_bytes())?,
        })
    }

    /// The target as it was sent, in any of its four forms; not joined with Host.
    ///
    /// # Errors
    ///
    /// A target that `Uri` refuses, such as one over 65,534 bytes.
    pub fn to_http_uri(&self) -> Result<Uri, http::Error> {
        Ok(Uri::try_from(self.target())?)
    }

    /// A request without its content: all of the above.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn to_http_request<B>(&self, body: B) -> Result<http::Request<B>, http::Error> {
        let mut request = http::Request::new(body);
        *request.method_mut() = self.to_http_method()?;
        *request.uri_mut() = self.to_http_uri()?;
        *request.version_mut() = self.version().into();
        *request.headers_mut() = self.to_header_map()?;
        Ok(request)
    }
}

impl ResponseView<'_> {
    /// The status code.
    ///
    /// # Errors
    ///
    /// None that is known: all codes from 100 to 999 are allowed.
    pub fn to_http_status(&self) -> Result<StatusCode, http::Error> {
        Ok(StatusCode::from_u16(self.status())?)
    }

    /// A response without its content: all of the above.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn to_http_response<B>(&self, body: B) -> Result<http::Response<B>, http::Error> {
        let mut response = http::Response::new(body);
        *response.status_mut() = self.to_http_status()?;
        *response.version_mut() = self.version().into();
        *response.headers_mut() = self.to_header_map()?;
        Ok(response)
    }
}

impl HeadWriter<'_> {
    /// Appends a field line of which the types say that it is valid: [`field`](Self::field) for half the price.
    ///
    /// # Errors
    ///
    /// [`EncodeError::CodecField`] for Content-Length, Transfer-Encoding and Connection, as there.
    #[inline]
    pub fn header(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), EncodeError> {
        let name = name.as_str().as_bytes();
        self.upgrade |= head_writer::is_upgrade(name)?;
        field::write_valid(name, value.as_bytes(), self.out);
        Ok(())
    }
}

impl Fields<'_> {
    /// All field lines, in order for each name.
    ///
    /// # Errors
    ///
    /// More fields than a `HeaderMap` holds.
    pub fn to_header_map(&self) -> Result<HeaderMap, http::Error> {
        let fields = self.fields();
        let mut map = HeaderMap::try_with_capacity(fields.len())?;
        for field in fields {
            let name = match field.known {
                Some(known) => HeaderName::from_static(known.as_str()),
                None => HeaderName::from_bytes(field.name.as_bytes())?,
            };
            map.try_append(name, HeaderValue::from_bytes(field.value)?)?;
        }
        Ok(map)
    }
}
