//! Limits of a decoder.

/// What a [`Decoder`](crate::Decoder) refuses although the standard sets no limit.
///
/// Every limit is on by default. Passing one is an error whose kind names the field.
///
/// ```
/// let mut config = wire_sse::Config::default();
/// config.max_data = 64 * 1024;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Most bytes of one event's data: all its lines, each with one line feed. Default: 16 MiB.
    ///
    /// Defends whoever collects events against a stream that never dispatches.
    pub max_data: usize,
    /// Most bytes of an event type. Default: 1 KiB. Defends as `max_data` does.
    pub max_event_type: usize,
    /// Most bytes of an id. Default: 4 KiB.
    ///
    /// A client sends it back as the field `Last-Event-ID`: a longer one might make every later request fail.
    pub max_id: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_data: 16 << 20, max_event_type: 1 << 10, max_id: 4 << 10 }
    }
}
