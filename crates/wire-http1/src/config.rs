//! Limits: each is on by default, and each says what it defends against.

/// Limits of a connection, in either role. [`Config::default`] suits the open internet.
///
/// Passing a limit is a typed [`Error`](crate::Error) whose kind names the field. Target, reason and field section limits
/// act as 16 MiB at most: offsets are kept in 32 bits.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most bytes of a request target (8 KiB). RFC 9112 section 3 asks for a request line of 8,000 bytes at least, and
    /// for 414 beyond the limit. Defends against a target that fills the read buffer.
    pub max_target: usize,
    /// Most bytes of a reason phrase (1 KiB); client role. Nobody reads it, so it must not fill a buffer.
    pub max_reason: usize,
    /// Most bytes of a header section with its line ends and its last, empty line (64 KiB); 431 beyond it. Bounds what
    /// one request can make the caller buffer.
    pub max_field_section: usize,
    /// Most field lines in a header section, and in a trailer section (100); 431 beyond it. Bounds the table of fields,
    /// and everything that walks it: many tiny fields cost more than their bytes.
    pub max_fields: usize,
    /// Most bytes of a chunk-size line with extensions and line end (256). A peer that sends a long line for each byte
    /// of content makes the server work for nothing.
    pub max_chunk_line: usize,
    /// Most bytes of chunk extensions in all of one body (16 KiB), RFC 9112 section 7.1.1. The line limit alone still
    /// allows an endless body of one-byte chunks with an extension each.
    pub max_chunk_extensions: usize,
    /// Most bytes of a trailer section with its line ends and its last, empty line (8 KiB); 431 beyond it.
    pub max_trailer_section: usize,
    /// Most empty lines skipped before a message (1), RFC 9112 sections 2.2 and 9.2. Without a limit a peer holds a
    /// connection open with line ends alone.
    pub max_empty_lines: usize,
    /// Most interim responses to one request (100), RFC 9110 section 15.2; client role. A server that sends them without
    /// end never answers.
    pub max_interim: usize,
    /// Most requests whose responses are not complete (100), RFC 9112 section 9.3.2; client role. Bounds the list of them,
    /// and what must be sent again when the connection is lost.
    pub max_pipelined: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_target: 8 * 1024,
            max_reason: 1024,
            max_field_section: 64 * 1024,
            max_fields: 100,
            max_chunk_line: 256,
            max_chunk_extensions: 16 * 1024,
            max_trailer_section: 8 * 1024,
            max_empty_lines: 1,
            max_interim: 100,
            max_pipelined: 100,
        }
    }
}

/// Offsets are `u32`; this leaves room for a target and a field section of this size each.
pub(crate) const OFFSET_LIMIT: usize = 16 * 1024 * 1024;

impl Config {
    /// `max_target` within what offsets can say.
    pub(crate) fn target_limit(&self) -> usize {
        self.max_target.min(OFFSET_LIMIT)
    }

    /// `max_reason` within what offsets can say.
    pub(crate) fn reason_limit(&self) -> usize {
        self.max_reason.min(OFFSET_LIMIT)
    }

    /// `max_field_section` within what offsets can say.
    pub(crate) fn field_section_limit(&self) -> usize {
        self.max_field_section.min(OFFSET_LIMIT)
    }

    /// `max_trailer_section` within what offsets can say.
    pub(crate) fn trailer_section_limit(&self) -> usize {
        self.max_trailer_section.min(OFFSET_LIMIT)
    }
}
