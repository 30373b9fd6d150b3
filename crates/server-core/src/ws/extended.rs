//! The opening handshake over HTTP/2, an extended CONNECT (RFC 8441), as a request of the ecosystem's type has it.

use h2::ext::Protocol;
use http::uri::{Authority, PathAndQuery};
use http::{Extensions, Method, Uri};
use wire_h2ws::handshake::RequestHead;

pub(crate) fn request_head<'a>(
    method: &'a Method,
    uri: &'a Uri,
    extensions: &'a Extensions,
) -> RequestHead<'a> {
    RequestHead {
        method: method.as_str(),
        protocol: extensions.get::<Protocol>().map(Protocol::as_str),
        scheme: uri.scheme_str(),
        authority: uri.authority().map(Authority::as_str),
        path: uri.path_and_query().map(PathAndQuery::as_str),
    }
}
