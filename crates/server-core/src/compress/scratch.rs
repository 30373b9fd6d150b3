//! Room to encode and decode into, one per thread: what comes out of one poll is copied to its exact size, and no
//! response holds more than that.

use std::cell::Cell;

/// Most bytes that come out of one poll.
const ROOM: usize = 16 << 10;

/// What is encoded or decoded before other tasks have their turn.
pub(super) const STRETCH: usize = 64 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends an empty `Vec` with room.
pub(super) fn with<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    // `try_with`: a body may be polled when its thread's storage is gone. A body within another finds an empty one.
    let mut room = SCRATCH.try_with(Cell::take).unwrap_or_default();
    room.clear();
    room.reserve_exact(ROOM);
    let result = work(&mut room);
    let _ = SCRATCH.try_with(|scratch| scratch.set(room));
    result
}
