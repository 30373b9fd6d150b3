//! What an open WebSocket allocates: nothing for each message, once it is warm.

use server_core::ws::CloseCode;
use server_core::{Handler, Request};
use testkit::alloc;
use wire_ws::DataKind;

use super::broadcast::echo_ref;
use super::support::world;
use super::websocket::{echo, open};

/// The allocations of one burst and its echo, on a server that has seen others.
fn allocations_of_an_echo<H>(echo: H, len: usize, burst: usize) -> u64
where
    H: Handler<Request> + 'static,
{
    let world = world(echo);
    let mut peer = open(&world);
    let messages = peer.frames(|encoder, out| {
        for _ in 0..burst {
            encoder.encode_message(DataKind::Text, &vec![b'x'; len], out).unwrap();
        }
    });
    let mut read = vec![0; burst * (len + 10)];
    let mut exchange = || {
        peer.client.pipe.send(&messages);
        world.sim.run();
        let taken = peer.client.pipe.take_into(&mut read);
        assert!(taken > burst * len && taken < burst * (len + 10));
    };
    // The pipe, the pools of the thread and the tables of the executor grow to what they need.
    for _ in 0..8 {
        exchange();
    }
    let ((), used) = alloc::measure(exchange);
    let close = peer.close(CloseCode::NORMAL.get(), "");
    world.send(&peer.client, close);
    peer.client.pipe.finish();
    world.sim.run();
    assert_eq!(world.sim.live_tasks(), 0);
    used.count
}

#[test]
fn no_allocation_for_each_message() {
    for len in [0, 1, 20, 125, 126, 1000, 4096, 16 << 10, 60_000] {
        let one = allocations_of_an_echo(echo, len, 1);
        assert_eq!(one, 0, "allocations for a message of {len} bytes");
        // From here on echoes of a burst wait by reference, each in memory of its own, until they are written.
        if len < 4096 {
            // As many as come in one read, or one would be cut and joined.
            let burst = (60_000 / (len + 10)).min(1000);
            let many = allocations_of_an_echo(echo, len, burst);
            assert_eq!(many, 0, "allocations for {burst} messages of {len} bytes");
        }
    }
}

/// Not for the first ones either, where they are answered from where they lie.
#[test]
fn nothing_is_allocated_for_a_message_that_is_lent() {
    for len in [0, 20, 125, 126, 1000, 60_000] {
        for burst in [1, (60_000 / (len + 10)).clamp(1, 1000)] {
            assert_eq!(allocations_of_an_echo(echo_ref, len, burst), 0, "{burst} messages of {len} bytes");
        }
    }
}
