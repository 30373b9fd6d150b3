//! Without the feature `files`: what cannot be.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use bytes::Bytes;

#[derive(Clone, Debug)]
pub(crate) enum FileRange {}

impl FileRange {
    pub(crate) fn len(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn is_empty(&self) -> bool {
        match *self {}
    }

    pub(crate) fn advance(&mut self, _: u64) {
        match *self {}
    }

    pub(crate) fn read(&self) -> io::Result<Bytes> {
        match *self {}
    }
}

#[expect(dead_code, reason = "matched, never made")]
pub(crate) enum Piece {
    Bytes(Bytes),
    File(FileRange),
}

pub(crate) enum FileBody {}

impl FileBody {
    pub(crate) fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<io::Result<Piece>>> {
        match *self {}
    }

    pub(crate) fn is_done(&self) -> bool {
        match *self {}
    }
}

pub(crate) type SendFile<Io> =
    fn(&mut Io, &mut Context<'_>, &[IoSlice<'_>], &FileRange) -> Poll<io::Result<usize>>;

pub(crate) fn take<B>(_: &mut B) -> Option<Box<FileBody>> {
    None
}
