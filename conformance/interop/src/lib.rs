//! The interop run: real clients and hostile ones held against the example servers, as separate processes over loopback.
//!
//! - [`run`] holds all of it against one `echo` binary and reports one line per check.
//! - [`Server`] is a running `echo`; [`http`] and [`ws`] are small clients written apart from the codecs they judge.
//!
//! The clients that are not Rust stand beside this crate's `src`, and `install.sh` fetches what they need.

pub mod http;
pub mod report;
mod server;
pub mod ws;

mod client_rules;
mod compress;
mod curl;
mod files;
mod hostile;
mod http2;
mod large;
mod lifecycle;
mod proxy;
mod raw;
mod scripts;
mod tls;
mod upload;
mod vanish;
mod websocket;
mod wscat;

use std::path::{Path, PathBuf};

pub use report::{Error, Report, Result};
pub use server::Server;

/// What to run, and with what.
#[derive(Debug)]
pub struct Options {
    /// The server under test.
    pub echo: PathBuf,
    /// The reverse proxy under test.
    pub proxy: PathBuf,
    /// The WebSocket client under test.
    pub wscat: PathBuf,
    /// The static file server under test.
    pub files: PathBuf,
    /// The folder `conformance/interop`.
    pub scripts: PathBuf,
    /// The folder that `install.sh` filled.
    pub tools: PathBuf,
    /// Only the groups named here; all of them when empty.
    pub only: Vec<String>,
    /// Pass over clients that are not installed instead of failing.
    pub skip_missing: bool,
}

type Group = (&'static str, fn(&Options, &mut Report) -> Result);

const GROUPS: &[Group] = &[
    ("curl", curl::run),
    ("compress", compress::run),
    ("proxy", proxy::run),
    ("files", files::run),
    ("raw", raw::run),
    ("hostile", hostile::run),
    ("http2", http2::run),
    ("tls", tls::run),
    ("websocket", websocket::run),
    ("wscat", wscat::run),
    ("python", scripts::python),
    ("node", scripts::node),
    ("php", scripts::php),
    ("browser", scripts::browser),
    ("upload", upload::run),
    ("large", large::run),
    ("vanish", vanish::run),
    ("lifecycle", lifecycle::run),
];

/// Runs the groups. A group that cannot even start its server is a failed check of its own.
pub fn run(options: &Options) -> Report {
    let mut report = Report::default();
    for wanted in options.only.iter().filter(|wanted| GROUPS.iter().all(|(name, _)| name != wanted)) {
        let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        report.record(wanted, Err(format!("no such group; there are {}", names.join(", ")).into()));
    }
    for (name, group) in GROUPS {
        let wanted = options.only.is_empty() || options.only.iter().any(|wanted| wanted == name);
        if wanted && let Err(fact) = group(options, &mut report) {
            report.record(name, Err(fact));
        }
    }
    report
}

/// Runs checks that share one server, and then holds the server to a clean end.
fn with_server(
    echo: &Path,
    report: &mut Report,
    group: &str,
    args: &[&str],
    checks: impl FnOnce(&Server, &mut Report),
) -> Result {
    let server = Server::start(echo, args)?;
    checks(&server, report);
    report.check(&format!("{group}: the server ends cleanly after this"), || server.stop());
    Ok(())
}
