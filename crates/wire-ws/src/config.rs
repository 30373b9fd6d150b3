//! Limits of a decoder.

/// What a [`Decoder`](crate::Decoder) refuses although RFC 6455 allows it (section 10.4 asks for such limits).
///
/// Every limit is on by default. Passing one is an error with close code 1009 whose kind names the field.
///
/// ```
/// let mut config = wire_ws::Config::default();
/// config.max_message_size = 64 * 1024;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Most payload bytes of one message, all fragments together. Default: 16 MiB.
    ///
    /// Defends whoever collects messages against a peer that never stops. It is checked against what each frame
    /// declares, before a byte of the frame's payload is looked at. Of a compressed message it limits what is
    /// inflated, exactly, and to an eighth and 1 KiB more the compressed bytes, with 16 bytes for each fragment.
    pub max_message_size: u64,
    /// Most payload bytes of one data frame. Default: 16 MiB.
    ///
    /// Defends those who stream messages of any size (with `max_message_size` set to [`u64::MAX`]) against a peer
    /// that blocks the connection, its control frames included, with one endless frame.
    pub max_frame_size: u64,
    /// Most frames of one message; empty ones count, and an unfragmented message is one. Default: 16,384.
    /// Of a compressed message, as many final blocks of DEFLATE, which each make the decompressor start anew.
    /// 0 means the same as 1: no fragmentation.
    ///
    /// Defends against messages in pieces so small, or empty, that handling them costs more than their bytes show.
    pub max_fragments: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_message_size: 16 << 20, max_frame_size: 16 << 20, max_fragments: 16_384 }
    }
}
