//! The rule table against the codec: each entry whole, at every split, and byte by byte.

use conformance::http1::{Case, Request, latin1};
use testkit::laws::{self, Subject};
use wire_http1::{Config, ErrorKind};

use crate::server::{Head, Seen, Server};

/// What was seen of one request.
#[derive(Default)]
struct Seer {
    head: Option<Head>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
}

fn check(case: &Case) {
    let input = case.bytes();
    let mut server = Server::new(Config::default());
    let transcript = laws::run(&mut server, &input, || usize::MAX);
    let id = &case.id;

    assert_eq!(server.statuses, case.status, "{id}: {transcript:?}");
    assert_eq!(server.closed, case.close, "{id}: {transcript:?}");
    let truncated = transcript.end.as_ref().is_err_and(|error| error.kind() == ErrorKind::Truncated);
    assert_eq!(truncated, case.incomplete, "{id}: {transcript:?}");

    let mut requests: Vec<Seer> = Vec::new();
    for event in transcript.events {
        match event {
            Seen::Head(head) => requests.push(Seer { head: Some(*head), ..Seer::default() }),
            Seen::Data(data) => requests.last_mut().expect("a head").body.extend(data),
            Seen::Trailers { fields, .. } => requests.last_mut().expect("a head").trailers = fields,
            Seen::End | Seen::Closed => {}
        }
    }
    for (seen, wanted) in requests.iter().zip(&case.requests) {
        compare(id, seen, wanted);
    }
    assert!(requests.len() >= case.requests.len(), "{id}");

    if input.len() < 1000 {
        laws::splits(|| Server::new(Config::default()), &input);
    } else {
        let trickled = laws::run(&mut Server::new(Config::default()), &input, || 1).end;
        assert_eq!(trickled, transcript.end, "{id}");
    }
}

fn compare(id: &str, seen: &Seer, wanted: &Request) {
    let head = seen.head.as_ref().expect("a head");
    let same = |what: &str, got: Option<&str>, wanted: Option<&String>| {
        if let Some(wanted) = wanted {
            assert_eq!(got, Some(wanted.as_str()), "{id}: {what}");
        }
    };
    same("method", Some(&head.method), wanted.method.as_ref());
    same("target", Some(&head.target), wanted.target.as_ref());
    same("path", Some(&head.path), wanted.path.as_ref());
    same("query", head.query.as_deref(), wanted.query.as_ref());
    same("authority", head.authority.as_deref(), wanted.authority.as_ref());
    for (name, value) in &wanted.fields {
        let found = head.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        assert_eq!(found.map(|(_, value)| value.clone()), Some(latin1(value).collect()), "{id}: {name}");
    }
    if let Some(body) = &wanted.body {
        assert_eq!(seen.body, latin1(body).collect::<Vec<_>>(), "{id}: body");
    }
    if let Some(trailers) = &wanted.trailers {
        let mut got: Vec<(String, Vec<u8>)> = seen.trailers.clone();
        got.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
        got.sort();
        let wanted: Vec<_> =
            trailers.iter().map(|(name, value)| (name.clone(), latin1(value).collect::<Vec<_>>())).collect();
        assert_eq!(got, wanted, "{id}: trailers");
    }
    assert_eq!(
        wanted.expects_continue.unwrap_or(head.expects_continue),
        head.expects_continue,
        "{id}: 100-continue"
    );
    assert_eq!(wanted.upgrade.unwrap_or(head.offers_upgrade), head.offers_upgrade, "{id}: upgrade");
}

#[test]
fn the_codec_reacts_as_the_table_says() {
    let failures: Vec<String> = conformance::http1::cases()
        .iter()
        .filter_map(|case| {
            let result = std::panic::catch_unwind(|| check(case));
            result
                .err()
                .map(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_else(|| case.id.clone()))
        })
        .collect();
    assert!(failures.is_empty(), "{} rules fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn limits_are_the_configured_ones_to_the_byte() {
    let mut config = Config::default();
    config.max_target = 10;
    config.max_field_section = 40;
    config.max_fields = 2;
    config.max_chunk_line = 5;
    config.max_chunk_extensions = 3;
    config.max_trailer_section = 8;
    config.max_empty_lines = 2;
    let end = |input: &str| {
        let mut server = Server::new(config.clone());
        let end = laws::run(&mut server, input.as_bytes(), || 1).end;
        let whole = laws::run(&mut Server::new(config.clone()), input.as_bytes(), || usize::MAX).end;
        assert_eq!(end, whole, "{input}");
        end.err().map(|error| (error.kind(), error.offset()))
    };
    let chunked =
        |rest: &str| format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:chunked\r\n\r\n{rest}");
    let head = 54;

    assert_eq!(end("GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n"), None);
    assert_eq!(end("GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n"), Some((ErrorKind::TargetTooLong, 14)));
    assert_eq!(
        end("GET / HTTP/1.1\r\nHost: a\r\nX-Abcd: 6789012345678901234\r\n\r\n"),
        None,
        "9 + 29 + 2 bytes"
    );
    let too_large = "GET / HTTP/1.1\r\nHost: a\r\nX-Abcd: 67890123456789012345\r\n\r\n";
    assert_eq!(end(too_large), Some((ErrorKind::FieldSectionTooLarge, 16 + 40)));
    assert_eq!(end("GET / HTTP/1.1\r\nHost: a\r\nA:\r\n\r\n"), None);
    assert_eq!(end("GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n"), Some((ErrorKind::TooManyFields, 31)));
    assert_eq!(end("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
    assert_eq!(end("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some((ErrorKind::TooManyEmptyLines, 4)));
    assert_eq!(end(&chunked("001\r\nx\r\n0\r\n\r\n")), None);
    assert_eq!(end(&chunked("0001\r\nx\r\n0\r\n\r\n")), Some((ErrorKind::ChunkLineTooLong, head + 5)));
    assert_eq!(end(&chunked("1;a\r\nx\r\n0\r\n\r\n")), None);
    assert_eq!(
        end(&chunked("1;a\r\nx\r\n0;a\r\n\r\n")),
        Some((ErrorKind::ChunkExtensionsTooLarge, head + 8 + 2))
    );
    assert_eq!(end(&chunked("0\r\na:bc\r\n\r\n")), None);
    assert_eq!(end(&chunked("0\r\na:bcd\r\n\r\n")), Some((ErrorKind::TrailerSectionTooLarge, head + 3 + 8)));
    assert_eq!(
        end(&chunked("0\r\na:\r\nb:\r\n\r\n")),
        Some((ErrorKind::TrailerSectionTooLarge, head + 3 + 8))
    );
}

#[test]
fn an_error_behind_complete_events_hides_none_of_them() {
    let mut server = Server::new(Config::default());
    let input = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n";
    let transcript = laws::run(&mut server, input, || usize::MAX);
    assert_eq!(transcript.events.last(), Some(&Seen::Data(b"hello".to_vec())));
    assert_eq!(
        transcript.end.map_err(|error| (error.kind(), error.offset())),
        Err((ErrorKind::InvalidChunkEnd, 64))
    );
    assert!(server.decode(&mut []).is_err());
}
