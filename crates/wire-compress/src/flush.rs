//! When encoded bytes leave the encoder.

/// What an encoder must do with what it holds back to find matches in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flush {
    /// Nothing: the smallest result. Bytes come out when a block is full.
    #[default]
    None,
    /// Make everything so far decodable by the other side. Costs a few bytes and some of the ratio.
    Sync,
    /// That was all: end the stream.
    Finish,
}

/// When to flush: what a layer that encodes a stream of pieces follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FlushPolicy {
    /// Only at the end: for content that is there at once.
    Never,
    /// Whenever no further piece is at hand: nothing is held back while its source pauses. The default.
    #[default]
    WhenIdle,
    /// After each piece, whether there is more or not: an event is on the wire when it is sent.
    EachFrame,
}

impl FlushPolicy {
    /// What to pass with a piece that is not the last; `more`: another piece is at hand. A layer that learns only
    /// afterwards that there is none passes an empty piece with [`Flush::Sync`].
    #[must_use]
    pub const fn after_piece(self, more: bool) -> Flush {
        match self {
            Self::Never => Flush::None,
            Self::WhenIdle if more => Flush::None,
            Self::WhenIdle | Self::EachFrame => Flush::Sync,
        }
    }
}

/// What a call did.
///
/// Until it is `done`: give room in `out` where there is none left, and call again with the rest of the input and
/// the same flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Progress {
    /// Bytes of the input that were taken.
    pub consumed: usize,
    /// All of the input was taken, and all that was asked for is in `out`.
    pub done: bool,
}
