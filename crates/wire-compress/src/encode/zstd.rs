//! zstd (RFC 8878, within the window of RFC 9659), by libzstd.

use alloc::vec::Vec;

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

use crate::pool::{self, shelf};
use crate::{EncodeError, EncoderConfig, Flush, Progress};

shelf!(SHELF: CCtx<'static>);

/// Most memory that is kept for the next encoder.
const KEEP: usize = 4 << 20;

pub(super) struct Encoder {
    /// Until the frame is finished.
    context: Option<CCtx<'static>>,
}

impl Encoder {
    pub(super) fn new(config: &EncoderConfig, len: Option<u64>) -> Result<Self, EncodeError> {
        let mut context = match pool::take(&SHELF, |_| true) {
            Some(context) => context,
            None => CCtx::try_create().ok_or(EncodeError::Failed)?,
        };
        let level = i32::from(config.zstd_level.clamp(1, 19));
        let set = context
            .reset(ResetDirective::SessionAndParameters)
            .and_then(|_| context.set_parameter(CParameter::CompressionLevel(level)))
            .and_then(|_| context.set_parameter(CParameter::WindowLog(config.window_log_for(len))));
        set.map_err(|_| EncodeError::Failed)?;
        Ok(Self { context: Some(context) })
    }

    pub(super) fn encode(
        &mut self,
        input: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<Progress, EncodeError> {
        let Some(context) = &mut self.context else { return Ok(Progress { consumed: 0, done: true }) };
        let mode = match flush {
            Flush::None => ZSTD_EndDirective::ZSTD_e_continue,
            Flush::Sync => ZSTD_EndDirective::ZSTD_e_flush,
            Flush::Finish => ZSTD_EndDirective::ZSTD_e_end,
        };
        let at = out.len();
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around_pos(out, at);
        let held =
            context.compress_stream2(&mut target, &mut source, mode).map_err(|_| EncodeError::Failed)?;
        let consumed = source.pos();
        let done = consumed == input.len() && (flush == Flush::None || held == 0);
        if done && flush == Flush::Finish {
            self.release();
        }
        Ok(Progress { consumed, done })
    }

    fn release(&mut self) {
        if let Some(context) = self.context.take()
            && context.sizeof() <= KEEP
        {
            pool::give(&SHELF, context);
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.release();
    }
}
