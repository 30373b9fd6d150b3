//! The names of content codings (RFC 9110 section 8.4.1).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A content coding of the HTTP Content Coding Registry that this crate knows.
///
/// All of them are here whatever features are on: what can be named is not what can be applied. The latter is
/// [`is_supported`](Self::is_supported).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `gzip` (RFC 1952), also called `x-gzip`.
    Gzip,
    /// `deflate`: the zlib format (RFC 1950). Feature `gzip`.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878, with the window of RFC 9659).
    Zstd,
}

impl Coding {
    /// All of them, in the order in which a server that has the choice should prefer them: brotli makes the smallest
    /// texts, zstd is the fastest, gzip is what everybody knows, and deflate is only for those who know nothing else.
    pub const PREFERENCE: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Deflate];

    /// Those of [`PREFERENCE`](Self::PREFERENCE) whose feature is on.
    pub const SUPPORTED: &'static [Self] = &[
        #[cfg(feature = "brotli")]
        Self::Brotli,
        #[cfg(feature = "zstd")]
        Self::Zstd,
        #[cfg(feature = "gzip")]
        Self::Gzip,
        #[cfg(feature = "gzip")]
        Self::Deflate,
    ];

    /// The coding of a name, in any case; `x-gzip` is `gzip` (section 8.4.1.3). `None` for others, `identity` too.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Option<Self> {
        let is = |name: &str| token.eq_ignore_ascii_case(name.as_bytes());
        match token.len() {
            2 if is("br") => Some(Self::Brotli),
            4 if is("gzip") => Some(Self::Gzip),
            4 if is("zstd") => Some(Self::Zstd),
            6 if is("x-gzip") => Some(Self::Gzip),
            7 if is("deflate") => Some(Self::Deflate),
            _ => None,
        }
    }

    /// Its name in Accept-Encoding and Content-Encoding.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Whether its feature is on.
    #[must_use]
    pub fn is_supported(self) -> bool {
        Self::SUPPORTED.contains(&self)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// The members of a comma-separated list (RFC 9110 section 5.6.1), without the empty ones and the space around.
pub(crate) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// Without optional white space (section 5.6.3) at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let special = |byte: &u8| b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || special(byte))
}

/// The value of Accept-Encoding in a 415 (RFC 9110 section 12.5.3): what a `Decoder` takes; `identity`
/// where no feature is on.
#[must_use]
pub fn accept_encoding() -> String {
    let names: Vec<&str> = Coding::SUPPORTED.iter().map(|coding| coding.token()).collect();
    if names.is_empty() { String::from("identity") } else { names.join(", ") }
}
