//! HTTP/1.1: what must hold for any bytes whatsoever.

use wire_http1::{BodyLen, Config, Error, Event, HeadView, HeadWriter, Method, ServerConnection, Version};

/// Something that came out, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Head { line: String, fields: Vec<(String, Vec<u8>)> },
    Data(Vec<u8>),
    Trailers(Vec<(String, Vec<u8>)>),
    End,
}

/// Decodes `input` in pieces whose lengths `piece` says, answers each request at once, and returns everything seen and
/// all that was answered.
fn serve(input: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<Seen>, Result<(), Error>, Vec<u8>) {
    let mut connection = ServerConnection::new(Config::default());
    let (mut seen, mut output) = (Vec::new(), Vec::new());
    let (mut start, mut fed, mut length) = (0, 0, 0);
    loop {
        let step = match connection.decode(&input[start..fed]) {
            Ok(step) => step,
            Err(error) => {
                let head = connection.encode_head(error.status(), "", BodyLen::Streamed, &mut output);
                head.and_then(HeadWriter::finish).expect("a head behind an error");
                assert!(!connection.next_cycle(), "an error closes");
                assert_eq!(connection.decode(&input[start..fed]), Err(error), "errors replay");
                return (seen, Err(error), output);
            }
        };
        assert!(step.consumed <= fed - start);
        let payload = step.payload(&input[start..fed]);
        start += step.consumed;
        match step.event {
            None if fed == input.len() => return (seen, connection.decode_eof(), output),
            None => fed = fed.saturating_add(piece().max(1)).min(input.len()),
            Some(Event::Head) => {
                let view = connection.head().view(payload);
                check_head(&view);
                length = 0;
                seen.push(Seen::Head {
                    line: format!(
                        "{} {} {:?} {:?}",
                        view.method(),
                        view.target(),
                        view.version(),
                        view.authority()
                    ),
                    fields: view
                        .fields()
                        .map(|field| (field.name.to_owned(), field.value.to_owned()))
                        .collect(),
                });
                connection.encode_continue(&mut output).expect("100, or nothing");
            }
            Some(Event::Data { len }) => {
                assert_eq!(len, payload.len());
                assert!(len > 0, "content is never empty");
                length += len;
                match seen.last_mut() {
                    Some(Seen::Data(data)) => data.extend_from_slice(payload),
                    _ => seen.push(Seen::Data(payload.to_owned())),
                }
            }
            Some(Event::Trailers) => {
                let trailers = connection.trailers();
                let view = trailers.view(payload);
                let fields: Vec<_> =
                    view.fields().map(|field| (field.name.to_owned(), field.value.to_owned())).collect();
                for (name, _) in &fields {
                    for forbidden in ["content-length", "transfer-encoding", "host", "authorization"] {
                        assert!(!name.eq_ignore_ascii_case(forbidden), "{name} is no trailer");
                    }
                }
                seen.push(Seen::Trailers(fields));
            }
            Some(Event::End) => {
                seen.push(Seen::End);
                let length = BodyLen::Fixed(length as u64);
                let status = if connection.head().method() == Method::Connect { 501 } else { 204 };
                let head = connection.encode_head(status, "", length, &mut output);
                head.and_then(HeadWriter::finish).expect("a head");
                if connection.response_has_body() {
                    let size = if let BodyLen::Fixed(size) = length { size } else { 0 };
                    connection.encode_data_header(size).expect("content");
                }
                connection.encode_end(&mut output).expect("an end");
                if !connection.next_cycle() {
                    return (seen, Ok(()), output);
                }
            }
            Some(event @ (Event::Paused | Event::Upgraded)) => {
                panic!("{event:?} although each request is answered")
            }
        }
    }
}

/// What a head that was accepted must keep to.
fn check_head(view: &HeadView<'_>) {
    assert!(view.method().bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!view.target().is_empty() && view.target().bytes().all(|byte| byte.is_ascii_graphic()));
    let joined = view.path_and_query();
    assert_eq!(joined.split('?').next(), Some(view.path()));
    if let Some(query) = view.query() {
        assert_eq!(joined.len(), view.path().len() + 1 + query.len());
    }
    assert!(view.authority().is_some() || view.version() == Version::Http10);
    for field in view.fields() {
        assert!(!field.name.is_empty());
        assert!(!field.value.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control()));
        assert!(!matches!(field.value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']), "values are trimmed");
        assert_eq!(field.known, wire_http1::Known::from_name(field.name.as_bytes()));
        assert!(view.get_all(field.name).any(|value| value == field.value));
    }
}

/// A head: whatever is accepted, `httparse` parses to the same, and byte-by-byte arrival changes nothing.
pub fn http1_head(data: &[u8]) {
    let mut connection = ServerConnection::new(Config::default());
    let mut trickled = ServerConnection::new(Config::default());
    let whole = connection.decode(data);
    let mut start = 0;
    let mut pieces = Ok(wire_http1::Step { consumed: 0, event: None });
    for end in 0..=data.len() {
        pieces = trickled.decode(&data[start..end]);
        match pieces {
            Ok(step) if step.event.is_none() => start += step.consumed,
            _ => break,
        }
    }
    match (whole, pieces) {
        (Err(a), Err(b)) => assert_eq!(a, b),
        (Ok(a), Ok(b)) => {
            assert_eq!(a.event, b.event);
            assert_eq!(a.consumed, start + if b.event.is_some() { b.consumed } else { 0 });
        }
        (a, b) => panic!("whole: {a:?}, trickled: {b:?}"),
    }
    let Ok(step) = whole else { return };
    if step.event != Some(Event::Head) {
        return;
    }
    let head = connection.head();
    let view = head.view(&data[..step.consumed]);
    check_head(&view);
    let later = trickled.head().view(&data[start..start + pieces.map_or(0, |step| step.consumed)]);
    assert!(view.fields().eq(later.fields()));
    assert_eq!((view.method(), view.target()), (later.method(), later.target()));

    if data[..step.consumed].windows(10).any(|line| line.starts_with(b"HTTP/1.") && line[7] > b'1') {
        return; // later minor versions: httparse knows none
    }
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(&data[..step.consumed]).expect("httparse refuses what was accepted");
    assert_eq!(parsed, httparse::Status::Complete(step.consumed));
    assert_eq!(request.method, Some(view.method()));
    assert_eq!(request.path, Some(view.target()));
    assert_eq!(request.version, Some(u8::from(view.version() == Version::Http11)));
    assert_eq!(request.headers.len(), head.field_count());
    for (theirs, ours) in request.headers.iter().zip(view.fields()) {
        assert_eq!((theirs.name, theirs.value), (ours.name, ours.value));
    }
}

/// A connection: any way in which the bytes arrive gives the same events, the same error and the same answers. The first
/// byte seeds the pieces.
pub fn http1_connection(data: &[u8]) {
    let Some((&seed, input)) = data.split_first() else { return };
    let whole = serve(input, || usize::MAX);
    let mut state = u32::from(seed) | 1;
    let pieces = serve(input, || {
        state = state.wrapping_mul(0x9E37_79B1).rotate_left(7);
        1 + (state >> 24) as usize % 23
    });
    assert_eq!(whole, pieces, "pieces of seed {seed}");
    assert_eq!(whole, serve(input, || 1), "byte by byte");
}

/// Responses: the data chooses what a server says; what was written must decode to that, and a client's parser must
/// agree with the framing.
pub fn http1_round_trip(data: &[u8]) {
    let Some((&[method, status, framing, pieces], rest)) = data.split_first_chunk() else { return };
    let mut connection = ServerConnection::new(Config::default());
    let (name, version) = (["GET", "HEAD", "POST"][usize::from(method % 3)], method / 3 % 2);
    let request = format!("{name} / HTTP/1.{version}\r\nHost: a\r\n\r\n");
    let step = connection.decode(request.as_bytes()).expect("a request");
    assert_eq!(step.event, Some(Event::Head));
    connection.decode(&[]).expect("an end");

    let status = 200 + u16::from(status) % 400;
    let mut output = Vec::new();
    let (field, body) = rest.split_at(rest.len().min(usize::from(pieces)));
    let (field_name, field_value) = field.split_at(field.len() / 2);
    let streamed = framing % 2 == 1;
    let length = if streamed { BodyLen::Streamed } else { BodyLen::Fixed(body.len() as u64) };
    let mut head = connection.encode_head(status, "", length, &mut output).expect("a head");
    let written = head.field(field_name, field_value).is_ok();
    head.finish().expect("a head");
    let has_body = connection.response_has_body();
    if has_body {
        for piece in body.chunks(1 + usize::from(framing)) {
            connection.encode_data(piece, &mut output).expect("content");
        }
    }
    connection.encode_end(&mut output).expect("an end");

    let mut fields = [httparse::EMPTY_HEADER; 8];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = response.parse(&output).expect("a response") else {
        panic!("incomplete")
    };
    assert_eq!(response.code, Some(status));
    let get = |name: &str| {
        response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    };
    if written {
        let name = std::str::from_utf8(field_name).expect("a token");
        let value = field_value.trim_ascii();
        assert!(response.headers.iter().any(|field| field.name == name && field.value.trim_ascii() == value));
    }
    let content = &output[head..];
    let http11 = version == 1;
    assert!(get("content-length").is_none() || get("transfer-encoding").is_none());
    if !has_body {
        assert!(content.is_empty());
    } else if streamed && http11 {
        assert_eq!(get("transfer-encoding"), Some(&b"chunked"[..]));
        assert_eq!(dechunk(content), body);
    } else {
        assert_eq!(get("transfer-encoding"), None);
        assert_eq!(content, body);
    }
    let persists = http11;
    assert_eq!(connection.next_cycle(), persists);
    if get("upgrade").is_none() {
        assert_eq!(get("connection"), (!persists).then_some(&b"close"[..]));
    }
}

/// The content of a chunked body, by the decoder: the coding is the same in both directions.
fn dechunk(content: &[u8]) -> Vec<u8> {
    let mut connection = ServerConnection::new(Config::default());
    let mut input = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    input.extend_from_slice(content);
    let (mut start, mut body) = (0, Vec::new());
    loop {
        let step = connection.decode(&input[start..]).expect("a chunked body");
        if let Some(Event::Data { .. }) = step.event {
            body.extend_from_slice(step.payload(&input[start..]));
        }
        start += step.consumed;
        match step.event {
            Some(Event::End) => break,
            None => panic!("an incomplete body"),
            _ => {}
        }
    }
    assert_eq!(start, input.len(), "nothing behind the end");
    body
}
