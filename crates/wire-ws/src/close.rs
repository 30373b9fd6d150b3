//! Close codes (RFC 6455 section 7.4).

use core::fmt;

/// A status code that may stand in a Close frame.
///
/// Only codes that may go on the wire exist as values: 1000 to 1003, 1007 to 1014 (section 7.4.1 and the IANA
/// registry it founds, section 11.7) and 3000 to 4999 (section 7.4.2). The reserved codes 1004, 1005 ("no code was
/// there": `None` in this crate), 1006 ("ended without Close": an [`Error`](crate::Error) of `decode_eof`) and 1015
/// do not, so they can neither be received nor be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away; a server going down, a page being left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: a kind of data that the endpoint cannot accept, such as binary where only text is understood.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1007: data that does not fit the kind of its message, such as text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// 1008: a message violates the endpoint's policy; the generic code.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message is too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the server did not agree to an extension that the client needs. Sent by clients only.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server met an unexpected condition.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the service is overloaded, try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response from upstream (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code of this number, or `None` where it must not stand in a Close frame (section 7.4).
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number, as on the wire.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::CloseCode;

    #[test]
    fn exactly_the_codes_of_section_7_4_exist() {
        for code in 0..=u16::MAX {
            let legal = (1000..=1003).contains(&code)
                || (1007..=1014).contains(&code)
                || (3000..=4999).contains(&code);
            assert_eq!(CloseCode::new(code).map(u16::from), legal.then_some(code), "{code}");
        }
    }
}
