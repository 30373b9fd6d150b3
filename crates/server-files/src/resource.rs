//! What a path names: an open file, and its precompressed forms.

use std::fs::File;
use std::sync::{Arc, OnceLock};

use http::HeaderValue;

use crate::coding::Coding;
use crate::etag::Stamp;
use crate::open::Facts;

/// A file that was found. All that is said of it comes from the descriptors in here.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Its path, decoded, from the first segment of the request on.
    pub(crate) relative: Vec<u8>,
    pub(crate) content_type: HeaderValue,
    pub(crate) cache_control: Option<HeaderValue>,
    pub(crate) original: Representation,
    /// By `Coding`: looked for when first asked for; `None`: it is not there, or older than the original.
    pub(crate) coded: [OnceLock<Option<Representation>>; 3],
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
