//! The boundary, and where it comes from (RFC 2046 section 5.1.1).

use alloc::string::String;
use core::fmt;

use crate::class::{self, BOUNDARY, TOKEN};
use crate::error::BoundaryError;
use crate::parameter::{Backslash, Parameters};

/// Most characters of a boundary.
const MAX: usize = 70;

/// A valid boundary: 1 to 70 characters of the set of RFC 2046 section 5.1.1, the last one not a space.
#[derive(Clone, Copy)]
pub struct Boundary {
    bytes: [u8; MAX],
    len: u8,
}

impl Boundary {
    /// The boundary in the Content-Type of a form, `multipart/form-data; boundary=..`.
    ///
    /// The whole value must be well-formed. A boundary with characters that no token has must be quoted (RFC 9110 section
    /// 5.6.6); a backslash in it is refused.
    ///
    /// # Errors
    ///
    /// What is wrong with the value; see [`BoundaryError::status`].
    ///
    /// ```
    /// use wire_multipart::{Boundary, BoundaryError};
    ///
    /// let boundary = Boundary::from_content_type("multipart/form-data; boundary=\"a b\"")?;
    /// assert_eq!(boundary.as_str(), "a b");
    /// let twice = Boundary::from_content_type("multipart/form-data; boundary=a; boundary=b");
    /// assert_eq!(twice, Err(BoundaryError::Duplicate));
    /// # Ok::<(), BoundaryError>(())
    /// ```
    pub fn from_content_type(value: impl AsRef<[u8]>) -> Result<Self, BoundaryError> {
        Self::from_multipart(value, "form-data")
    }

    /// The boundary in the Content-Type of another multipart type, such as `byteranges` (RFC 9110 section 14.6).
    ///
    /// # Errors
    ///
    /// As [`from_content_type`](Self::from_content_type).
    pub fn from_multipart(value: impl AsRef<[u8]>, subtype: &str) -> Result<Self, BoundaryError> {
        let value = class::trim_end(class::trim_start(value.as_ref()));
        let slash = class::skip(value, TOKEN);
        let Some((b'/', behind)) = value[slash..].split_first() else { return Err(BoundaryError::Malformed) };
        let len = class::skip(behind, TOKEN);
        if slash == 0 || len == 0 {
            return Err(BoundaryError::Malformed);
        }
        if !value[..slash].eq_ignore_ascii_case(b"multipart")
            || !behind[..len].eq_ignore_ascii_case(subtype.as_bytes())
        {
            return Err(BoundaryError::OtherType);
        }
        let mut boundary = None;
        for parameter in (Parameters { value, at: slash + 1 + len, backslash: Backslash::Pair }) {
            let parameter = parameter.map_err(|_| BoundaryError::Malformed)?;
            let name = value[parameter.name].split(|&byte| byte == b'*');
            let (name, pieces) = (name.clone().next().unwrap_or_default(), name.count() > 1);
            if !name.eq_ignore_ascii_case(b"boundary") {
                continue;
            }
            if pieces || boundary.replace(&value[parameter.value]).is_some() {
                return Err(BoundaryError::Duplicate);
            }
        }
        Self::new(boundary.ok_or(BoundaryError::Missing)?)
    }

    /// These characters as a boundary.
    ///
    /// # Errors
    ///
    /// [`BoundaryError::Invalid`].
    pub fn new(boundary: impl AsRef<[u8]>) -> Result<Self, BoundaryError> {
        let boundary = boundary.as_ref();
        let mut bytes = [0; MAX];
        let Some(space) = bytes.get_mut(..boundary.len()) else { return Err(BoundaryError::Invalid) };
        if boundary.last().is_none_or(|&last| last == b' ') || !class::all(boundary, BOUNDARY) {
            return Err(BoundaryError::Invalid);
        }
        space.copy_from_slice(boundary);
        Ok(Self { bytes, len: boundary.len() as u8 })
    }

    /// A boundary for a form to be sent, out of 128 bits of entropy: fresh from a cryptographic generator for each form. What
    /// is sent is never searched for it; nobody can guess it, so nobody can put it into a part.
    #[must_use]
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        const PREFIX: &[u8] = b"wire-multipart-";
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [0; MAX];
        let digits = entropy.iter().flat_map(|&byte| [byte >> 4, byte & 15]);
        let text = PREFIX.iter().copied().chain(digits.map(|digit| DIGITS[usize::from(digit)]));
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = from);
        Self { bytes, len: (PREFIX.len() + 2 * entropy.len()) as u8 }
    }

    /// [`from_entropy`](Self::from_entropy), out of the system's (feature `getrandom`).
    ///
    /// # Errors
    ///
    /// The system has none.
    #[cfg(feature = "getrandom")]
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut entropy = [0; 16];
        getrandom::fill(&mut entropy)?;
        Ok(Self::from_entropy(entropy))
    }

    /// The boundary.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The boundary as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The value of Content-Type for a form with this boundary; quoted only where it must be.
    ///
    /// ```
    /// let boundary = wire_multipart::Boundary::new("a")?;
    /// assert_eq!(boundary.content_type("form-data"), "multipart/form-data; boundary=a");
    /// # Ok::<(), wire_multipart::BoundaryError>(())
    /// ```
    #[must_use]
    pub fn content_type(&self, subtype: &str) -> String {
        let quote = if class::all(self.as_bytes(), TOKEN) { "" } else { "\"" };
        alloc::format!("multipart/{subtype}; boundary={quote}{self}{quote}")
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Boundary").field(&self.as_str()).finish()
    }
}

impl PartialEq for Boundary {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Boundary {}
