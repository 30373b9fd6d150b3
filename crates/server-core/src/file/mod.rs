//! Files as content (feature `files`, Unix): [`FileBody`] is a response body, or becomes a [`Body`].
//!
//! ```
//! # fn open() -> std::io::Result<server_core::Body> {
//! use std::fs::File;
//! use std::sync::Arc;
//!
//! use server_core::Body;
//! use server_core::file::{FileBody, FileRange};
//!
//! let file = File::open("/etc/hostname")?;
//! let len = file.metadata()?.len();
//! let body = Body::from(FileBody::from(FileRange::new(Arc::new(file), 0, len)));
//! # Ok(body) }
//! ```
//!
//! A file that becomes shorter while it is sent ends the response, and so the connection; nothing is padded.

mod blocking;
mod body;
mod range;

use std::any::Any;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

pub use self::blocking::Blocking;
pub use self::body::{FileBody, Piece};
pub use self::range::FileRange;
use crate::body::Body;

/// Sends bytes (a response's head, or none) and some of the file behind them over a socket, as
/// [`AsyncWrite::poll_write`](tokio::io::AsyncWrite::poll_write) does with bytes: it says how many of both together went
/// out, and takes nothing off the range. See [`Listener::send_file`](crate::Listener::send_file).
pub type SendFile<Io> = fn(&mut Io, &mut Context<'_>, &[IoSlice<'_>], &FileRange) -> Poll<io::Result<usize>>;

/// Takes the files out of a response body, where it is made of them and they are worth it; also where content codings might
/// have been applied, and were not.
pub(crate) fn take<B: 'static>(body: &mut B) -> Option<Box<FileBody>> {
    let body: &mut dyn Any = body;
    #[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
    {
        use crate::compress::EncodedBody;
        if let Some(body) = body.downcast_mut::<EncodedBody<Body>>() {
            return take(body.plain_mut()?);
        }
        if let Some(body) = body.downcast_mut::<EncodedBody<FileBody>>() {
            return take(body.plain_mut()?);
        }
    }
    if let Some(body) = body.downcast_mut::<Body>() {
        let large = body.files().is_some_and(FileBody::is_large);
        return large.then(|| body.take_files()).flatten();
    }
    let body = body.downcast_mut::<FileBody>().filter(|body| body.is_large())?;
    Some(Box::new(std::mem::take(body)))
}
