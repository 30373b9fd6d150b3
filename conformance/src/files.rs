//! Static files (RFC 9110): a tree of files, what is asked for, and what must be answered. [`cases`] loads
//! `files/*.toml`; [`TREE`] is what they ask of.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Severity;
use crate::load::load;

/// One request for a file, and the answer to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique name, `topic/what`.
    pub id: String,
    /// RFC and section, such as `9110 14.2`.
    pub rfc: String,
    /// What stands behind it.
    pub severity: Severity,
    /// Why, where the name does not say it.
    #[serde(default)]
    pub note: Option<String>,
    /// Options that are on: `precompressed`, `listing`, `hidden`, `links`, `fallback` (to `app.html`), `not-found`
    /// (`missing.html`), `cache-control` (`*.css` is `no-cache`), `mount` (`/m` is the directory `dir`).
    #[serde(default)]
    pub options: Vec<String>,
    /// The method; `GET` where it is not given.
    #[serde(default = "get")]
    pub method: String,
    /// The request target.
    pub target: String,
    /// Fields of the request.
    #[serde(default)]
    pub request: Vec<(String, String)>,
    /// The status of the answer.
    pub status: u16,
    /// Fields that the answer must have, by lower-case name.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Fields that it must not have.
    #[serde(default)]
    pub without: Vec<String>,
    /// Its content. `BOUNDARY` stands for the boundary of a multipart.
    pub body: Option<String>,
}

/// What is at one place of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A file: its content, and its modification time in seconds since 1970 and nanoseconds.
    File(&'static str, i64, u32),
    /// A symbolic link to this.
    Link(&'static str),
}

/// 1 January 2024, 00:00:00 UTC.
const T: i64 = 1_704_067_200;

/// The tree, below a directory `root`; what begins with `../` lies beside it, and must never be served.
pub const TREE: &[(&str, Node)] = &[
    ("ten.txt", Node::File("0123456789", T, 500_000_000)),
    ("empty.txt", Node::File("", T, 0)),
    ("long.txt", Node::File(LONG, T, 0)),
    ("future.txt", Node::File("0123456789", 4_102_444_800, 0)),
    ("ancient.txt", Node::File("0123456789", 0, 0)),
    ("style.css", Node::File("a{}", T, 0)),
    ("code.js", Node::File("1", T, 0)),
    ("table.csv", Node::File("a,b", T, 0)),
    ("data.json", Node::File("{}", T, 0)),
    ("picture.svg", Node::File("<svg/>", T, 0)),
    ("picture.png", Node::File("png", T, 0)),
    ("UPPER.HTML", Node::File("upper", T, 0)),
    ("noext", Node::File("noext", T, 0)),
    ("strange.qqq", Node::File("strange", T, 0)),
    ("page.html", Node::File("<p>original</p>", T, 0)),
    ("page.html.zst", Node::File("zstd", T + 1, 0)),
    ("page.html.br", Node::File("brotli", T - 1, 999_999_999)),
    ("page.html.gz", Node::File("gzipped", T, 0)),
    ("app.html", Node::File("<p>app</p>", T, 0)),
    ("missing.html", Node::File("<p>missing</p>", T, 0)),
    ("dir/index.html", Node::File("<p>index</p>", T, 0)),
    ("dir/index.html.gz", Node::File("gzipped", T, 0)),
    ("dir/file.txt", Node::File("file", T, 0)),
    ("bare/<b>&'\".txt", Node::File("x", T, 0)),
    ("bare/sub/x.txt", Node::File("x", T, 0)),
    ("a b.txt", Node::File("space", T, 0)),
    ("ü.txt", Node::File("umlaut", T, 0)),
    ("100%.txt", Node::File("percent", T, 0)),
    ("%41.txt", Node::File("literally", T, 0)),
    ("with:colon.txt", Node::File("colon", T, 0)),
    (".hidden", Node::File("hidden", T, 0)),
    (".git/config", Node::File("hidden", T, 0)),
    (".well-known/acme", Node::File("known", T, 0)),
    ("link.txt", Node::Link("ten.txt")),
    ("linked", Node::Link("dir")),
    ("out.txt", Node::Link("../secret.txt")),
    ("outside", Node::Link("..")),
    ("absolute.txt", Node::Link("/etc/passwd")),
    ("loop", Node::Link("loop")),
    ("../secret.txt", Node::File("secret", T, 0)),
];

/// 1,000 bytes: every four say where they are.
const LONG: &str = {
    const fn digits() -> [u8; 1000] {
        let mut bytes = [0; 1000];
        let mut at = 0;
        while at < bytes.len() {
            let word = at / 4;
            bytes[at] = b'0' + (word / [1000, 100, 10, 1][at % 4] % 10) as u8;
            at += 1;
        }
        bytes
    }
    const BYTES: [u8; 1000] = digits();
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("digits"),
    }
};

/// All rules of static files, in the order of the files' names.
///
/// # Panics
///
/// When a file cannot be read, is malformed, or two rules have the same id.
#[must_use]
pub fn cases() -> Vec<Case> {
    load("files", |case: &Case| (&case.id, &case.rfc))
}

fn get() -> String {
    "GET".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_loads_and_is_consistent() {
        let cases = cases();
        assert!(cases.len() >= 150, "{} rules", cases.len());
        for case in &cases {
            assert!(
                case.id.contains('/') && case.rfc.starts_with(|c: char| c.is_ascii_digit()),
                "{}",
                case.id
            );
            let lower = |name: &String| name.bytes().all(|byte| !byte.is_ascii_uppercase());
            assert!(case.fields.keys().all(lower) && case.without.iter().all(lower), "{}", case.id);
        }
    }
}
