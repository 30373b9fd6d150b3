//! The rules of the protocols as data, and the code that reads them. The same table runs against a codec, at every split of
//! its bytes, and against a server; what replays it stands with what it tests.

pub mod compress;
pub mod files;
pub mod h2ws;
pub mod http1;
pub mod http1c;
mod load;
pub mod multipart;
pub mod sse;
pub mod ws;

use serde::Deserialize;

/// What stands behind a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The RFC says MUST, or its grammar leaves no choice.
    #[default]
    Must,
    /// The RFC says SHOULD, or leaves it open where only one reaction is sound.
    Should,
    /// The RFC allows more than one reaction, or a limit; this is the one we hold to be best.
    Ours,
}
