//! Small payloads on their way to whoever asked for them: copied out of the read buffer, into memory that serves again
//! once they are dropped.
//!
//! A thread remembers the memory of the last payload of each size. Where that payload is gone by the time the next one
//! comes, as in every handler that answers before it asks for more, nothing is allocated. Where it is still held, it keeps
//! its memory, at most twice its size and never that of others, and the next one gets new memory.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

/// The sizes are powers of two from here.
const SMALLEST: usize = 32;
/// Payloads up to here come out of remembered memory.
const LARGEST: usize = 16 << 10;
const SIZES: usize = (LARGEST / SMALLEST).ilog2() as usize + 1;

thread_local! {
    static MEMORY: RefCell<[BytesMut; SIZES]> = RefCell::default();
}

/// A copy of `payload`.
pub(crate) fn copy_payload(payload: &[u8]) -> Bytes {
    if payload.is_empty() || payload.len() > LARGEST {
        return Bytes::copy_from_slice(payload);
    }
    let size = payload.len().next_power_of_two().max(SMALLEST);
    let copy = |memory: &RefCell<[BytesMut; SIZES]>| {
        let buffer = &mut memory.borrow_mut()[(size / SMALLEST).ilog2() as usize];
        if !buffer.try_reclaim(size) {
            *buffer = BytesMut::with_capacity(size);
        }
        buffer.extend_from_slice(payload);
        buffer.split().freeze()
    };
    // `try_with`: payloads may come while the thread's storage is being dropped.
    MEMORY.try_with(copy).unwrap_or_else(|_| Bytes::copy_from_slice(payload))
}
