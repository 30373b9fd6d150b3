//! Buffers between a byte stream and a codec.

mod payload;
mod pool;
mod read_buffer;
mod write_buffer;

pub(crate) use read_buffer::{Direct, Lease, ReadBuffer, poll_discard, poll_read_lease};
pub(crate) use write_buffer::WriteBuffer;
