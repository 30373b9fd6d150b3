//! Responses: what an open file and a request come to.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use server_core::file::{FileBody, FileRange};

use crate::byteranges::multipart;
use crate::conditional::{Verdict, evaluate};
use crate::etag::Validators;
use crate::range::Ranges;
use crate::request::{Field, FileRequest, Method};
use crate::resource::{Representation, Resource};

/// The representation that was chosen.
#[derive(Debug)]
pub(crate) struct Chosen<'r> {
    pub(crate) representation: &'r Representation,
    /// The choice depends on `Accept-Encoding`, even where there was only one.
    pub(crate) varies: bool,
}

/// The response with a file, or with what its preconditions and ranges make of it.
pub(crate) fn of_file(
    request: &FileRequest<'_>,
    resource: &Resource,
    chosen: &Chosen<'_>,
    now: i64,
) -> Response<FileBody> {
    let Representation { file, facts, coding, stamp } = chosen.representation;
    let current = stamp.at(now);
    let range = match evaluate(request, &current) {
        Verdict::Failed => return of_none(StatusCode::PRECONDITION_FAILED, chosen),
        Verdict::NotModified => return not_modified(resource, chosen, &current),
        // GET is the only method that ranges are defined for (RFC 9110 section 14.2).
        Verdict::Perform { range } if range && request.method == Method::Get => request.field(Field::Range),
        Verdict::Perform { .. } => None,
    };
    let (mut status, mut content_type, mut content_range) = (StatusCode::OK, None, None);
    let body = match range.map_or(Ranges::Whole, |value| Ranges::parse(value, facts.len)) {
        Ranges::Whole => FileBody::from(FileRange::new(Arc::clone(file), 0, facts.len)),
        Ranges::Unsatisfiable => {
            let mut response = of_none(StatusCode::RANGE_NOT_SATISFIABLE, chosen);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_RANGE, value(format!("bytes */{}", facts.len)));
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            return response;
        }
        Ranges::Parts(mut parts) => {
            status = StatusCode::PARTIAL_CONTENT;
            if let [part] = &mut parts[..] {
                content_range = Some(value(format!("bytes {}-{}/{}", part.start, part.end - 1, facts.len)));
                FileBody::from(FileRange::new(Arc::clone(file), part.start, part.end - part.start))
            } else {
                let (multipart_type, body) = multipart(file, facts.len, &resource.content_type, parts)
                    .expect("a media type and parts within the file");
                content_type = Some(multipart_type);
                body
            }
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // A 206 has the fields of the 200, to If-Range too. Section 15.3.7 advises against more than the required ones there; but
    // browsers that resume a download compare Last-Modified with what they have, and begin anew where it differs.
    let headers = response.headers_mut();
    headers.reserve(10);
    headers.insert(header::CONTENT_TYPE, content_type.unwrap_or_else(|| resource.content_type.clone()));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::LAST_MODIFIED, stamp.last_modified(now));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(content_range) = content_range {
        headers.insert(header::CONTENT_RANGE, content_range);
    }
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    }
    for_caches(headers, resource, chosen, &current);
    response
}

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// 304, with the fields that the 200 would have had for caches, and no others (section 15.4.5).
fn not_modified(resource: &Resource, chosen: &Chosen<'_>, current: &Validators) -> Response<FileBody> {
    let mut response = Response::new(FileBody::default());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    for_caches(response.headers_mut(), resource, chosen, current);
    response
}

fn for_caches(headers: &mut HeaderMap, resource: &Resource, chosen: &Chosen<'_>, current: &Validators) {
    headers.insert(header::ETAG, current.etag());
    if let Some(cache_control) = &resource.cache_control {
        headers.insert(header::CACHE_CONTROL, cache_control.clone());
    }
    vary(headers, chosen);
}

fn vary(headers: &mut HeaderMap, chosen: &Chosen<'_>) {
    if chosen.varies {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// The status in words, where another representation might have been answered otherwise: its tag and its length are its own.
fn of_none(status: StatusCode, chosen: &Chosen<'_>) -> Response<FileBody> {
    let mut response = error(status);
    vary(response.headers_mut(), chosen);
    response
}

/// 404 with a file of its own.
pub(crate) fn not_found(resource: &Resource) -> Response<FileBody> {
    let Representation { file, facts, .. } = &resource.original;
    let mut response = Response::new(FileBody::from(FileRange::new(Arc::clone(file), 0, facts.len)));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CONTENT_TYPE, resource.content_type.clone());
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// To the directory with its slash: relative, so that it is right behind any proxy; with the query as it was.
pub(crate) fn redirect(request: &FileRequest<'_>) -> Response<FileBody> {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    let (separator, query) = request.query.as_ref().map_or(("", ""), |query| ("?", query));
    let mut response = error(StatusCode::MOVED_PERMANENTLY);
    match HeaderValue::try_from(format!("./{last}/{separator}{query}")) {
        Ok(location) => {
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        // A target with bytes that no field may have.
        Err(_) => error(StatusCode::BAD_REQUEST),
    }
}

/// A page that was made here.
pub(crate) fn page(html: Vec<u8>) -> Response<FileBody> {
    let mut response = Response::new(FileBody::from(Bytes::from(html)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
        ),
    );
    response
}

/// The status in words.
pub(crate) fn error(status: StatusCode) -> Response<FileBody> {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut response = Response::new(FileBody::from(Bytes::from(format!("{} {reason}\n", status.as_u16()))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}

/// Takes the content away, and says what its length would have been (section 8.6).
pub(crate) fn without_content(response: &mut Response<FileBody>) {
    if response.status() != StatusCode::NOT_MODIFIED {
        let len = response.body().size_hint().lower();
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    }
    *response.body_mut() = FileBody::default();
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("words and numbers")
}
