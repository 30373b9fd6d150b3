//! The decoded response head: offsets only, resolved against the bytes it was decoded from.

use core::ops::Deref;

use crate::fields::Fields;
use crate::framing::ResponseFraming;
use crate::head::Head;
use crate::request_line::Version;
use crate::status_line::StatusLine;

/// A response head as offsets: it borrows nothing, copies nothing, and its table is used again for the next response.
///
/// [`view`](Self::view) joins it with the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead(pub(crate) Head<StatusLine>);

impl ResponseHead {
    /// Joins the head with its bytes: the consumed prefix of the step that reported it, or a copy of that.
    ///
    /// # Panics
    ///
    /// The view's methods panic when `prefix` is shorter than that prefix; with other bytes they return nonsense.
    #[must_use]
    pub fn view<'a>(&'a self, prefix: &'a [u8]) -> ResponseView<'a> {
        ResponseView { head: self, fields: self.0.fields(prefix) }
    }

    /// The status code, 100 to 999, as it came. Those above 599 are invalid and to be processed as 5xx (RFC 9110 section
    /// 15); a server of this crate does not send them ([`EncodeError::InvalidStatus`](crate::EncodeError::InvalidStatus)).
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.line.status
    }

    /// The version that counts.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.line.version
    }

    /// Whether this is an interim response, 1xx without 101 (RFC 9110 section 15.2): the next event is another head.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.0.line.is_interim()
    }

    /// How the content is framed, by the fields, the status and the method of the request.
    #[must_use]
    pub fn body(&self) -> ResponseFraming {
        self.0.decision.body
    }

    /// Whether the server lets the connection persist behind this response (RFC 9112 section 9.3).
    #[must_use]
    pub fn keep_alive(&self) -> bool {
        self.0.decision.keep_alive
    }

    /// Whether this response switches protocols: 101, or 2xx to CONNECT. Behind it the decoder says
    /// [`Event::Upgraded`](crate::Event::Upgraded).
    ///
    /// The request offered an upgrade, and the response names one. Whether that is one of those offered is for the caller
    /// to compare, who wrote the offer and will speak the protocol: "A server MUST NOT switch to a protocol that was not
    /// indicated by the client" (RFC 9110 section 7.8).
    #[must_use]
    pub fn switches(&self) -> bool {
        self.0.decision.switches
    }

    /// Number of field lines.
    #[must_use]
    pub fn field_count(&self) -> usize {
        self.0.fields.len()
    }
}

/// A response head with its bytes. Its field lines are [`Fields`], to which it dereferences.
#[derive(Clone, Copy, Debug)]
pub struct ResponseView<'a> {
    head: &'a ResponseHead,
    fields: Fields<'a>,
}

impl<'a> ResponseView<'a> {
    /// The status code, 100 to 999.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    /// The reason phrase as it was sent: no controls but HTAB; may be empty, means nothing (RFC 9112 section 4).
    #[must_use]
    pub fn reason(&self) -> &'a [u8] {
        &self.fields.bytes()[self.head.0.line.reason_range()]
    }

    /// The version that counts.
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The head as offsets.
    #[must_use]
    pub fn head(&self) -> &'a ResponseHead {
        self.head
    }
}

impl<'a> Deref for ResponseView<'a> {
    type Target = Fields<'a>;

    fn deref(&self) -> &Fields<'a> {
        &self.fields
    }
}
