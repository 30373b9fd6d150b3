//! Small fields of a form in memory, whichever way they were encoded.

use super::{FormError, Part, content_type};
use crate::body::BodyError;
use crate::handler::RequestKind;

/// What [`Fields`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldLimits {
    /// Most fields (128): each costs two strings.
    pub max_fields: usize,
    /// Most bytes of names and values together (1 MiB), and of an URL-encoded body as it is sent.
    pub max_bytes: usize,
}

impl Default for FieldLimits {
    fn default() -> Self {
        Self { max_fields: 128, max_bytes: 1 << 20 }
    }
}

/// Names and values of a form in their order, as text.
///
/// A name may be there more than once: for check boxes, say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pairs: Vec<(String, String)>,
    limits: FieldLimits,
    bytes: usize,
}

impl Fields {
    /// None yet.
    #[must_use]
    pub fn new(limits: FieldLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The fields of a request whose Content-Type is `application/x-www-form-urlencoded`, decoded as browsers have it (WHATWG
    /// URL section 5.1): `+` is a space, and what is not UTF-8 becomes U+FFFD. Parameters of the Content-Type are ignored.
    ///
    /// ```
    /// # use server_core::{Request, Body, multipart::{FieldLimits, Fields}};
    /// async fn search(mut request: Request) -> http::Response<Body> {
    ///     match Fields::from_urlencoded(&mut request, FieldLimits::default()).await {
    ///         Ok(fields) => http::Response::new(Body::from(fields.get("q").unwrap_or("").to_owned())),
    ///         Err(error) => error.into_response(),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Another Content-Type (415); a limit (413); a body that did not arrive whole.
    pub async fn from_urlencoded(
        request: &mut impl RequestKind,
        limits: FieldLimits,
    ) -> Result<Self, FormError> {
        let value = content_type(request)?.unwrap_or_default();
        let media_type = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        if !media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            return Err(FormError::NotUrlencoded);
        }
        let mut body = std::mem::take(request.incoming_mut()).limit(limits.max_bytes as u64);
        let body = match body.collect().await {
            Err(BodyError::TooLarge { .. }) => {
                return Err(FormError::FieldsTooLarge { limit: limits.max_bytes });
            }
            collected => collected?,
        };
        let mut fields = Self::new(limits);
        for (name, value) in form_urlencoded::parse(&body) {
            fields.push(name.into_owned(), value.into_owned())?;
        }
        Ok(fields)
    }

    /// Reads a part, and adds it.
    ///
    /// # Errors
    /// As [`Part::text`]; a limit (413).
    pub async fn add(&mut self, mut part: Part<'_>) -> Result<(), FormError> {
        let name = part.name().into_owned();
        let mut value = Vec::new();
        self.check(name.len())?;
        while let Some(piece) = part.chunk().await? {
            self.check(name.len() + value.len() + piece.len())?;
            value.extend_from_slice(&piece);
        }
        self.push(name, String::from_utf8(value).map_err(|_| FormError::NotUtf8)?)
    }

    fn push(&mut self, name: String, value: String) -> Result<(), FormError> {
        let bytes = name.len() + value.len();
        self.check(bytes)?;
        self.bytes += bytes;
        self.pairs.push((name, value));
        Ok(())
    }

    /// Whether there is room for another field of so many bytes.
    fn check(&self, bytes: usize) -> Result<(), FormError> {
        let FieldLimits { max_fields, max_bytes } = self.limits;
        if self.pairs.len() >= max_fields {
            return Err(FormError::TooManyFields { limit: max_fields });
        }
        if bytes > max_bytes - self.bytes {
            return Err(FormError::FieldsTooLarge { limit: max_bytes });
        }
        Ok(())
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// The values of all fields of this name.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
