//! Targets for wire-h2ws.

use wire_h2ws::handshake::{self, ConnectProtocol, RequestHead, Target};

/// Any pseudo-fields and fields to both sides of the handshake, any URL. A line is a field, `name: value`.
pub fn h2ws_handshake(data: &[u8]) {
    let lines = || {
        data.split(|&byte| byte == b'\n').filter_map(|line| {
            let colon = 1 + line.get(1..)?.iter().position(|&byte| byte == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
        })
    };
    let pseudo = |wanted: &str| {
        let (_, value) = lines().find(|(name, _)| *name == wanted)?;
        std::str::from_utf8(value).ok()
    };
    let fields = || lines().filter(|(name, _)| !name.starts_with(':'));
    let head = RequestHead {
        method: pseudo(":method").unwrap_or("CONNECT"),
        protocol: pseudo(":protocol"),
        scheme: pseudo(":scheme"),
        authority: pseudo(":authority"),
        path: pseudo(":path"),
    };
    match handshake::accept(&head, fields()) {
        Ok(offer) => {
            assert!(handshake::is_websocket(&head));
            let protocols: Vec<_> = offer.protocols().collect();
            let chosen = offer.select_protocol(&protocols);
            assert_eq!(chosen, protocols.first().copied());
            // What we answer, our client takes.
            let response = handshake::response_fields(&offer, chosen, None);
            let response = response.map(|(name, value)| (name, value.as_bytes()));
            let accepted = handshake::verify(200, response, &protocols, &[]).expect("our own response");
            assert_eq!(accepted.protocol, chosen);
            // And what it offers, our client could have asked for.
            assert!(handshake::request_fields(&protocols, None).is_ok(), "unique tokens");
        }
        Err(rejection) => {
            assert_eq!(
                rejection.status() == 501,
                head.method == "CONNECT" && !handshake::is_websocket(&head)
            );
            assert!(!rejection.is_malformed() || rejection.status() == 400);
        }
    }
    let _ = handshake::verify(200, fields(), &["chat"], &["permessage-deflate"]);

    if let Ok(url) = std::str::from_utf8(data)
        && let Ok(target) = Target::parse(url)
    {
        let version = [("sec-websocket-version", &b"13"[..])];
        handshake::accept(&target.request_head(), version).expect("our own request");
    }
    let mut setting = ConnectProtocol::default();
    for value in data.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]])) {
        let before = setting.is_enabled();
        let legal = setting.receive(value).is_ok();
        assert_eq!(legal, value == 1 || value == 0 && !before);
        assert!(setting.is_enabled() >= before);
    }
}
