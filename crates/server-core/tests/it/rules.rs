//! The rule tables of `conformance/`, held against the whole server: sent at once, and byte by byte.

use conformance::ws::Event;
use conformance::{http1, ws};
use http::{Response, StatusCode};
use server_core::{Body, Request};

use super::support::{configured, text, world};
use super::websocket::{Got, echo, open};

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
        for trickled in [false, true] {
            let bytes = case.bytes(true);
            if trickled && bytes.len() > 10_000 {
                continue;
            }
            let world = configured(echo, |config| {
                let limits = &mut config.websocket;
                limits.max_message_size = case.limits.message.unwrap_or(limits.max_message_size);
                limits.max_frame_size = case.limits.frame.unwrap_or(limits.max_frame_size);
                limits.max_fragments = case.limits.fragments.unwrap_or(limits.max_fragments);
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
}
