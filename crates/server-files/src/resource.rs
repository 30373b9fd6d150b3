//! What a path names: an open file, and its precompressed forms beside it.

use std::fs::File;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;
use wire_compress::Coding;

use crate::etag::Stamp;
use crate::open::Facts;

/// The codings of which a file can lie ready, in order of preference where a client has none: zstd costs clients least.
pub(crate) const PREFERENCE: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

/// What the name of a precompressed file ends with.
pub(crate) fn suffix(coding: Coding) -> &'static str {
    match coding {
        Coding::Zstd => ".zst",
        Coding::Brotli => ".br",
        Coding::Gzip => ".gz",
        // Never offered.
        Coding::Deflate => ".zz",
    }
}

/// A file that was found. All that is said of it comes from the descriptors in here.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its path, decoded, from the first segment of the request on.
    pub(crate) relative: Vec<u8>,
    pub(crate) content_type: HeaderValue,
    pub(crate) cache_control: Option<HeaderValue>,
    pub(crate) original: Representation,
    /// By `Coding`: looked for when first asked for; `None`: it is not there, or older than the original.
    pub(crate) coded: [OnceLock<Option<Representation>>; 4],
}

impl Resource {
    /// The codings in which it may be there: those that were not looked for in vain.
    pub(crate) fn codings(&self) -> Vec<Coding> {
        let absent = |coding| matches!(self.coded[coding as usize].get(), Some(None));
        PREFERENCE.into_iter().filter(|&coding| !absent(coding)).collect()
    }
}

/// One representation of a file: the original, or one of its codings.
#[derive(Debug)]
pub(crate) struct Representation {
    pub(crate) file: Arc<File>,
    pub(crate) facts: Facts,
    pub(crate) coding: Option<Coding>,
    pub(crate) stamp: Stamp,
}

impl Representation {
    pub(crate) fn new(file: Arc<File>, facts: Facts, coding: Option<Coding>) -> Self {
        let stamp = Stamp::new(&facts, coding.map_or("", Coding::token));
        Self { file, facts, coding, stamp }
    }
}
