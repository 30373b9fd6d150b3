//! The coding `deflate`: the zlib format (RFC 1950), or what some send instead, raw DEFLATE (RFC 9110 section 8.4.1.2).

use alloc::vec::Vec;

use super::inflate::Inflate;
use super::stage::Step;
use crate::ErrorKind;

pub(super) struct Decoder {
    /// From the first byte on.
    inflate: Option<Inflate>,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { inflate: None }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.inflate.as_ref().is_some_and(Inflate::is_complete)
    }

    pub(super) fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<Step, ErrorKind> {
        let Some(&first) = input.first() else {
            // There may be output that had no room.
            return match &mut self.inflate {
                Some(inflate) => inflate.decode(input, out, room),
                None => Ok(Step { consumed: 0, full: false }),
            };
        };
        // The first byte decides, once. In zlib: method 8, a window of at most 2^15. Raw, the same bits are a stored
        // block whose padding is not zero, which nobody writes.
        let zlib = first & 0x0f == 8 && first >> 4 <= 7;
        let inflate = self.inflate.get_or_insert_with(|| Inflate::new(zlib));
        if inflate.is_complete() {
            return Err(ErrorKind::TrailingData);
        }
        inflate.decode(input, out, room)
    }
}
