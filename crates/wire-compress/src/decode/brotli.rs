//! The coding `br` (RFC 7932), by the brotli crate.

use alloc::boxed::Box;
use alloc::vec::Vec;

use brotli_decompressor::{
    BrotliDecoderHasMoreOutput, BrotliDecoderTakeOutput, BrotliDecompressStream, BrotliResult, BrotliState,
};

use super::stage::Step;
use crate::ErrorKind;
use crate::memory::Heap;

type State = BrotliState<Heap, Heap, Heap>;

pub(super) struct Decoder {
    /// Until the stream ended and all of it came out.
    state: Option<Box<State>>,
    ended: bool,
}

impl Decoder {
    pub(super) fn new() -> Self {
        // Strict: without the large windows that are not of RFC 7932.
        Self { state: Some(Box::new(State::new_strict(Heap, Heap, Heap))), ended: false }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.state.is_none()
    }

    pub(super) fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> Result<Step, ErrorKind> {
        let end = out.len() + room.min(out.capacity() - out.len());
        let (mut consumed, mut hungry) = (0, false);
        loop {
            let Some(state) = &mut self.state else {
                let trailing = consumed == 0 && !input.is_empty();
                return if trailing {
                    Err(ErrorKind::TrailingData)
                } else {
                    Ok(Step { consumed, full: false })
                };
            };
            // What comes out is taken from where it lies, in the window.
            while out.len() < end {
                let mut len = end - out.len();
                let piece = BrotliDecoderTakeOutput(state, &mut len);
                if piece.is_empty() {
                    break;
                }
                out.extend_from_slice(piece);
            }
            if out.len() == end && BrotliDecoderHasMoreOutput(state) {
                return Ok(Step { consumed, full: true });
            }
            if self.ended {
                self.state = None;
                continue;
            }
            if hungry {
                return Ok(Step { consumed, full: false });
            }
            let mut left = input.len() - consumed;
            let (mut written, mut total) = (0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut consumed,
                input,
                &mut 0,
                &mut written,
                &mut [],
                &mut total,
                state,
            );
            match result {
                BrotliResult::ResultFailure => return Err(ErrorKind::Corrupt),
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::NeedsMoreInput => hungry = true,
                BrotliResult::NeedsMoreOutput => {}
            }
        }
    }
}
