//! Content codings (RFC 9110): which one a request leads to, and what becomes of a response.
//!
//! A case of `compress/negotiate.toml`:
//!
//! ```toml
//! [[case]]
//! id = "weight/zero"
//! section = "12.4.2"                     # of RFC 9110
//! severity = "must"                      # must (default), should, or ours
//! about = "0 means not acceptable"
//! accept = ["gzip;q=0, br"]              # the lines of Accept-Encoding
//! # offered = ["gzip"]                   # the server's order; br, zstd, gzip, deflate where it is not given
//! coding = "br"                          # or "identity", or "refuse"
//! # identity = false                     # whether identity would do; true where it is not given
//! ```
//!
//! A case of `compress/decide.toml` is a response to a request whose Accept-Encoding led to `chosen`. Content below
//! 1,024 bytes is not worth it.
//!
//! ```toml
//! [[case]]
//! id = "etag/strong"
//! section = "8.8.1"
//! about = "another sequence of bytes cannot have the same strong tag"
//! chosen = "gzip"                        # "identity" where nothing was
//! status = 200                           # where it is not given
//! len = 5000                             # unknown where it is not given
//! fields = [["ETag", '"1"']]
//! coding = "gzip"                        # applied; none where it is not given
//! vary = true                            # Accept-Encoding is added to Vary; not where it is not given
//! etag = 'W/"1"'                         # what becomes of ETag; unchanged where it is not given
//! ```

use serde::Deserialize;

use crate::Severity;

/// What a client accepts, and what a server that offers these codings must choose.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Negotiate {
    /// Unique.
    pub id: String,
    /// The section of RFC 9110.
    pub section: String,
    /// How much the rule weighs.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about.
    pub about: String,
    /// The lines of Accept-Encoding.
    pub accept: Vec<String>,
    /// What the server offers, the best first.
    #[serde(default = "all")]
    pub offered: Vec<String>,
    /// A coding, `identity`, or `refuse`.
    pub coding: String,
    /// Whether content as it is would do.
    #[serde(default = "yes")]
    pub identity: bool,
}

/// A response, and what must become of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// Unique.
    pub id: String,
    /// The section of RFC 9110.
    pub section: String,
    /// How much the rule weighs.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about.
    pub about: String,
    /// The coding that was negotiated; `None`: none.
    pub chosen: Option<String>,
    /// Whether content as it is would do.
    #[serde(default = "yes")]
    pub identity: bool,
    /// The status code.
    #[serde(default = "ok")]
    pub status: u16,
    /// The length of the content, where it is known.
    pub len: Option<u64>,
    /// Marked as secret.
    #[serde(default)]
    pub secret: bool,
    /// The response's fields.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// The coding to apply.
    pub coding: Option<String>,
    /// Whether Accept-Encoding is added to Vary.
    #[serde(default)]
    pub vary: bool,
    /// The new ETag, where it changes.
    pub etag: Option<String>,
    /// Whether each piece is flushed.
    #[serde(default)]
    pub each_frame: bool,
}

/// All cases of negotiation.
///
/// # Panics
///
/// Where the table is malformed.
#[must_use]
pub fn negotiations() -> Vec<Negotiate> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        case: Vec<Negotiate>,
    }
    parse::<Table>(include_str!("../compress/negotiate.toml")).case
}

/// All responses.
///
/// # Panics
///
/// Where the table is malformed.
#[must_use]
pub fn decisions() -> Vec<Decide> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        case: Vec<Decide>,
    }
    parse::<Table>(include_str!("../compress/decide.toml")).case
}

fn parse<'a, T: Deserialize<'a>>(table: &'a str) -> T {
    toml::from_str(table).unwrap_or_else(|e| panic!("{e}"))
}

fn all() -> Vec<String> {
    ["br", "zstd", "gzip", "deflate"].map(str::to_owned).to_vec()
}

fn yes() -> bool {
    true
}

fn ok() -> u16 {
    200
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_tables_load_and_are_consistent() {
        let (negotiations, decisions) = (negotiations(), decisions());
        assert!(negotiations.len() >= 80 && decisions.len() >= 50);
        let negotiations = negotiations.iter().map(|case| (&case.id, &case.section));
        let mut ids = HashSet::new();
        for (id, section) in negotiations.chain(decisions.iter().map(|case| (&case.id, &case.section))) {
            assert!(ids.insert(id), "{id} twice");
            assert!(id.contains('/') && section.starts_with(|c: char| c.is_ascii_digit()), "{id}");
        }
        for case in &decisions {
            assert!(case.coding.is_none() || case.coding == case.chosen, "{}", case.id);
        }
    }
}
