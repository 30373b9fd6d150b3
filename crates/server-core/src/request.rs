//! The lazy request: the decoded head as it lay in the buffer, looked into on demand.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Uri, Version};
use wire_http1::{HeadView, RequestHead, ServerConnection};

use crate::body::Incoming;
#[cfg(feature = "http2")]
use crate::conn::Http2Stream;
use crate::field_map::append_fields;
use crate::listener::ConnectionInfo;
use crate::ws::Upgrade;

/// A request whose head is looked up in place: no allocation, no hashing of names, nothing built that nobody asks for.
///
/// [`into_http`](Request::into_http) makes the ecosystem's type of it.
pub struct Request(
    // One pointer, for a request is moved into and within its handler's future. Recycled: a thread keeps a few. `None` only
    // while it is dropped.
    Option<Box<Parts>>,
);

#[derive(Default)]
struct Parts {
    /// The bytes of a head of HTTP/1, and where its parts lie.
    bytes: Vec<u8>,
    table: RequestHead,
    /// Its fields as a map, once somebody has asked for that.
    headers: OnceCell<Box<HeaderMap>>,
    /// HTTP/2 decodes into a map: there are no bytes to look into.
    mapped: Option<Box<Mapped>>,
    body: Incoming,
    /// There is one, but in those that are kept.
    connection: Option<Arc<ConnectionInfo>>,
    upgrade: Option<Upgrade>,
}

/// A head of HTTP/2, and the stream that it came on.
pub(crate) struct Mapped {
    pub(crate) parts: http::request::Parts,
    #[cfg(feature = "http2")]
    pub(crate) stream: Http2Stream,
}

/// Requests a thread keeps, and the largest head of one that it keeps.
const KEPT: usize = 64;
const MAX_KEPT: usize = 8 << 10;

// In boxes, which change hands without a copy.
type Pool = Vec<Box<Parts>>;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Vec::new()) };
    static MAPS: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
    static HEADS: RefCell<BytesMut> = RefCell::default();
}

/// Header maps a thread keeps, and the most fields that one has room for.
const KEPT_MAPS: usize = 4;
const MAX_KEPT_FIELDS: usize = 64;

/// Keeps the memory of a response's map for a request to come.
#[inline]
pub(crate) fn recycle_map(map: &mut HeaderMap) {
    let _ = MAPS.try_with(|maps| {
        let mut maps = maps.borrow_mut();
        let size = map.capacity();
        if !(1..=MAX_KEPT_FIELDS).contains(&size) {
            return;
        }
        if maps.len() < KEPT_MAPS {
            map.clear();
            maps.push(std::mem::take(map));
        } else if let Some(last) = maps.last_mut().filter(|last| last.capacity() < size) {
            // Small ones do not stand in the way of those that serve more requests.
            map.clear();
            *last = std::mem::take(map);
        }
    });
}

/// A head that the codec has decoded, still in its hands: what a request is made of, but for the body.
#[derive(Debug)]
pub struct DecodedHead<'a> {
    /// It has the table of the head.
    pub(crate) http: &'a mut ServerConnection,
    /// The bytes of the head.
    pub(crate) bytes: &'a [u8],
    pub(crate) connection: Arc<ConnectionInfo>,
    pub(crate) upgrade: Option<Upgrade>,
}

impl DecodedHead<'_> {
    /// The lazy request: its bytes, and the table for it, without a look at either.
    #[inline(always)] // once for each request
    pub(crate) fn into_request(self) -> Request {
        let mut parts = kept();
        parts.bytes.extend_from_slice(self.bytes);
        let table = self.http.take_head(std::mem::take(&mut parts.table));
        put(&mut parts.table, table);
        put(&mut parts.connection, Some(self.connection));
        put(&mut parts.upgrade, self.upgrade);
        Request(Some(parts))
    }

    /// The ecosystem's request: one copy, whose slices are its target and its values.
    #[inline]
    pub(crate) fn into_http(self) -> Result<http::Request<Incoming>, Box<http::Error>> {
        let mut request = http::Request::new(Incoming::of(self.connection));
        fill(&mut request, self.http.head(), &copy_head(self.bytes), None)?;
        if let Some(upgrade) = self.upgrade {
            request.extensions_mut().insert(upgrade);
        }
        Ok(request)
    }
}

/// Writes a head into a new request. `arena` is a copy of its bytes; `headers` are its fields, where they were built before.
#[inline]
fn fill<B>(
    request: &mut http::Request<B>,
    table: &RequestHead,
    arena: &Bytes,
    headers: Option<Box<HeaderMap>>,
) -> Result<(), Box<http::Error>> {
    *request.version_mut() = table.version().into();
    let method = table.view(arena).to_http_method().map_err(boxed)?;
    put(request.method_mut(), method);
    put(request.uri_mut(), Uri::from_maybe_shared(arena.slice(table.target_range())).map_err(boxed)?);
    if let Some(headers) = headers {
        put(request.headers_mut(), *headers);
    } else {
        let has_room = |map: &mut HeaderMap| map.capacity() >= table.field_count();
        if let Ok(Some(map)) = MAPS.try_with(|maps| maps.borrow_mut().pop_if(has_room)) {
            put(request.headers_mut(), map);
        }
        append_fields(request.headers_mut(), table, arena);
    }
    Ok(())
}

#[cold]
fn boxed(error: impl Into<http::Error>) -> Box<http::Error> {
    Box::new(error.into())
}

/// Puts `value` in the place of a default, which holds nothing that had to be dropped.
fn put<T>(place: &mut T, value: T) {
    std::mem::forget(std::mem::replace(place, value));
}

/// Memory that the heads of a thread's requests are copied into, one behind the other. It serves again once all of them
/// are gone; a value that somebody keeps keeps so much.
const ARENA: usize = 4 << 10;

/// A copy of a head.
fn copy_head(bytes: &[u8]) -> Bytes {
    if bytes.len() > ARENA {
        return Bytes::copy_from_slice(bytes);
    }
    let copy = |arena: &RefCell<BytesMut>| {
        let mut arena = arena.borrow_mut();
        if arena.capacity() < bytes.len() && !arena.try_reclaim(ARENA) {
            *arena = BytesMut::with_capacity(ARENA);
        }
        arena.extend_from_slice(bytes);
        arena.split().freeze()
    };
    // `try_with`: requests may be converted while the thread's storage is being dropped.
    HEADS.try_with(copy).unwrap_or_else(|_| Bytes::copy_from_slice(bytes))
}

#[inline]
fn kept() -> Box<Parts> {
    // `try_with`: a connection may be polled when its thread's storage is already gone.
    POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten().unwrap_or_default()
}

impl Drop for Request {
    #[inline]
    fn drop(&mut self) {
        let Some(mut parts) = self.0.take() else { return };
        if parts.bytes.capacity() > MAX_KEPT {
            return;
        }
        parts.bytes.clear();
        parts.headers.take();
        parts.mapped = None;
        parts.body = Incoming::default();
        parts.connection = None;
        parts.upgrade = None;
        // `try_with`: as above.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(parts);
            }
        });
    }
}

impl Request {
    #[cfg(feature = "http2")]
    pub(crate) fn from_mapped(
        head: Box<Mapped>,
        body: Incoming,
        connection: Arc<ConnectionInfo>,
        upgrade: Option<Upgrade>,
    ) -> Self {
        let mut parts = kept();
        (parts.mapped, parts.body) = (Some(head), body);
        (parts.connection, parts.upgrade) = (Some(connection), upgrade);
        Self(Some(parts))
    }

    fn parts(&self) -> &Parts {
        self.0.as_deref().expect("taken only by drop")
    }

    fn parts_mut(&mut self) -> &mut Parts {
        self.0.as_deref_mut().expect("taken only by drop")
    }

    fn mapped(&self) -> Option<&Mapped> {
        self.parts().mapped.as_deref()
    }

    /// The head as HTTP/1 brought it.
    fn view(&self) -> HeadView<'_> {
        let parts = self.parts();
        parts.table.view(&parts.bytes)
    }

    pub(crate) fn take_upgrade(&mut self) -> Option<Upgrade> {
        self.parts_mut().upgrade.take()
    }

    /// The method as sent; methods are case-sensitive (RFC 9110 section 9.1).
    #[must_use]
    pub fn method(&self) -> &str {
        match self.mapped() {
            None => self.view().method(),
            Some(mapped) => mapped.parts.method.as_str(),
        }
    }

    /// The request target as sent (RFC 9112 section 3.2); over HTTP/2 its `:path` (RFC 9113 section 8.3.1).
    #[must_use]
    pub fn target(&self) -> &str {
        match self.mapped() {
            None => self.view().target(),
            Some(mapped) => mapped.parts.uri.path_and_query().map_or("", PathAndQuery::as_str),
        }
    }

    /// Whom the client means to talk to, as `host` or `host:port`: the target's authority where it has one, else the `Host`
    /// field.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        let authority = match self.mapped() {
            None => self.view().authority(),
            Some(mapped) => mapped.parts.uri.authority().map(Authority::as_str),
        };
        authority.or_else(|| std::str::from_utf8(self.header("host")?).ok())
    }

    /// The path of the target, not percent-decoded; `/` where an absolute target has none, `*` for `OPTIONS *`, empty
    /// for CONNECT.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.mapped() {
            None => self.view().path(),
            Some(mapped) => mapped.parts.uri.path(),
        }
    }

    /// What stands behind the first `?` of the target.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        match self.mapped() {
            None => self.view().query(),
            Some(mapped) => mapped.parts.uri.query(),
        }
    }

    /// The HTTP version.
    #[must_use]
    pub fn version(&self) -> Version {
        match self.mapped() {
            None => self.parts().table.version().into(),
            Some(mapped) => mapped.parts.version,
        }
    }

    /// The value of the first field of this name, whatever its case. Over HTTP/2 `host` also finds the `:authority`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        match self.mapped() {
            None => self.view().get(name),
            Some(mapped) => match mapped.parts.headers.get(name) {
                Some(value) => Some(value.as_bytes()),
                None if name.eq_ignore_ascii_case("host") => mapped.parts.uri.authority().map(host),
                None => None,
            },
        }
    }

    /// All header fields, in their original order and case. Over HTTP/2 names are in lower case and those of one name stand
    /// together; the `:authority` comes first, as `host`, unless there is such a field.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        match self.mapped() {
            None => Fields::Http1(self.view().fields().map(|field| (field.name, field.value))),
            Some(mapped) => {
                let parts = &mapped.parts;
                let authority = parts.uri.authority().filter(|_| !parts.headers.contains_key(HOST));
                let host = authority.map(|authority| (HOST.as_str(), host(authority)));
                let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
                Fields::Mapped(host.into_iter().chain(fields))
            }
        }
    }

    /// The header fields as a map; built when first asked for.
    pub fn headers(&self) -> &HeaderMap {
        match self.mapped() {
            None => {
                let Parts { bytes, table, headers, .. } = self.parts();
                headers.get_or_init(|| {
                    let mut map = HeaderMap::new();
                    append_fields(&mut map, table, &copy_head(bytes));
                    Box::new(map)
                })
            }
            Some(mapped) => &mapped.parts.headers,
        }
    }

    /// What HTTP/2 alone can do with this request's stream; `None` over HTTP/1.
    #[cfg(feature = "http2")]
    #[must_use]
    pub fn http2_stream(&self) -> Option<&Http2Stream> {
        match self.mapped() {
            None => None,
            Some(mapped) => Some(&mapped.stream),
        }
    }

    /// What a CONNECT over HTTP/2 asks for.
    #[cfg(feature = "http2")]
    pub(crate) fn extended_connect(&self) -> Option<wire_h2ws::handshake::RequestHead<'_>> {
        match self.mapped() {
            None => None,
            Some(mapped) => {
                let parts = &mapped.parts;
                Some(crate::ws::request_head(&parts.method, &parts.uri, &parts.extensions))
            }
        }
    }

    /// Who is connected.
    #[must_use]
    pub fn connection(&self) -> &ConnectionInfo {
        self.parts().connection.as_ref().expect("there is one")
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Incoming {
        &self.parts().body
    }

    /// The body.
    pub fn body_mut(&mut self) -> &mut Incoming {
        &mut self.parts_mut().body
    }

    /// Takes the body out.
    pub fn take_body(&mut self) -> Incoming {
        std::mem::take(self.body_mut())
    }

    /// The ecosystem's type. Its body knows the [connection](Incoming::connection). Among the extensions is what
    /// [`WebSocketUpgrade`](crate::ws::WebSocketUpgrade) needs, and over HTTP/2 the `Http2Stream`.
    ///
    /// # Errors
    /// The target is none that [`http::Uri`] can represent. It is never replaced by another.
    #[inline]
    pub fn into_http(mut self) -> Result<http::Request<Incoming>, http::Error> {
        let parts = self.parts_mut();
        let mut request = http::Request::new(std::mem::take(&mut parts.body));
        if let Some(mapped) = parts.mapped.take() {
            request = http::Request::from_parts(mapped.parts, request.into_body());
            #[cfg(feature = "http2")]
            request.extensions_mut().insert(mapped.stream);
        } else {
            let Parts { bytes, table, headers, .. } = parts;
            fill(&mut request, table, &copy_head(bytes), headers.take()).map_err(|error| *error)?;
        }
        if let Some(connection) = parts.connection.take() {
            request.body_mut().set_connection(connection);
        }
        if let Some(upgrade) = parts.upgrade.take() {
            request.extensions_mut().insert(upgrade);
        }
        Ok(request)
    }
}

fn host(authority: &Authority) -> &[u8] {
    authority.as_str().as_bytes()
}

/// The fields of either kind of head.
enum Fields<A, B> {
    Http1(A),
    Mapped(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Fields<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Self::Http1(fields) => fields.next(),
            Self::Mapped(fields) => fields.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Http1(fields) => fields.size_hint(),
            Self::Mapped(fields) => fields.size_hint(),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("connection", &self.connection())
            .field("body", &self.body())
            .finish_non_exhaustive()
    }
}
