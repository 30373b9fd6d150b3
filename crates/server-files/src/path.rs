//! From the path of a request target to a path below a root (RFC 3986 sections 2.1 and 3.3).
//!
//! Invariants: percent-encoding is decoded once, each segment by itself; what comes out has no empty segment, no `.` and
//! no `..`, no NUL, no separator of any system, and does not begin with `/`.

/// A path below a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SafePath {
    /// Decoded segments joined by `/`; empty for the root itself. Any bytes but those refused: Unix names are bytes.
    pub(crate) relative: Vec<u8>,
    /// The request ends with `/`: it means a directory.
    pub(crate) directory: bool,
}

/// Why there is no such path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    /// Nobody sends this by mistake: 400.
    Malformed,
    /// Nothing can be there, or it is hidden: 404.
    NotFound,
}

impl SafePath {
    /// The path of a target, as sent, from its first `/`. Names that begin with a dot are not found unless `hidden`; but
    /// `/.well-known/` is there to be found (RFC 8615).
    pub(crate) fn parse(path: &str, hidden: bool) -> Result<Self, PathError> {
        let path = path.strip_prefix('/').ok_or(PathError::Malformed)?;
        let (segments, directory) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, path.is_empty()),
        };
        let mut relative = Vec::with_capacity(segments.len());
        if path.is_empty() {
            return Ok(Self { relative, directory });
        }
        let mut verdict = Ok(());
        for segment in segments.split('/') {
            if !relative.is_empty() {
                relative.push(b'/');
            }
            let start = relative.len();
            decode(segment, &mut relative)?;
            let name = &relative[start..];
            if name.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0)) || matches!(name, b"." | b"..") {
                return Err(PathError::Malformed);
            }
            let well_known = start == 0 && name == b".well-known";
            let is_hidden = name.first() == Some(&b'.') && !hidden && !well_known;
            // What is malformed further on is refused as that.
            if name.is_empty() || name.contains(&b':') || is_hidden {
                verdict = Err(PathError::NotFound);
            }
        }
        verdict.map(|()| Self { relative, directory })
    }
}

/// Decodes the percent-encoding of a segment; what is none is refused, never kept.
fn decode(segment: &str, out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rest = segment.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        out.extend_from_slice(&rest[..at]);
        let [high, low] = *rest.get(at + 1..at + 3).ok_or(PathError::Malformed)? else {
            return Err(PathError::Malformed);
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(PathError::Malformed);
        out.push((digit(high)? << 4 | digit(low)?) as u8);
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_where() {
        for (path, relative, directory) in [
            ("/", "", true),
            ("/a", "a", false),
            ("/a/b.html", "a/b.html", false),
            ("/a/", "a", true),
            ("/%61%2e%62", "a.b", false),
            ("/%2561", "%61", false),
            ("/a%20b", "a b", false),
            ("/...", "...", false),
            ("/a..", "a..", false),
            ("/.well-known/acme", ".well-known/acme", false),
        ] {
            let hidden = path == "/...";
            let expected = SafePath { relative: relative.into(), directory };
            assert_eq!(SafePath::parse(path, hidden), Ok(expected), "{path}");
        }
        assert_eq!(SafePath::parse("/%ff", false).map(|path| path.relative), Ok(vec![0xff]));
    }

    #[test]
    fn what_is_refused() {
        use PathError::{Malformed, NotFound};
        for (path, error) in [
            ("", Malformed),
            ("*", Malformed),
            ("a", Malformed),
            ("/..", Malformed),
            ("/.", Malformed),
            ("/a/../b", Malformed),
            ("/a/./b", Malformed),
            ("/../", Malformed),
            ("/%2e%2e/a", Malformed),
            ("/.%2E", Malformed),
            ("/%2e", Malformed),
            ("/a%2fb", Malformed),
            ("/a%2Fb", Malformed),
            ("/a\\b", Malformed),
            ("/a%5cb", Malformed),
            ("/a%00", Malformed),
            ("/%", Malformed),
            ("/%4", Malformed),
            ("/%4g", Malformed),
            ("/%+1", Malformed),
            ("/.git/..", Malformed),
            ("//", NotFound),
            ("//a", NotFound),
            ("/a//b", NotFound),
            ("/a//", NotFound),
            ("/a:b", NotFound),
            ("/a%3ab", NotFound),
            ("/.git/config", NotFound),
            ("/a/.env", NotFound),
            ("/a/%2eenv", NotFound),
            ("/a/.well-known/b", NotFound),
            ("/...", NotFound),
        ] {
            assert_eq!(SafePath::parse(path, false), Err(error), "{path}");
        }
    }
}
