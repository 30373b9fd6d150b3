//! br (RFC 7932), by the brotli crate.

use alloc::boxed::Box;
use alloc::vec::Vec;

use brotli::enc::BrotliEncoderParams;
use brotli::enc::backward_references::{AnyHasher, UnionHasher};
use brotli::enc::encode::{
    BrotliEncoderDestroyInstance, BrotliEncoderOperation, BrotliEncoderStateStruct, BrotliEncoderStreamState,
};

use crate::memory::{Recycled, ignore};
use crate::pool::{self, shelf};
use crate::{EncodeError, EncoderConfig, Flush, Progress};

type State = BrotliEncoderStateStruct<Recycled>;

shelf!(SHELF: Box<State>);

/// Most memory that is kept for the next encoder. The tables of levels 7 to 9 alone are larger.
const KEEP: usize = 4 << 20;

pub(super) struct Encoder {
    /// Until the stream is finished.
    state: Option<Box<State>>,
    /// A flush was done, and only must come out.
    flushing: bool,
    /// Bytes taken since the last flush.
    unflushed: usize,
}

/// Bytes after which the encoder flushes by itself. It would collect a megabyte and more before it writes a block, with what it
/// needs to describe it: four times the memory, for a few bytes in a thousand.
const BLOCK: usize = 256 << 10;

impl Encoder {
    pub(super) fn new(config: &EncoderConfig, len: Option<u64>) -> Self {
        let mut state = pool::take(&SHELF, |_| true)
            .unwrap_or_else(|| Box::new(BrotliEncoderStateStruct::new(Recycled::default())));
        let level = config.brotli_level.min(11);
        keep_hash_table(&mut state, level, len);
        let params: &mut BrotliEncoderParams = &mut state.params;
        params.quality = i32::from(level);
        let window_log = config.window_log_for(len);
        // With less the encoder falls back to a hash table of 32 MiB, since it lacks the ones that are meant for it.
        params.lgwin = if level < 5 { window_log } else { window_log.max(17) } as i32;
        params.size_hint = len.map_or(0, |len| len.min(1 << 30) as usize);
        params.large_window = false;
        Self { state: Some(state), flushing: false, unflushed: 0 }
    }

    pub(super) fn encode(
        &mut self,
        input: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<Progress, EncodeError> {
        let flush = match flush {
            Flush::None if self.unflushed >= BLOCK => Flush::Sync,
            flush => flush,
        };
        let operation = match flush {
            Flush::None => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            Flush::Sync => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            Flush::Finish => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
        };
        let mut consumed = 0;
        loop {
            let Some(state) = &mut self.state else { return Ok(Progress { consumed, done: true }) };
            while state.has_more_output() && out.len() < out.capacity() {
                let mut len = out.capacity() - out.len();
                // It gives all that lies there, and says how much of it is taken.
                let there = state.take_output(&mut len);
                out.extend_from_slice(&there[..len]);
            }
            let full = state.has_more_output();
            let all = consumed == input.len();
            if state.is_finished() {
                self.release();
                continue;
            }
            if full && !(all && flush == Flush::None) {
                return Ok(Progress { consumed, done: false });
            }
            // With `None` and all of it taken before the first round, there is nothing to do.
            if all && (self.flushing || flush == Flush::None) {
                if self.flushing {
                    self.unflushed = 0;
                }
                self.flushing = false;
                return Ok(Progress { consumed, done: true });
            }
            self.flushing = false;
            let before = consumed;
            let mut left = input.len() - consumed;
            let (mut written, mut total) = (0, None);
            // It is given no room: what comes out is taken from where it lies.
            let ok = state.compress_stream(
                operation,
                &mut left,
                input,
                &mut consumed,
                &mut 0,
                &mut [],
                &mut written,
                &mut total,
                &mut ignore,
            );
            if !ok {
                return Err(EncodeError::Failed);
            }
            self.unflushed += consumed - before;
            // Where output was in the way, the flush is still to do.
            let flushed = state.stream_state_ == BrotliEncoderStreamState::BROTLI_STREAM_FLUSH_REQUESTED
                || !state.has_more_output();
            self.flushing = flush == Flush::Sync && left == 0 && flushed;
        }
    }

    /// Makes a new encoder of its memory.
    fn release(&mut self) {
        if let Some(mut state) = self.state.take() {
            // Those of the levels above 4 are freed with the rest: they are large, and cleared in less than their size.
            let table = match &mut state.hasher_ {
                table @ (UnionHasher::H2(_) | UnionHasher::H3(_) | UnionHasher::H4(_)) => {
                    core::mem::take(table)
                }
                _ => UnionHasher::Uninit,
            };
            BrotliEncoderDestroyInstance(&mut state);
            let memory = core::mem::take(&mut state.m8);
            if memory.held() <= KEEP {
                *state = BrotliEncoderStateStruct::new(memory);
                state.hasher_ = table;
                pool::give(&SHELF, state);
            }
        }
    }
}

/// Lets the hash table of the encoder before serve again, where it is the one that this level and length lead to: levels 2 to
/// 4 have one each, and 4 another from a megabyte on. Before its first use the encoder then clears what up to 4 KiB of
/// content, given whole, can meet, and for more all 512 KiB.
fn keep_hash_table(state: &mut State, level: u8, len: Option<u64>) {
    let common = match (&mut state.hasher_, level) {
        (UnionHasher::H2(hasher), 2) => hasher.GetHasherCommon(),
        (UnionHasher::H3(hasher), 3) => hasher.GetHasherCommon(),
        (UnionHasher::H4(hasher), 4) if len.is_none_or(|len| len < 1 << 20) => hasher.GetHasherCommon(),
        (other, _) => return other.free(&mut state.m8),
    };
    common.is_prepared_ = 0;
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.release();
    }
}
