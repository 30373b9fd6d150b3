//! The rule table for clients against the codec: each entry whole, at every split, and byte by byte.

use conformance::http1::latin1;
use conformance::http1c::{Case, Response, cases};
use testkit::laws::{self, Subject as _};
use wire_http1::{Config, ErrorKind};

use crate::client::{Client, Head, Heard};

/// What was heard of one response.
struct Hearer {
    head: Head,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
}

fn client(case: &Case) -> Client {
    Client::new(Config::default(), case.requests.iter().map(String::as_str))
}

fn check(case: &Case) {
    let (id, input) = (&case.id, case.bytes());
    let mut client = client(case);
    let mut transcript = laws::run(&mut client, &input, || usize::MAX);
    // `run` has told the end of the input; where the table does not, only its own kinds of error may come of that.
    let mut end = transcript.end.map_err(|error| error.kind());
    let lost = !case.eof && matches!(end, Err(ErrorKind::Truncated | ErrorKind::NoResponse));
    if lost {
        assert!(case.outstanding > 0, "{id}: an end that hurts although nothing is outstanding");
        end = Ok(());
    }
    if case.eof && end.is_ok() {
        transcript.events.extend(client.behind_eof());
        client.decode(&mut []).expect("an end");
    }
    assert_eq!(end.err().map(|kind| format!("{kind:?}")), case.refused, "{id}: {:?}", transcript.events);
    let connection = &client.connection;
    assert_eq!(connection.outstanding(), case.outstanding, "{id}: outstanding");
    assert_eq!(!connection.keep_alive() && !lost, case.close, "{id}: close");

    let (mut responses, mut other): (Vec<Hearer>, _) = (Vec::new(), None);
    for event in transcript.events {
        match event {
            Heard::Head(head) => {
                responses.push(Hearer { head: *head, body: Vec::new(), trailers: Vec::new() });
            }
            Heard::Data(data) => responses.last_mut().expect("a head").body.extend(data),
            Heard::Trailers { fields, .. } => responses.last_mut().expect("a head").trailers = fields,
            Heard::End => {}
            Heard::Other(bytes) => other = Some(bytes),
        }
    }
    assert_eq!(responses.len(), case.responses.len(), "{id}: responses");
    for (heard, wanted) in responses.iter().zip(&case.responses) {
        compare(id, heard, wanted);
    }
    let upgraded = case.upgraded.as_ref().map(|bytes| latin1(bytes).collect::<Vec<_>>());
    assert_eq!(connection.is_upgraded(), upgraded.is_some(), "{id}: upgraded");
    assert_eq!(other.unwrap_or_default(), upgraded.unwrap_or_default(), "{id}: bytes of another protocol");
}

fn compare(id: &str, heard: &Hearer, wanted: &Response) {
    assert_eq!(heard.head.status, wanted.status, "{id}: status");
    if let Some(reason) = &wanted.reason {
        assert_eq!(heard.head.reason, latin1(reason).collect::<Vec<_>>(), "{id}: reason");
    }
    for (name, value) in &wanted.fields {
        let found = heard.head.fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        assert_eq!(found.map(|(_, value)| value.clone()), Some(latin1(value).collect()), "{id}: {name}");
    }
    if let Some(body) = &wanted.body {
        assert_eq!(heard.body, latin1(body).collect::<Vec<_>>(), "{id}: body");
    }
    if let Some(trailers) = &wanted.trailers {
        let got: Vec<_> =
            heard.trailers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        let wanted: Vec<_> =
            trailers.iter().map(|(name, value)| (name.clone(), latin1(value).collect::<Vec<_>>())).collect();
        assert_eq!(got, wanted, "{id}: trailers");
    }
}

#[test]
fn the_codec_reacts_as_the_table_says() {
    let failures: Vec<String> = cases()
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
fn no_split_changes_a_reaction() {
    for case in cases() {
        let input = case.bytes();
        if input.len() < 1000 {
            laws::splits(|| client(&case), &input);
        } else {
            let whole = laws::run(&mut client(&case), &input, || usize::MAX);
            assert_eq!(laws::run(&mut client(&case), &input, || 1), whole, "{}", case.id);
        }
    }
}

#[test]
fn limits_are_the_configured_ones_to_the_byte() {
    let mut config = Config::default();
    config.max_reason = 5;
    config.max_field_section = 20;
    config.max_interim = 1;
    let end = |input: &str| {
        let run =
            |chunk| laws::run(&mut Client::new(config.clone(), ["GET"]), input.as_bytes(), || chunk).end;
        assert_eq!(run(1), run(usize::MAX), "{input}");
        run(1).err().map(|error| (error.kind(), error.offset()))
    };
    assert_eq!(end("HTTP/1.1 204 12345\r\n\r\n"), None);
    assert_eq!(end("HTTP/1.1 204 123456\r\n\r\n"), Some((ErrorKind::ReasonTooLong, 18)));
    assert_eq!(end("HTTP/1.1 204 12345\t\r\n\r\n"), Some((ErrorKind::ReasonTooLong, 18)));
    assert_eq!(end("HTTP/1.1 204 1234\t\r\n\r\n"), None);
    assert_eq!(end("HTTP/1.1 204 \r\nA: 456789012345\r\n\r\n"), None);
    assert_eq!(
        end("HTTP/1.1 204 \r\nA: 4567890123456789\r\n\r\n"),
        Some((ErrorKind::FieldSectionTooLarge, 35))
    );
    assert_eq!(end("HTTP/1.1 100 \r\n\r\nHTTP/1.1 204 \r\n\r\n"), None);
    assert_eq!(
        end("HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\n"),
        Some((ErrorKind::TooManyInterimResponses, 34))
    );
}
