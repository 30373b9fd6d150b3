//! Limits: each is on by default, and each says what it defends against.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Limits of a decoder, and what it accepts. [`Config::default`] suits the open internet.
///
/// Passing a limit is a typed [`Error`](crate::Error) whose message names the field.
///
/// ```
/// let mut config = wire_multipart::Config::default();
/// config.max_parts = 10;
/// config.part_sizes.insert(b"video".to_vec(), 500 << 20);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most parts (128), skipped ones included. Each costs a head and whatever the application does with it: a form of
    /// thousands of empty parts is the cheapest attack on it.
    pub max_parts: usize,
    /// Most field lines of a part (8). Browsers send two.
    pub max_fields: usize,
    /// Most bytes of a part's field lines with their line ends and the empty line (4 KiB); acts as 16 MiB at most. Bounds
    /// what stays unconsumed, and so what the caller buffers.
    pub max_field_section: usize,
    /// Most bytes of field lines in the whole form (64 KiB): many parts with a large head each would otherwise make the
    /// server parse megabytes that nobody wants.
    pub max_total_field_bytes: usize,
    /// Most bytes of the body of a part without a file name (1 MiB). Applications collect such parts in memory.
    pub max_text_size: u64,
    /// Most bytes of the body of a part with a file name, an empty one included (10 MiB).
    pub max_file_size: u64,
    /// Limits of parts by their decoded name, in place of the two above. Empty.
    pub part_sizes: BTreeMap<Vec<u8>, u64>,
    /// Most bytes before the first delimiter (8 KiB), RFC 2046 section 5.1.1. Nobody reads them; without a limit a client
    /// uploads forever and no rule about parts ever applies.
    pub max_preamble: usize,
    /// Most bytes behind the line of the close delimiter (8 KiB), for the same reason.
    pub max_epilogue: usize,
    /// Most spaces and tabs between a delimiter and its line end (64), the transport padding of RFC 2046 section 5.1.1,
    /// which nobody sends.
    pub max_padding: usize,
    /// Accepts lines that end with LF alone (false). What ends the line of the first delimiter, or the line before it, is
    /// then the line end of the whole form: the other one is no line end in it. For clients that write forms by hand.
    pub allow_bare_lf: bool,
    /// Whether each part must be a field of a form (true): one Content-Disposition `form-data` with a name, RFC 7578
    /// section 4.2. Without it fields are not interpreted: for other multipart types, such as byteranges.
    pub form_data: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_parts: 128,
            max_fields: 8,
            max_field_section: 4 * 1024,
            max_total_field_bytes: 64 * 1024,
            max_text_size: 1024 * 1024,
            max_file_size: 10 * 1024 * 1024,
            part_sizes: BTreeMap::new(),
            max_preamble: 8 * 1024,
            max_epilogue: 8 * 1024,
            max_padding: 64,
            allow_bare_lf: false,
            form_data: true,
        }
    }
}

/// Offsets of fields are `u32`.
const OFFSET_LIMIT: usize = 16 * 1024 * 1024;

impl Config {
    /// `max_field_section` within what offsets can say.
    pub(crate) fn field_section_limit(&self) -> usize {
        self.max_field_section.min(OFFSET_LIMIT)
    }
}
