//! The rule table for clients over sockets: an origin answers with the bytes of each rule, and what becomes of them is seen
//! from both sides of the proxy.
//!
//! The proxy has one request under way at a time, asks for no tunnel and offers no protocol but websocket: rules about
//! pipelines, CONNECT and upgrades, and those that only await more bytes, are for the codec alone.

use std::io::{ErrorKind, Read};

use conformance::http1c::{Case, Response, cases};

use crate::Server;
use crate::http::Conn;
use crate::proxy::{Origin, bad_gateway, goes_on};
use crate::report::{Report, Result, ensure};

pub(crate) fn run(proxy: &Server, origin: &Origin, report: &mut Report) {
    let mut total = 0;
    let applicable = cases().into_iter().inspect(|_| total += 1).filter(applies);
    let outcomes = applicable.map(|case| check(&case, proxy, origin).map_err(|fact| (case.id, fact)));
    let (held, failed): (Vec<_>, Vec<_>) = outcomes.partition(std::result::Result::is_ok);
    let count = held.len() + failed.len();
    for (id, fact) in failed.into_iter().filter_map(std::result::Result::err) {
        report.record(&format!("proxy: rule {id}"), Err(fact));
    }
    report.check(&format!("proxy: {count} of {total} rules for clients apply"), || {
        ensure!(count * 3 > total * 2, "that is too few to mean anything");
        Ok(())
    });
}

fn applies(case: &Case) -> bool {
    let alone = match &case.requests[..] {
        [] => true,
        [request] => !request.contains(' ') && request != "CONNECT",
        _ => false,
    };
    alone && (case.outstanding == 0 || case.refused.is_some())
}

fn check(case: &Case, proxy: &Server, origin: &Origin) -> Result {
    let (mut client, mut upstream) = origin.pair(proxy)?;
    if let [method] = &case.requests[..] {
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n"))?;
        upstream.request()?;
    }
    // What is refused may meet a closed connection.
    let sent = upstream.send(case.bytes());
    ensure!(sent.is_ok() || case.refused.is_some(), "the proxy reads no more: {sent:?}");
    if case.eof {
        upstream.finish()?;
    }
    let mut answered = false;
    for response in &case.responses {
        if response.status > 599 {
            return bad_gateway(&mut client); // invalid, to be processed as 5xx (RFC 9110 section 15)
        }
        answered |= response.status >= 200;
        heard(&mut client, case, response)?;
    }
    match &case.refused {
        Some(_) if !answered && !case.requests.is_empty() => bad_gateway(&mut client)?,
        Some(kind) if kind == "UnsolicitedResponse" => client.closed()?,
        Some(_) => {}
        None if case.close => client.closed()?,
        None if case.eof => {}
        None => return goes_on(&mut client, &mut upstream),
    }
    match upstream.stream().read(&mut [0]) {
        Ok(0) => Ok(()),
        Err(e) if e.kind() == ErrorKind::ConnectionReset => Ok(()),
        other => Err(format!("the upstream's connection stays: {other:?}").into()),
    }
}

/// Reads a response, interim or final, and holds it against what the rule says.
fn heard(client: &mut Conn, case: &Case, wanted: &Response) -> Result {
    let head = client.head()?;
    ensure!(head.status == wanted.status, "{} instead of {}", head.status, wanted.status);
    for (name, value) in &wanted.fields {
        ensure!(head.values(name).next() == Some(value), "{name} is {:?}", head.values(name).next());
    }
    if wanted.status < 200 || case.requests == ["HEAD"] {
        return Ok(());
    }
    let mut body = String::new();
    let trailers = client.body(&head, &mut |piece| {
        body.extend(piece.iter().map(|&byte| char::from(byte)));
        Ok(())
    });
    let cut = case.refused.as_ref().is_some_and(|kind| kind != "UnsolicitedResponse");
    ensure!(trailers.is_err() == cut, "the body's end: {trailers:?}");
    ensure!(wanted.body.as_ref().is_none_or(|wanted| *wanted == body), "the body is {body:?}");
    if let (Ok(got), Some(wanted)) = (trailers, &wanted.trailers) {
        ensure!(got.into_iter().eq(wanted.clone()), "other trailers than {wanted:?}");
    }
    Ok(())
}
