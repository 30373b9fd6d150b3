//! The rule tables of `conformance/`, held against the whole server: sent at once, and byte by byte.

use std::pin::Pin;

use conformance::ws::Event;
use conformance::{http1, ws};
use http::{Response, StatusCode};
use server_core::{Body, Config, Request};
use wire_ws::deflate::DeflateConfig;

use super::support::{World, configured, text, world};
use super::websocket::{Got, Peer, echo, open, open_with};

/// What the HTTP table expects of a server: it reads all of a request, echoes the content, and refuses CONNECT.
pub(crate) async fn answer(mut request: Request) -> Response<Body> {
    let (status, body) = match request.take_body().limit(u64::MAX).collect().await {
        Ok(_) if request.method() == "CONNECT" => (StatusCode::NOT_IMPLEMENTED, Body::empty()),
        Ok(body) => (StatusCode::OK, body.into()),
        Err(error) => (error.status(), error.to_string().into()),
    };
    let mut response = text(body);
    *response.status_mut() = status;
    response
}

#[test]
fn http1_requests() {
    let mut failures = Vec::new();
    for case in http1::cases() {
        for trickled in [false, true] {
            let bytes = case.bytes();
            if trickled && bytes.len() > 10_000 {
                continue;
            }
            let world = world(answer);
            let client = world.connect();
            if trickled {
                bytes.iter().for_each(|byte| world.send(&client, [*byte]));
            } else {
                world.send(&client, &bytes);
            }
            let got = client.statuses();
            let got: Vec<u16> = got.into_iter().filter(|status| *status >= 200).collect();
            let closed = client.is_closed();
            client.pipe.finish();
            world.advance(10);
            if got != case.status || closed != case.close || world.sim.live_tasks() > 0 {
                failures.push(format!(
                    "{} (trickled: {trickled}): {got:?}, closed: {closed}, tasks: {}; expected {:?}, {}",
                    case.id,
                    world.sim.live_tasks(),
                    case.status,
                    case.close
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn got(event: Event) -> Got {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match event {
        Event::Text(bytes) => Got::Text(text(bytes)),
        Event::Binary(bytes) => Got::Binary(bytes.len()),
        Event::Pong(bytes) => Got::Pong(bytes),
        Event::Close(code, reason) => Got::Close(code, text(reason)),
        Event::Ping(_) => unreachable!("an echo server sends none"),
    }
}

#[test]
fn websocket_frames() {
    for case in ws::cases().iter().filter(|case| case.is_for(true)) {
        replay(case, |_| {}, open);
    }
}

pub(crate) fn deflate_config(setup: &ws::DeflateSetup) -> DeflateConfig {
    let mut config = DeflateConfig::default();
    (config.takeover, config.peer_takeover) = (setup.takeover, setup.peer_takeover);
    (config.max_window_bits, config.peer_max_window_bits) =
        (setup.max_window_bits, setup.peer_max_window_bits);
    config
}

/// As above, where compression is agreed on by a handshake and the echoes may come back compressed.
#[test]
fn websocket_compression() {
    for case in &ws::deflate_cases() {
        let deflate = case.deflate.expect("the table's");
        let mut config = DeflateConfig::default();
        config.peer_takeover = !deflate.no_takeover;
        config.peer_max_window_bits = deflate.window_bits;
        replay(
            case,
            |server| server.websocket_deflate = Some(config),
            |world| {
                let offer = "permessage-deflate; client_max_window_bits";
                let (peer, head) = open_with(world, &format!("Sec-WebSocket-Extensions: {offer}\r\n"));
                let agreed = config.accept([offer.as_bytes()]).expect("what every server can meet");
                assert!(head.contains(&format!("\r\nSec-WebSocket-Extensions: {}\r\n", agreed.response)));
                peer.compressed(&agreed.params)
            },
        );
    }
}

/// The echo server, where its type needs a name.
type Echo = fn(Request) -> Pin<Box<dyn Future<Output = Response<Body>>>>;
const BOXED: Echo = |request| Box::pin(echo(request));

/// Sends the frames of a case to an echo server, at once and byte by byte.
fn replay(case: &ws::Case, configure: impl Fn(&mut Config), open: impl Fn(&World<Echo, Request>) -> Peer) {
    for trickled in [false, true] {
        let bytes = case.bytes(true);
        if trickled && bytes.len() > 10_000 {
            continue;
        }
        let world = configured(BOXED, |config| {
            let limits = &mut config.websocket;
            limits.max_message_size = case.limits.message.unwrap_or(limits.max_message_size);
            limits.max_frame_size = case.limits.frame.unwrap_or(limits.max_frame_size);
            limits.max_fragments = case.limits.fragments.unwrap_or(limits.max_fragments);
            configure(config);
        });
        let mut peer = open(&world);
        let mut received = Vec::new();
        let step = if trickled { 1 } else { bytes.len().max(1) };
        for piece in bytes.chunks(step) {
            world.send(&peer.client, piece);
            received.extend(peer.received());
        }
        // The table leaves open whether the reason of a Close is echoed.
        for event in &mut received {
            if let Got::Close(_, reason) = event {
                reason.clear();
            }
        }
        let expected: Vec<Got> = case.echoes().into_iter().map(got).collect();
        assert_eq!(received, expected, "{} (trickled: {trickled})", case.id);
        let ends = matches!(expected.last(), Some(Got::Close(..)));
        assert_eq!(peer.client.is_closed(), ends, "{} (trickled: {trickled})", case.id);
        peer.client.pipe.finish();
        world.advance(5);
        assert_eq!(world.sim.live_tasks(), 0, "{}", case.id);
    }
}

#[test]
fn websocket_offers_of_compression() {
    for case in ws::negotiations().0 {
        let world = configured(echo, |config| config.websocket_deflate = Some(deflate_config(&case.config)));
        let lines: String =
            case.offered.iter().map(|line| format!("Sec-WebSocket-Extensions: {line}\r\n")).collect();
        let (_, head) = open_with(&world, &lines);
        let answered: Vec<&str> =
            head.lines().filter_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: ")).collect();
        assert!(answered.iter().copied().eq(case.response.as_deref()), "{}: {answered:?}", case.id);
    }
}
