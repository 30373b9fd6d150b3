//! The tables of `conformance/compress`.

use conformance::compress::{Decide, Negotiate, decisions, negotiations};
use wire_compress::{Choice, Coding, FlushPolicy, NotAcceptable, ResponseHead, decide, negotiate, weak_etag};

fn coding(name: &str) -> Coding {
    Coding::from_token(name.as_bytes()).unwrap_or_else(|| panic!("{name} is no coding"))
}

#[test]
fn negotiation() {
    for Negotiate { id, accept, offered, coding: expected, identity, .. } in negotiations() {
        let offered: Vec<Coding> = offered.iter().map(|name| coding(name)).collect();
        let choice = negotiate(accept.iter().map(String::as_bytes), &offered);
        let expected = match expected.as_str() {
            "refuse" => Err(NotAcceptable),
            "identity" => Ok(Choice { coding: None, identity }),
            name => Ok(Choice { coding: Some(coding(name)), identity }),
        };
        assert_eq!(choice, expected, "{id}");
    }
}

#[test]
fn decision() {
    for case in decisions() {
        let Decide { id, status, len, secret, fields, .. } = &case;
        let chosen = Choice { coding: case.chosen.as_deref().map(coding), identity: case.identity };
        let lines = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let head = ResponseHead { status: *status, len: *len, secret: *secret, fields: lines.clone() };
        let decision = decide(chosen, head, 1024);
        assert_eq!(decision.coding, case.coding.as_deref().map(coding), "{id}");
        assert_eq!(decision.vary, case.vary, "{id}: vary");
        let etag = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("etag"));
        let weak = etag.filter(|_| decision.weaken_etag).and_then(|(_, etag)| weak_etag(etag.as_bytes()));
        assert_eq!(weak.as_deref(), case.etag.as_deref().map(str::as_bytes), "{id}: etag");
        let flush = if case.each_frame { FlushPolicy::EachFrame } else { FlushPolicy::WhenIdle };
        assert_eq!(decision.flush, flush, "{id}: flush");
    }
}

/// The same on a `HeaderMap`, with all that becomes of the fields.
#[cfg(feature = "http")]
#[test]
fn header_maps() {
    use http::header::{self, HeaderMap, HeaderName, HeaderValue};

    for case in decisions() {
        let mut headers = HeaderMap::new();
        for (name, value) in &case.fields {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let before = headers.clone();
        let chosen = Choice { coding: case.chosen.as_deref().map(coding), identity: case.identity };
        let status = http::StatusCode::from_u16(case.status).expect("a status");
        let decision = wire_compress::decide_headers(chosen, status, &headers, case.len, case.secret, 1024);
        decision.apply(&mut headers);
        let get = |name| headers.get(name).map(HeaderValue::as_bytes);
        match case.coding.as_deref() {
            Some(name) => {
                assert_eq!(get(header::CONTENT_ENCODING), Some(name.as_bytes()), "{}", case.id);
                for name in wire_compress::REMOVED_FIELDS {
                    assert!(!headers.contains_key(name), "{}: {name}", case.id);
                }
            }
            None => {
                let content = [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::ACCEPT_RANGES];
                assert!(content.iter().all(|name| headers.get(name) == before.get(name)), "{}", case.id);
            }
        }
        if let Some(etag) = &case.etag {
            assert_eq!(get(header::ETAG), Some(etag.as_bytes()), "{}", case.id);
        } else {
            assert_eq!(headers.get(header::ETAG), before.get(header::ETAG), "{}", case.id);
        }
        if case.vary {
            // One line, with what was there in front.
            let lines: Vec<_> = headers.get_all(header::VARY).iter().collect();
            let old: Vec<_> =
                before.get_all(header::VARY).iter().map(|v| v.to_str().expect("text")).collect();
            let expected = old.into_iter().filter(|v| !v.is_empty()).chain(["Accept-Encoding"]);
            assert_eq!(lines, [expected.collect::<Vec<_>>().join(", ").as_str()], "{}", case.id);
        } else {
            assert!(headers.get_all(header::VARY).iter().eq(before.get_all(header::VARY).iter()));
        }
        // Deciding twice is deciding once.
        let again = wire_compress::decide_headers(chosen, status, &headers, case.len, case.secret, 1024);
        let settled = headers.clone();
        again.apply(&mut headers);
        assert_eq!(headers, settled, "{}", case.id);
    }
}

#[cfg(feature = "http")]
#[test]
fn request_headers() {
    let mut headers = http::HeaderMap::new();
    let offered = Coding::PREFERENCE;
    assert_eq!(wire_compress::negotiate_headers(&headers, &offered), Ok(Choice::IDENTITY));
    headers.append("accept-encoding", http::HeaderValue::from_static("gzip"));
    headers.append("accept-encoding", http::HeaderValue::from_static("br;q=0.5, identity;q=0"));
    let choice = Choice { coding: Some(Coding::Gzip), identity: false };
    assert_eq!(wire_compress::negotiate_headers(&headers, &offered), Ok(choice));
    assert_eq!(wire_compress::negotiate_headers(&headers, &[Coding::Zstd]), Err(NotAcceptable));
    assert_eq!(NotAcceptable.status(), 406);
}
