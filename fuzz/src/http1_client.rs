//! HTTP/1.1, client role: what must hold for any bytes that a server may send.

use wire_http1::{ClientConnection, Error, Event, RequestWriter};

/// Something that came out, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Head { status: u16, fields: Vec<(String, Vec<u8>)> },
    Data(Vec<u8>),
    Trailers(usize),
    End,
    Upgraded(usize),
}

/// The requests that the byte stands for, two bits each: GET, HEAD, one that offers an upgrade, CONNECT.
fn requests(mut kinds: u8) -> ClientConnection {
    let (mut connection, mut out) = (ClientConnection::default(), Vec::new());
    for _ in 0..4 {
        let (method, target) =
            [("GET", "/"), ("HEAD", "/"), ("GET", "/"), ("CONNECT", "a:1")][usize::from(kinds % 4)];
        // None behind one that may switch protocols.
        let Ok(mut head) = connection.encode_head(method, target, None, &mut out) else { break };
        head.field("Host", "a:1").expect("a field");
        if kinds % 4 == 2 {
            head.field("Upgrade", "x").expect("a field");
        }
        RequestWriter::finish(head).expect("a head");
        connection.encode_end(&mut out).expect("an end");
        kinds /= 4;
    }
    connection
}

/// Decodes `input` in pieces whose lengths `piece` says, and returns everything heard.
fn listen(kinds: u8, input: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<Heard>, Result<(), Error>) {
    let mut connection = requests(kinds);
    let (mut heard, mut start, mut fed, mut ended) = (Vec::new(), 0, 0, false);
    loop {
        let outstanding = connection.outstanding();
        let step = match connection.decode(&input[start..fed]) {
            Ok(step) => step,
            Err(error) => {
                assert_eq!(connection.decode(&input[start..fed]), Err(error), "errors replay");
                assert!(!connection.keep_alive(), "an error closes");
                return (heard, Err(error));
            }
        };
        assert!(step.consumed <= fed - start);
        let payload = step.payload(&input[start..fed]);
        start += step.consumed;
        match step.event {
            None if fed == input.len() && ended => return (heard, Ok(())),
            None if fed == input.len() => match connection.decode_eof() {
                Ok(()) => ended = true,
                Err(error) => return (heard, Err(error)),
            },
            None => fed = fed.saturating_add(piece().max(1)).min(input.len()),
            Some(Event::Head) => {
                assert!(outstanding > 0, "a response without a request");
                let view = connection.head().view(payload);
                assert!((100..1000).contains(&view.status()));
                let fields: Vec<_> =
                    view.fields().map(|field| (field.name.to_owned(), field.value.to_owned())).collect();
                assert!(
                    fields
                        .iter()
                        .all(|(_, value)| !value.iter().any(|&b| b != b'\t' && b.is_ascii_control()))
                );
                heard.push(Heard::Head { status: view.status(), fields });
            }
            Some(Event::Data { len }) => {
                assert!(len > 0 && len == payload.len());
                assert_ne!(connection.request_method(), Some(wire_http1::Method::Head));
                match heard.last_mut() {
                    Some(Heard::Data(data)) => data.extend_from_slice(payload),
                    _ => heard.push(Heard::Data(payload.to_owned())),
                }
            }
            Some(Event::Trailers) => heard.push(Heard::Trailers(connection.trailers().field_count())),
            Some(Event::End) => {
                assert_eq!(connection.outstanding(), outstanding - 1);
                heard.push(Heard::End);
            }
            Some(Event::Paused) if connection.next_cycle() => {}
            Some(Event::Paused) => return (heard, Ok(())),
            Some(Event::Upgraded) => {
                heard.push(Heard::Upgraded(input.len() - start));
                return (heard, Ok(()));
            }
        }
    }
}

/// A connection: any way in which the bytes arrive gives the same events and the same error; `httparse` parses the first
/// head to the same. The first byte chooses the requests, the second one seeds the pieces.
pub fn http1_client(data: &[u8]) {
    let Some((&[kinds, seed], input)) = data.split_first_chunk() else { return };
    let whole = listen(kinds, input, || usize::MAX);
    let mut state = u32::from(seed) | 1;
    let pieces = listen(kinds, input, || {
        state = state.wrapping_mul(0x9E37_79B1).rotate_left(7);
        1 + (state >> 24) as usize % 23
    });
    assert_eq!(whole, pieces, "pieces of seed {seed}");
    assert_eq!(whole, listen(kinds, input, || 1), "byte by byte");

    let Some(Heard::Head { status, fields: ours }) = whole.0.first() else { return };
    if input.trim_ascii_start().get(7).is_none_or(|&minor| minor > b'1') {
        return; // later minor versions: httparse knows none
    }
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut fields);
    assert!(response.parse(input).expect("httparse refuses what was accepted").is_complete());
    assert_eq!(response.code, Some(*status));
    assert!(
        response.headers.iter().map(|f| (f.name, f.value)).eq(ours.iter().map(|(n, v)| (n.as_str(), &v[..])))
    );
}
