//! Fuzz targets of the wire family as plain functions: what libFuzzer runs, and what a test replays the seeds with.

pub mod compress;
pub mod files;
pub mod h2ws;
pub mod h2ws_session;
pub mod http1;
pub mod http1_client;
#[cfg(feature = "differential")]
pub mod http1_hyper;
pub mod multipart;
#[cfg(feature = "differential")]
pub mod multipart_multer;
pub mod sse;
pub mod ws;
pub mod ws_connection;
pub mod ws_deflate;
#[cfg(feature = "differential")]
pub mod ws_differential;
