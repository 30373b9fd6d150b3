//! The lazy request: the decoded head as it lay in the buffer, looked into on demand.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use wire_http1::{HeadView, Known, RequestHead};

use crate::body::Incoming;
use crate::listener::ConnectionInfo;
use crate::ws::Upgrade;

/// A request whose head is looked up in place: no allocation, no hashing of names, nothing built that nobody asks for.
///
/// [`into_http`](Request::into_http) makes the ecosystem's type of it.
pub struct Request {
    head: Head,
    body: Incoming,
    connection: Arc<ConnectionInfo>,
    pub(crate) upgrade: Option<Upgrade>,
    headers: OnceCell<HeaderMap>,
}

/// The bytes of a head and where its parts lie. Recycled: a thread keeps a few.
pub(crate) struct Head(Option<Box<HeadParts>>);

#[derive(Default)]
pub(crate) struct HeadParts {
    pub(crate) bytes: Vec<u8>,
    pub(crate) table: RequestHead,
}

/// Heads a thread keeps, and the largest that it keeps.
const KEPT: usize = 64;
const MAX_KEPT: usize = 8 << 10;

type Pool = Vec<Box<HeadParts>>;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Vec::new()) };
}

impl Head {
    pub(crate) fn recycled() -> Self {
        Self(Some(POOL.with_borrow_mut(Vec::pop).unwrap_or_default()))
    }

    fn parts(&self) -> &HeadParts {
        self.0.as_deref().expect("taken only by drop")
    }

    pub(crate) fn parts_mut(&mut self) -> &mut HeadParts {
        self.0.as_deref_mut().expect("taken only by drop")
    }

    fn view(&self) -> HeadView<'_> {
        let parts = self.parts();
        parts.table.view(&parts.bytes)
    }

    fn version(&self) -> Version {
        match self.parts().table.version() {
            wire_http1::Version::Http10 => Version::HTTP_10,
            wire_http1::Version::Http11 => Version::HTTP_11,
        }
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        let Some(mut parts) = self.0.take() else { return };
        if parts.bytes.capacity() <= MAX_KEPT {
            parts.bytes.clear();
            // `try_with`: a request may be dropped when its thread's storage already is.
            let _ = POOL.try_with(|pool| {
                let mut pool = pool.borrow_mut();
                if pool.len() < KEPT {
                    pool.push(parts);
                }
            });
        }
    }
}

impl Request {
    pub(crate) fn new(
        head: Head,
        body: Incoming,
        connection: Arc<ConnectionInfo>,
        upgrade: Option<Upgrade>,
    ) -> Self {
        Self { head, body, connection, upgrade, headers: OnceCell::new() }
    }

    /// The method as sent; methods are case-sensitive (RFC 9110 section 9.1).
    #[must_use]
    pub fn method(&self) -> &str {
        self.head.view().method()
    }

    /// The request target as sent (RFC 9112 section 3.2).
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.view().target()
    }

    /// The path of the target, not percent-decoded; `/` where an absolute target has none, `*` for `OPTIONS *`, empty
    /// for CONNECT.
    #[must_use]
    pub fn path(&self) -> &str {
        self.head.view().path()
    }

    /// What stands behind the first `?` of the target.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head.view().query()
    }

    /// The HTTP version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.version()
    }

    /// The value of the first field of this name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.head.view().get(name)
    }

    /// All header fields, in their original order and case.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.head.view().fields().map(|field| (field.name, field.value))
    }

    /// The header fields as a map; built when first asked for.
    pub fn headers(&self) -> &HeaderMap {
        self.headers.get_or_init(|| {
            let parts = self.head.parts();
            header_map(&parts.table, &Bytes::copy_from_slice(&parts.bytes))
        })
    }

    /// Who is connected.
    #[must_use]
    pub fn connection(&self) -> &ConnectionInfo {
        &self.connection
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Incoming {
        &self.body
    }

    /// The body.
    pub fn body_mut(&mut self) -> &mut Incoming {
        &mut self.body
    }

    /// Takes the body out.
    pub fn take_body(&mut self) -> Incoming {
        std::mem::take(&mut self.body)
    }

    /// The ecosystem's type. [`ConnectionInfo`] is among the extensions as an `Arc`, and so is what
    /// [`WebSocketUpgrade`](crate::ws::WebSocketUpgrade) needs.
    ///
    /// # Errors
    /// The target is none that [`http::Uri`] can represent. It is never replaced by another.
    pub fn into_http(mut self) -> Result<http::Request<Incoming>, http::Error> {
        let version = self.version();
        let body = self.take_body();
        let parts = self.head.parts_mut();
        let arena = Bytes::from(std::mem::take(&mut parts.bytes));
        let view = parts.table.view(&arena);
        let mut request = http::Request::new(body);
        *request.version_mut() = version;
        *request.method_mut() = Method::from_bytes(view.method().as_bytes())?;
        *request.uri_mut() = Uri::from_maybe_shared(arena.slice_ref(view.target().as_bytes()))?;
        *request.headers_mut() = self.headers.take().unwrap_or_else(|| header_map(&parts.table, &arena));
        request.extensions_mut().insert(Arc::clone(&self.connection));
        if let Some(upgrade) = self.upgrade.take() {
            request.extensions_mut().insert(upgrade);
        }
        Ok(request)
    }
}

/// The fields of a head whose bytes are `arena`; the values are slices of it.
fn header_map(table: &RequestHead, arena: &Bytes) -> HeaderMap {
    let fields = table.view(arena).fields();
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = match field.known {
            Some(known) => Ok(known_name(known)),
            None => HeaderName::from_bytes(field.name.as_bytes()),
        };
        let value = HeaderValue::from_maybe_shared(arena.slice_ref(field.value));
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}

/// The codec has looked the name up already: no second hash.
fn known_name(known: Known) -> HeaderName {
    static NAMES: [OnceLock<HeaderName>; 256] = [const { OnceLock::new() }; 256];
    NAMES[known as usize].get_or_init(|| HeaderName::from_static(known.as_str())).clone()
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("connection", &self.connection)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
