//! multipart/form-data (RFC 7578, RFC 2046 section 5.1): what a client sends, and what comes of it. [`cases`] loads
//! `multipart/*.toml`, [`boundary_cases`] loads `multipart/content-type/*.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Severity;
use crate::http1::expand;
use crate::load::load;

/// One rule of a body: bytes, and what a recipient makes of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique name, `topic/what`.
    pub id: String,
    /// RFC and section, such as `2046 5.1.1`, or `WHATWG`.
    pub rfc: String,
    /// What stands behind it.
    #[serde(default)]
    pub severity: Severity,
    /// Why, where the name does not say it.
    #[serde(default)]
    pub note: Option<String>,
    /// The boundary; `b` unless the case says otherwise.
    #[serde(default = "boundary")]
    pub boundary: String,
    /// The body; see [`Case::bytes`].
    pub input: String,
    /// Limits that differ from the defaults, by the names of wire-multipart's `Config`; `part:NAME` is that of one name.
    #[serde(default)]
    pub limits: BTreeMap<String, u64>,
    /// Whether lines may end with LF alone.
    #[serde(default)]
    pub allow_bare_lf: bool,
    /// Whether the body is another multipart type than form-data.
    #[serde(default)]
    pub other_type: bool,
    /// Parts that the application skips, by number.
    #[serde(default)]
    pub skipped: Vec<usize>,
    /// The parts that begin, in order. The last one need not end.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// How many parts begin, where they are not all listed.
    #[serde(default)]
    pub count: Option<usize>,
    /// The rule that the input breaks, its end included, by the name of wire-multipart's error kind.
    #[serde(default)]
    pub refused: Option<String>,
    /// The byte that breaks it.
    #[serde(default)]
    pub offset: Option<u64>,
    /// Whether the close delimiter is found all the same.
    #[serde(default)]
    pub complete: bool,
}

fn boundary() -> String {
    "b".into()
}

/// What a part means. Absent: not checked, but for `filename`. One character is one byte; see [`expand`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The decoded name.
    pub name: Option<String>,
    /// The name as sent.
    pub raw_name: Option<String>,
    /// The decoded file name. Absent: there is none.
    pub filename: Option<String>,
    /// The file name as sent.
    pub raw_filename: Option<String>,
    /// A base name that is safe to use; empty: there is none. These characters are characters.
    pub safe_filename: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
    /// All field lines, `name: value`.
    pub fields: Option<Vec<String>>,
    /// The body.
    pub body: Option<String>,
}

/// One rule of Content-Type: a value, and its boundary.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundaryCase {
    /// Unique name, `topic/what`.
    pub id: String,
    /// RFC and section.
    pub rfc: String,
    /// What stands behind it.
    #[serde(default)]
    pub severity: Severity,
    /// Why, where the name does not say it.
    #[serde(default)]
    pub note: Option<String>,
    /// The value of Content-Type; see [`expand`].
    pub value: String,
    /// Its boundary.
    pub boundary: Option<String>,
    /// The rule that it breaks, by the name of wire-multipart's `BoundaryError`.
    pub refused: Option<String>,
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

/// All rules of bodies, in the order of the files' names.
///
/// # Panics
///
/// When a file cannot be read, is malformed, or two rules have the same id.
#[must_use]
pub fn cases() -> Vec<Case> {
    load("multipart", |case: &Case| (&case.id, &case.rfc))
}

/// All rules of Content-Type, in the order of the files' names.
///
/// # Panics
///
/// As [`cases`].
#[must_use]
pub fn boundary_cases() -> Vec<BoundaryCase> {
    load("multipart/content-type", |case: &BoundaryCase| (&case.id, &case.rfc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_load_and_are_consistent() {
        let cases = cases();
        assert!(cases.len() >= 100, "{} rules", cases.len());
        for case in &cases {
            assert!(case.id.contains('/') && !case.rfc.is_empty(), "{}", case.id);
            assert!(case.offset.is_none() || case.refused.is_some(), "{}", case.id);
        }
        let cases = boundary_cases();
        assert!(cases.len() >= 30, "{} rules", cases.len());
        for case in &cases {
            assert!(case.boundary.is_some() != case.refused.is_some(), "{}", case.id);
        }
    }
}
