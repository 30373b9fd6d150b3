//! HTTP/1.1 against hyper's server, over a pipe in memory: what we accept, hyper parses to the same request, and what hyper
//! refuses we refuse.
//!
//! Exceptions, all of them stricter or narrower on hyper's side; a request with one of them ends the comparison:
//! - a minor version above 1, which `httparse` does not know (RFC 9110 section 2.5 says: as 1.1);
//! - a target that `http::Uri` refuses, such as one with `{` in the wrong place;
//! - CONNECT, which hyper answers with a tunnel of its own.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper::{Request, Response};
use wire_http1::{BodyLen, Event, HeadWriter, ServerConnection, Version};

/// One request, as both sides can tell it: fields by name, in order for each name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    line: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// All that a client says, and then its end; what is written goes nowhere.
struct Pipe<'a>(&'a [u8]);

impl Read for Pipe<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.0.split_at(self.0.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Pipe<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The requests that hyper reads whole.
fn hyper(input: &[u8]) -> Vec<Seen> {
    let seen: Rc<RefCell<Vec<Seen>>> = Rc::default();
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let (parts, body) = request.into_parts();
            let mut fields: Vec<_> = parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
                .collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            let line = format!("{} {} {:?}", parts.method, parts.uri, parts.version);
            if let Ok(body) = body.collect().await {
                seen.borrow_mut().push(Seen { line, fields, body: body.to_bytes().into() });
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(Pipe(input), service);
    let mut connection = pin!(connection);
    let mut context = Context::from_waker(Waker::noop());
    // The pipe is always ready: a few polls see the end, whatever the budget of one.
    let done = (0..1000).any(|_| connection.as_mut().poll(&mut context).is_ready());
    assert!(done || !seen.borrow().is_empty() || input.is_empty(), "hyper waits for what will not come");
    seen.take()
}

/// The requests that we read whole, up to the first exception.
fn ours(input: &[u8]) -> Vec<Seen> {
    let (mut connection, mut output) = (ServerConnection::default(), Vec::new());
    let (mut seen, mut start): (Vec<Seen>, _) = (Vec::new(), 0);
    let mut current = None;
    while let Ok(step) = connection.decode(&input[start..]) {
        let payload = step.payload(&input[start..]);
        match step.event {
            None | Some(Event::Paused | Event::Upgraded) => break,
            Some(Event::Head) => {
                let view = connection.head().view(payload);
                let Ok(uri) = view.target().parse::<hyper::Uri>() else { break };
                let minor = payload.windows(10).any(|line| line.starts_with(b" HTTP/1.") && line[8] > b'1');
                if minor || view.method() == "CONNECT" {
                    break;
                }
                let mut fields: Vec<_> = view
                    .fields()
                    .map(|field| (field.name.to_ascii_lowercase(), field.value.to_owned()))
                    .collect();
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                let version = if view.version() == Version::Http10 { "HTTP/1.0" } else { "HTTP/1.1" };
                let line = format!("{} {uri} {version}", view.method());
                current = Some(Seen { line, fields, body: Vec::new() });
            }
            Some(Event::Data { .. }) => {
                if let Some(current) = &mut current {
                    current.body.extend_from_slice(payload);
                }
            }
            Some(Event::Trailers) => {}
            Some(Event::End) => {
                seen.extend(current.take());
                output.clear();
                let head = connection.encode_head(200, "", BodyLen::Fixed(0), &mut output);
                head.and_then(HeadWriter::finish).expect("a head");
                connection.encode_end(&mut output).expect("an end");
                if !connection.next_cycle() {
                    break;
                }
            }
        }
        start += step.consumed;
    }
    seen
}

/// A connection: hyper has read at least our requests, and the same ones.
pub fn http1_hyper(data: &[u8]) {
    let ours = ours(data);
    if ours.is_empty() {
        return;
    }
    let theirs = hyper(data);
    assert!(theirs.len() >= ours.len(), "hyper refuses what was accepted:\n{ours:#?}\n{theirs:#?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}
