//! The decoded head: offsets only, resolved against the bytes it was decoded from.

use alloc::vec::Vec;
use core::ops::{Deref, Range};

use crate::error::ErrorKind;
use crate::field::{Field, FieldSink};
use crate::fields::{FieldRange, Fields, ascii};
use crate::framing::{BodyFraming, Framing};
use crate::known::Known;
use crate::receive::StartLine;
use crate::request_line::{Method, RequestLine, Version};
use crate::target::Form;

/// A head of either role as offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head<L: StartLine> {
    /// Where the start line begins in the consumed prefix: behind an empty line that came in the same step.
    pub(crate) start: u32,
    pub(crate) line: L,
    pub(crate) decision: L::Decision,
    pub(crate) fields: Vec<Field>,
}

impl<L: StartLine> Head<L> {
    /// Empties the table and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.fields.clear();
    }

    /// Completes the head with its start line and what its fields decided.
    pub(crate) fn complete(&mut self, start: usize, line: L, decision: L::Decision) {
        self.start = start as u32;
        self.line = line;
        self.decision = decision;
    }

    /// The sink that fills this head's table.
    pub(crate) fn sink<'a>(
        &'a mut self,
        line: &'a L,
        framing: &'a mut Framing,
        max_fields: usize,
    ) -> HeadSink<'a, L> {
        HeadSink { line, fields: &mut self.fields, framing, max_fields }
    }

    /// The field lines, with the bytes of the head from its start line on.
    pub(crate) fn fields<'a>(&'a self, prefix: &'a [u8]) -> Fields<'a> {
        Fields::new(&self.fields, &prefix[self.start as usize..])
    }
}

/// Stores field lines, and shows framing the ones it asked for.
pub(crate) struct HeadSink<'a, L> {
    line: &'a L,
    fields: &'a mut Vec<Field>,
    framing: &'a mut Framing,
    max_fields: usize,
}

impl<L: StartLine> FieldSink for HeadSink<'_, L> {
    #[inline]
    fn field(&mut self, field: Field, value: &[u8]) -> Result<(), ErrorKind> {
        if self.fields.len() >= self.max_fields {
            return Err(ErrorKind::TooManyFields);
        }
        if let Some(known) = field.known.filter(|&known| self.line.decides(known)) {
            self.framing.field(known, value)?;
        }
        self.fields.push(field);
        Ok(())
    }
}

/// A request head as offsets: it borrows nothing, copies nothing, and its table is used again for the next request.
///
/// [`view`](Self::view) joins it with the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead(pub(crate) Head<RequestLine>);

impl RequestHead {
    /// Joins the head with its bytes: the consumed prefix of the step that reported it, or a copy of that.
    ///
    /// # Panics
    ///
    /// The view's methods panic when `prefix` is shorter than that prefix; with other bytes they return nonsense.
    #[must_use]
    pub fn view<'a>(&'a self, prefix: &'a [u8]) -> HeadView<'a> {
        HeadView { head: self, fields: self.0.fields(prefix) }
    }

    /// The method, if it is one of the registered ones.
    #[must_use]
    #[inline]
    pub fn method(&self) -> Method {
        self.0.line.method
    }

    /// The version that counts.
    #[must_use]
    #[inline]
    pub fn version(&self) -> Version {
        self.0.line.version
    }

    /// How the content is framed.
    #[must_use]
    #[inline]
    pub fn body(&self) -> BodyFraming {
        self.0.decision.body
    }

    /// Whether the client lets the connection persist (RFC 9112 section 9.3).
    #[must_use]
    pub fn keep_alive(&self) -> bool {
        self.0.decision.keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends its content (RFC 9110 section 10.1.1). Never in
    /// HTTP/1.0, and never without content.
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.0.decision.expects_continue
    }

    /// Whether the client offers to switch protocols: Upgrade, named in Connection (RFC 9110 section 7.8). Never in
    /// HTTP/1.0.
    #[must_use]
    #[inline]
    pub fn offers_upgrade(&self) -> bool {
        self.0.decision.offers_upgrade
    }

    /// Whether the client said that it takes trailers (`TE: trailers`, RFC 9110 section 10.1.4).
    #[must_use]
    pub fn accepts_trailers(&self) -> bool {
        self.0.decision.accepts_trailers
    }

    /// Number of field lines.
    #[must_use]
    pub fn field_count(&self) -> usize {
        self.0.fields.len()
    }

    /// Where the target lies in the prefix that [`view`](Self::view) takes.
    #[must_use]
    pub fn target_range(&self) -> Range<usize> {
        let (start, target) = (self.0.start as usize, self.0.line.target_range());
        start + target.start..start + target.end
    }

    /// Where the field lines lie in the prefix that [`view`](Self::view) takes, in their original order.
    pub fn field_ranges(&self) -> impl ExactSizeIterator<Item = FieldRange> + '_ {
        let start = self.0.start as usize;
        let behind = move |range: Range<usize>| start + range.start..start + range.end;
        self.0.fields.iter().map(move |field| FieldRange {
            name: behind(field.name_range()),
            value: behind(field.value_range()),
            known: field.known,
        })
    }
}

/// A request head with its bytes. Its field lines are [`Fields`], to which it dereferences.
#[derive(Clone, Copy, Debug)]
pub struct HeadView<'a> {
    head: &'a RequestHead,
    fields: Fields<'a>,
}

impl<'a> HeadView<'a> {
    /// The method as it was sent.
    #[must_use]
    pub fn method(&self) -> &'a str {
        ascii(&self.fields.bytes()[self.head.0.line.method_range()])
    }

    /// The request target as it was sent: ASCII, nothing decoded.
    #[must_use]
    pub fn target(&self) -> &'a str {
        ascii(&self.fields.bytes()[self.head.0.line.target_range()])
    }

    /// The target's path, not decoded: begins with `/`, or is empty where the target has none (an absolute target
    /// without path, CONNECT), or `*` for a server-wide OPTIONS.
    #[must_use]
    pub fn path(&self) -> &'a str {
        let rest = self.path_and_query();
        rest.split_once('?').map_or(rest, |(path, _)| path)
    }

    /// The target's query without its `?`, not decoded.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.path_and_query().split_once('?').map(|(_, query)| query)
    }

    /// Path and query as they were sent.
    #[must_use]
    pub fn path_and_query(&self) -> &'a str {
        let target = self.target();
        match self.head.0.line.form {
            Form::Origin | Form::Asterisk => target,
            Form::Absolute { end, .. } => &target[end as usize..],
            Form::Authority => "",
        }
    }

    /// The scheme of an absolute target; otherwise the connection decides (RFC 9112 section 3.3).
    #[must_use]
    pub fn scheme(&self) -> Option<&'a str> {
        match self.head.0.line.form {
            Form::Absolute { start, .. } => Some(&self.target()[..start as usize - "://".len()]),
            _ => None,
        }
    }

    /// The authority of the target URI: the target's where it has one, whatever Host says (RFC 9112 sections 3.2.2 and
    /// 3.3), the value of Host otherwise. `None` in HTTP/1.0 without Host.
    #[must_use]
    pub fn authority(&self) -> Option<&'a str> {
        match self.head.0.line.form {
            Form::Absolute { start, end } => Some(&self.target()[start as usize..end as usize]),
            Form::Authority => Some(self.target()),
            Form::Origin | Form::Asterisk => self.get_known(Known::Host).map(ascii),
        }
    }

    /// The version that counts.
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.0.line.version
    }

    /// The head as offsets.
    #[must_use]
    pub fn head(&self) -> &'a RequestHead {
        self.head
    }
}

impl<'a> Deref for HeadView<'a> {
    type Target = Fields<'a>;

    fn deref(&self) -> &Fields<'a> {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use crate::ServerConnection;

    #[test]
    fn ranges_count_from_the_prefix() {
        // Behind an empty line, which is part of the prefix.
        let input = b"\r\nGET /a HTTP/1.1\r\nHost:  b \r\nX-C: d\r\n\r\n";
        let mut connection = ServerConnection::default();
        assert_eq!(connection.decode(input).unwrap().consumed, input.len());
        let head = connection.head();
        assert_eq!(&input[head.target_range()], b"/a");
        let view = head.view(input);
        let by_range =
            head.field_ranges().map(|field| (&input[field.name], &input[field.value], field.known));
        assert!(by_range.eq(view.fields().map(|field| (field.name.as_bytes(), field.value, field.known))));
        assert_eq!(head.field_ranges().len(), 2);
    }
}
