//! Limits of a decoder, settings of an encoder.

use crate::Padding;

/// What a `Decoder` refuses although its coding allows it.
///
/// Every limit is on by default. Passing one is an error whose kind names the field.
///
/// ```
/// let mut config = wire_compress::Config::default();
/// config.max_output = 64 * 1024;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Most bytes of decoded content. Default: 10 MiB. Never is a byte more given out. In a chain of two codings it
    /// holds for what lies between them too.
    ///
    /// Defends against content that is small on the wire and fills the memory. And since no coding makes content much longer,
    /// but all know how to say nothing at length, it bounds what is consumed too: see [`max_input`](Self::max_input).
    pub max_output: u64,
    /// Most decoded bytes for each byte consumed, once more than [`free_output`](Self::free_output) came out.
    /// Default: 100.
    ///
    /// Defends the processor against bombs where `max_output` is large. It is judged after each piece, on what was
    /// consumed by then, so that content near the limit may pass or fail by how it arrives.
    pub max_ratio: u32,
    /// Decoded bytes up to which any ratio is fine, since short texts of one character are harmless. Default: 1 MiB.
    pub free_output: u64,
    /// Most gzip members, or zstd frames, skippable ones included. Default: 1024.
    ///
    /// Defends against many tiny ones, which each cost a decoder that starts anew.
    pub max_members: u32,
}

impl Config {
    /// Most bytes of encoded content: a sixteenth and 128 KiB above [`max_output`](Self::max_output).
    ///
    /// Defends the processor against content without end that decodes to nothing.
    #[must_use]
    pub const fn max_input(&self) -> u64 {
        self.max_output.saturating_add(self.max_output / 16).saturating_add(128 << 10)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { max_output: 10 << 20, max_ratio: 100, free_output: 1 << 20, max_members: 1024 }
    }
}

/// How an `Encoder` works. Values out of range mean the nearest in range.
///
/// ```
/// let mut config = wire_compress::EncoderConfig::default();
/// config.brotli_level = 5;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncoderConfig {
    /// Level of gzip and deflate: 1 (fast) to 9 (small). Default: 6.
    pub gzip_level: u8,
    /// Level of brotli: 0 (fast) to 11 (small, and hundreds of times slower). Default: 4.
    pub brotli_level: u8,
    /// Level of zstd: 1 (fast) to 19 (small). Default: 3.
    pub zstd_level: u8,
    /// Largest distance at which brotli and zstd find repetitions, as the base-2 logarithm of its bytes: 10 to 23
    /// (RFC 9659 section 3). Default: 19. It decides on most of what an encoder holds; gzip has 15 always, and brotli 17 at
    /// least from level 5 on.
    pub window_log: u8,
    /// Random length at the end of the encoded content, which slows BREACH and does not end it: see [`Padding`]. Default: none.
    pub padding: Option<Padding>,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self { gzip_level: 6, brotli_level: 4, zstd_level: 3, window_log: 19, padding: None }
    }
}

impl EncoderConfig {
    /// The window for content of this length, if that is known.
    #[cfg(any(feature = "brotli", feature = "zstd"))]
    pub(crate) fn window_log_for(&self, len: Option<u64>) -> u32 {
        let largest = u32::from(self.window_log.clamp(10, 23));
        match len {
            // Brotli's window is 16 bytes short of the power of two (RFC 7932 section 9.1).
            Some(len) => len.saturating_add(16).next_power_of_two().ilog2().clamp(10, largest),
            None => largest,
        }
    }
}
