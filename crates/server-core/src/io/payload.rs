//! Small payloads on their way to whoever asked for them: copied out of the read buffer, into memory that serves again
//! once they are dropped.
//!
//! A thread remembers the memory of the last payloads of each size, and of those up to 512 bytes together. Where those payloads
//! are gone by the time it is used up, as in every handler that answers before it asks for more, nothing is allocated. Where
//! one is still held, it keeps that memory, 512 bytes or at most twice its size, and the next ones get new memory.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

/// The sizes are powers of two from here. Payloads that are smaller share one.
const SMALLEST: usize = 512;
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
    let size = if payload.len() <= SMALLEST { SMALLEST } else { payload.len().next_power_of_two() };
    let copy = |memory: &RefCell<[BytesMut; SIZES]>| {
        let buffer = &mut memory.borrow_mut()[size.ilog2() as usize - SMALLEST.ilog2() as usize];
        if buffer.capacity() < payload.len() && !buffer.try_reclaim(size) {
            *buffer = BytesMut::with_capacity(size);
        }
        buffer.extend_from_slice(payload);
        buffer.split().freeze()
    };
    // `try_with`: payloads may come while the thread's storage is being dropped.
    MEMORY.try_with(copy).unwrap_or_else(|_| Bytes::copy_from_slice(payload))
}
