//! What an intermediary does not hand on (RFC 9110 section 7.6.1): fields that are for one connection only.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::fields::{FieldView, Fields};
use crate::known::Known;

/// Which fields of a message are for this connection only: those that its Connection field names, and those that always
/// are. Made from a head, and kept for the trailers behind it.
///
/// A proxy that forgets one of them lets its client decide how the next server reads the message: `Connection:
/// authorization` takes credentials away, a second `Transfer-Encoding` smuggles.
///
/// It allocates what Connection names, which the limit of a head bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HopByHop {
    /// In lower case.
    named: BTreeSet<Vec<u8>>,
}

impl HopByHop {
    /// Reads the Connection fields of a head.
    #[must_use]
    pub fn new(head: Fields<'_>) -> Self {
        let elements =
            head.get_all_known(Known::Connection).flat_map(|list| list.split(|&byte| byte == b','));
        let named = elements.map(|element| element.trim_ascii().to_ascii_lowercase());
        Self { named: named.filter(|name| !name.is_empty()).collect() }
    }

    /// Whether Connection names this field or option, given in lower case.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.named.contains(name.as_bytes())
    }

    /// Holds this field back as well, given in lower case: the proxy writes it anew.
    pub fn insert(&mut self, name: &str) {
        self.named.insert(name.into());
    }

    /// The fields that go on as they are, in order: of the head, or of the trailers behind it. Left out are
    ///
    /// - what Connection names, and what always is for one connection only: Connection, Keep-Alive, Proxy-Connection, TE,
    ///   Transfer-Encoding, Upgrade, HTTP2-Settings, Proxy-Authenticate and Proxy-Authorization;
    /// - what a proxy writes anew, from the head that was decoded: Content-Length, Expect and Host.
    pub fn forwarded<'a>(
        &self,
        fields: Fields<'a>,
    ) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a, '_> {
        let stays = |field: &FieldView<'_>| {
            is_for_one_connection(field.known)
                || (!self.named.is_empty()
                    && self.named.contains(&field.name.as_bytes().to_ascii_lowercase()))
        };
        fields.fields().filter(move |field| !stays(field)).map(|field| (field.name, field.value))
    }
}

fn is_for_one_connection(name: Option<Known>) -> bool {
    use Known::*;
    let Some(name) = name else { return false };
    let hop_by_hop = matches!(
        name,
        Connection
            | KeepAlive
            | ProxyAuthenticate
            | ProxyAuthorization
            | ProxyConnection
            | Te
            | TransferEncoding
            | Upgrade
            | Http2Settings
    );
    hop_by_hop || matches!(name, ContentLength | Expect | Host)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::HopByHop;
    use crate::{Config, Event, ServerConnection};

    #[test]
    fn what_connection_names_and_what_is_never_handed_on_stays_behind() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x-a, , Close\r\nX-A: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
            connection: X-B\r\nx-b: 2\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nProxy-Connection: close\r\nTrailer: t\r\n\
            Proxy-Authorization: Basic x\r\nX-C: 3\r\nAccept: */*\r\n\r\n";
        let mut connection = ServerConnection::new(Config::default());
        let step = connection.decode(head).unwrap();
        assert_eq!(step.event, Some(Event::Head));
        let fields = *connection.head().view(head);
        let hops = HopByHop::new(fields);
        assert!(hops.names("x-a") && hops.names("close") && !hops.names(""));
        let mut hops = hops;
        hops.insert("x-c");
        let kept: Vec<_> = hops.forwarded(fields).map(|(name, _)| name).collect();
        assert_eq!(kept, ["Trailer", "Accept"]);
    }
}
