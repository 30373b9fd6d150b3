//! HTTP/1.1 (RFC 9112 and 9110): what a client sends, and how a server must react. [`cases`] loads `http1/*.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Severity;
use crate::load::load;

/// One HTTP/1 rule: bytes that a client sends on a fresh connection, and what comes of them.
///
/// The server answers 200 to each request once it has read all of it, and echoes the content; to CONNECT it answers 501.
/// It never switches protocols. A refused request is answered with its own status.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique name, `topic/what`.
    pub id: String,
    /// RFC and section, such as `9112 6.1`.
    pub rfc: String,
    /// What stands behind it.
    pub severity: Severity,
    /// Why, where the name does not say it.
    #[serde(default)]
    pub note: Option<String>,
    /// What the client sends; see [`Case::bytes`].
    pub input: String,
    /// The status codes of all final responses, in order.
    pub status: Vec<u16>,
    /// Whether the server closes the connection behind the last of them, without waiting for the client.
    pub close: bool,
    /// The client has not finished what it began: the end of its input is an error.
    #[serde(default)]
    pub incomplete: bool,
    /// What the accepted requests mean; may say less than everything.
    #[serde(default)]
    pub requests: Vec<Request>,
}

/// What an accepted request means. Absent: not checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    pub method: Option<String>,
    /// The request target as sent.
    pub target: Option<String>,
    /// The target's path.
    pub path: Option<String>,
    /// The target's query.
    pub query: Option<String>,
    /// The authority of the target URI.
    pub authority: Option<String>,
    /// Fields that must be there, lower-case name to value.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The content, chunked coding removed; one character is one byte.
    pub body: Option<String>,
    /// Trailers that were kept, lower-case name to value: all of them.
    pub trailers: Option<BTreeMap<String, String>>,
    /// Whether the client awaits 100 Continue.
    pub expects_continue: Option<bool>,
    /// Whether the client offers to switch protocols.
    pub upgrade: Option<bool>,
}

impl Case {
    /// The input as bytes: each character up to U+00FF is one byte, and `{{text*count}}` stands for `count` times `text`.
    ///
    /// # Panics
    ///
    /// When the table is malformed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        expand(&self.input)
    }
}

/// The bytes that an `input` stands for: each character up to U+00FF is one byte, and `{{text*count}}` stands for `count`
/// times `text`.
///
/// # Panics
///
/// When the text is malformed.
#[must_use]
pub fn expand(input: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = input;
    while let Some((before, repeat)) = rest.split_once("{{") {
        bytes.extend(latin1(before));
        let (repeat, behind) = repeat.split_once("}}").expect("an end of {{text*count}}");
        let (text, count) = repeat.rsplit_once('*').expect("a count in {{text*count}}");
        for _ in 0..count.parse().expect("a number in {{text*count}}") {
            bytes.extend(latin1(text));
        }
        rest = behind;
    }
    bytes.extend(latin1(rest));
    bytes
}

/// The bytes of text whose characters stand for bytes.
pub fn latin1(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.chars().map(|c| u8::try_from(c).expect("a character up to U+00FF stands for one byte"))
}

/// All HTTP/1 rules for servers, in the order of the files' names.
///
/// # Panics
///
/// When a file cannot be read, is malformed, or two rules have the same id.
#[must_use]
pub fn cases() -> Vec<Case> {
    load("http1", |case: &Case| (&case.id, &case.rfc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_loads_and_is_consistent() {
        let cases = cases();
        assert!(cases.len() >= 200, "{} rules", cases.len());
        for case in &cases {
            assert!(!case.bytes().is_empty(), "{}", case.id);
            let accepted = case.status.iter().filter(|&&status| status == 200 || status == 501).count();
            assert!(case.requests.len() <= accepted, "{}: more requests than answers", case.id);
        }
    }

    #[test]
    fn repeats_are_expanded() {
        let mut case = cases().remove(0);
        case.input = "a{{bc*3}}\u{ff}{{*x*2}}".into();
        assert_eq!(case.bytes(), b"abcbcbc\xff*x*x");
    }
}
