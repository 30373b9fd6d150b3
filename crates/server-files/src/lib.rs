//! Static files over HTTP, for a site of any size: a handler for server-core, a tower service, or a function to call.
//!
//! - **No way out.** A path is decoded once and by segment; what could mean another place is refused. On Linux the kernel
//!   opens the file beneath the root's descriptor in one step (`openat2`), and everything in the response comes from the
//!   descriptor that was opened: no link swapped in between changes what is sent. Links, dotfiles, devices and FIFOs
//!   are not found unless an option allows links or dotfiles.
//! - **Conditional requests** in the order of RFC 9110 section 13.2.2, by strong entity tags and dates.
//! - **Ranges**, one or several, bounded (section 14).
//! - **Precompressed files** beside the originals: `.zst`, `.br`, `.gz`. What has none is encoded by server-core's
//!   `Compress` around [`Files`], if that is wanted; what `Compress` leaves alone, such as images, the kernel still sends.
//! - **Large files are not read**: over HTTP/1 in cleartext the kernel sends them (`sendfile`, on Linux).
//! - **Nothing blocks the executor** with the feature `rt-tokio`: what the kernel has in memory is opened (`RESOLVE_CACHED`)
//!   and read (`RWF_NOWAIT`) in place, which costs less than a trip to another thread; whatever needs a disk goes to tokio's
//!   blocking pool. Kernels and file systems that cannot tell the difference are taken to need one.
//!
//! ```
//! # #[cfg(feature = "rt-tokio")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use server_core::Server;
//! use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
//! use server_files::Files;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! let site = tempfile::tempdir()?;
//! std::fs::write(site.path().join("index.html"), "<h1>Hello</h1>")?;
//!
//! tokio::runtime::Runtime::new()?.block_on(async {
//!     let files = Files::builder(site.path()).cache(1000, Duration::from_secs(1)).build()?;
//!     let server = Server::<_, _, server_core::Request>::new(files, TokioTimer);
//!     let listener = TokioListener::bind(([127, 0, 0, 1], 0).into())?;
//!     let address = server_core::Listener::local_addr(&listener)?;
//!     let running = tokio::spawn({
//!         let server = server.clone();
//!         async move { serve(&server, listener).await }
//!     });
//!
//!     let mut client = tokio::net::TcpStream::connect(address).await?;
//!     client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=4-8\r\nConnection: close\r\n\r\n").await?;
//!     let mut answer = String::new();
//!     client.read_to_string(&mut answer).await?;
//!     assert!(answer.starts_with("HTTP/1.1 206 Partial Content\r\n") && answer.ends_with("\r\n\r\nHello"));
//!
//!     server.shutdown();
//!     running.await??;
//!     Ok(())
//! })
//! # }
//! # #[cfg(not(feature = "rt-tokio"))]
//! # fn main() {}
//! ```
//!
//! # What is answered
//!
//! | request | answer |
//! |---|---|
//! | another method than GET or HEAD | 405 with `Allow` |
//! | a path with `%2F`, `\`, NUL, `.` or `..` as a segment, or a broken `%` | 400 |
//! | an empty segment, `:`, a dotfile, a link, nothing, or what may not be read | 404, all alike |
//! | a directory without its slash | 301, relative, with the query |
//! | a directory | its index file, else its listing if that is on, else 404 |
//! | a file | 200, 206, 304, 412 or 416 |
//!
//! A 206 has the fields of the 200, whether `If-Range` asked for it or not (RFC 9110 section 15.3.7 would rather leave some out
//! then): clients that resume compare `Last-Modified` with what they have. A 304 has those that caches need (section 15.4.5),
//! so no `Last-Modified` beside the tag.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `rt-tokio` | reads from disks on tokio's blocking pool |
//! | `tower` | `Files` as a `tower::Service` |

#[cfg(not(unix))]
compile_error!("server-files needs a Unix system: descriptors are what its safety rests on");

mod byteranges;
mod cache;
mod conditional;
mod disposition;
mod etag;
mod files;
mod handler;
mod listing;
mod mime;
mod open;
mod options;
mod path;
mod range;
mod request;
mod resource;
mod response;
mod send_file;
#[cfg(feature = "tower")]
mod tower;

pub use files::{Files, ServeFuture};
// The body of its responses.
pub use options::{BuildError, Builder};
pub use request::FileRequest;
pub use send_file::{SendFile, SendFileFuture, send_file};
pub use server_core::file::{FileBody, FileRange, Piece};
#[cfg(feature = "tower")]
pub use tower::ServiceFuture;
