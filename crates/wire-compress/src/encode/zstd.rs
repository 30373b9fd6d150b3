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
        let window_log = config.window_log_for(len);
        // Without it libzstd makes its tables for content without end, at level 12 of 40 MiB for a page of 1 KiB.
        let size = len.unwrap_or(1 << window_log).clamp(1, 1 << 30) as u32;
        let set = context
            .reset(ResetDirective::SessionAndParameters)
            .and_then(|_| context.set_parameter(CParameter::CompressionLevel(level)))
            .and_then(|_| context.set_parameter(CParameter::WindowLog(window_log)))
            .and_then(|_| context.set_parameter(CParameter::SrcSizeHint(size)));
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

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Encoder;
    use crate::{EncoderConfig, Flush};

    /// In KiB, at most: in the middle of content whose length is known, and of a stream.
    #[test]
    fn an_encoder_holds_what_is_documented() {
        let content: Vec<u8> = (0..200_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        let mut out = Vec::with_capacity(2 * content.len());
        for (level, small, page, stream) in [
            (1, 50, 500, 1_400),
            (3, 50, 900, 2_100),
            (6, 50, 1_100, 3_900),
            (9, 50, 1_100, 6_500),
            (12, 200, 1_500, 6_500),
            (19, 200, 2_000, 10_500),
        ] {
            let config = EncoderConfig { zstd_level: level, ..EncoderConfig::default() };
            for (len, hint, documented) in [
                (1 << 10, Some(1 << 10), small),
                (64 << 10, Some(64 << 10), page),
                (content.len(), None, stream),
            ] {
                out.clear();
                let mut encoder = Encoder::new(&config, hint).expect("memory");
                for piece in content[..len].chunks(16 << 10) {
                    assert!(encoder.encode(piece, Flush::Sync, &mut out).expect("works").done);
                }
                // It is not given back: the next one must not find one of another size.
                let held = encoder.context.take().map_or(0, |context| context.sizeof()) >> 10;
                assert!(held <= documented, "{level}, {len} bytes: {held}, documented {documented}");
                assert!(held >= documented / 3, "{level}, {len} bytes: {held}, documented {documented}");
            }
        }
    }
}
