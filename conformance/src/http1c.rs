//! HTTP/1.1 (RFC 9112 and 9110): what a server answers, and how a client must react. [`cases`] loads `http1c/*.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Severity;
use crate::http1::expand;
use crate::load::load;

/// One HTTP/1 rule: bytes that a server sends on a connection on which the requests were written, and what comes of them.
///
/// The client reads one response after the other, and as many as it can.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique name, `topic/what`.
    pub id: String,
    /// RFC and section, such as `9112 6.3`.
    pub rfc: String,
    /// What stands behind it.
    pub severity: Severity,
    /// Why, where the name does not say it.
    #[serde(default)]
    pub note: Option<String>,
    /// The requests that were written, all of them before the first byte of an answer: a method each, then `upgrade` where
    /// the request offers one, `close` where it says so, and `unfinished` where the last chunk of its content is missing.
    #[serde(default = "get")]
    pub requests: Vec<String>,
    /// What the server sends; see [`Case::bytes`].
    pub input: String,
    /// Whether the input ends there.
    #[serde(default)]
    pub eof: bool,
    /// All responses whose heads are accepted, interim ones included, in order.
    #[serde(default)]
    pub responses: Vec<Response>,
    /// The rule that the input breaks, by the name of wire-http1's error kind; nothing is read behind it.
    #[serde(default)]
    pub refused: Option<String>,
    /// Whether the client closes the connection, or must not use it again.
    pub close: bool,
    /// Bytes behind the last response that belong to another protocol.
    #[serde(default)]
    pub upgraded: Option<String>,
    /// Requests that are still to be answered in the end.
    #[serde(default)]
    pub outstanding: usize,
}

fn get() -> Vec<String> {
    vec!["GET".into()]
}

/// What an accepted response means. Absent: not checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: Option<String>,
    /// Fields that must be there, lower-case name to value.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The content, chunked coding removed; one character is one byte.
    pub body: Option<String>,
    /// Trailers that were kept, lower-case name to value: all of them.
    pub trailers: Option<BTreeMap<String, String>>,
}

impl Case {
    /// The input as bytes; see [`expand`].
    ///
    /// # Panics
    ///
    /// When the table is malformed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        expand(&self.input)
    }
}

/// All HTTP/1 rules for clients, in the order of the files' names.
///
/// # Panics
///
/// When a file cannot be read, is malformed, or two rules have the same id.
#[must_use]
pub fn cases() -> Vec<Case> {
    load("http1c", |case: &Case| (&case.id, &case.rfc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_loads_and_is_consistent() {
        let cases = cases();
        assert!(cases.len() >= 180, "{} rules", cases.len());
        for case in &cases {
            assert!(case.refused.is_none() || case.close, "{}: refused, and not closed", case.id);
        }
    }
}
