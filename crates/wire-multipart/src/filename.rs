//! A base name that is safe to use in a file system (RFC 7578 section 4.2, RFC 2183 section 2.3).

use alloc::string::String;

/// Most bytes of a base name on common file systems.
const MAX: usize = 255;

/// The base name of a decoded file name, or `None` if nothing is left of it.
///
/// What was before the last `/` or `\` is dropped, bytes that are not UTF-8 become U+FFFD; controls, marks that turn the
/// direction of text, and `:*?"<>|` are dropped; white space at both ends, and dots at the end, are dropped; what is longer
/// than 255 bytes loses bytes before its extension; `.`, `..` and the device names of Windows are none.
pub(crate) fn base_name(filename: &[u8]) -> Option<String> {
    let base = filename.rsplit(|&byte| byte == b'/' || byte == b'\\').next().unwrap_or_default();
    // What is dropped cannot join the rest to something else that is dropped: the trimming comes last.
    let mut name = String::with_capacity(base.len());
    for chunk in base.utf8_chunks() {
        name.extend(chunk.valid().chars().filter(|&c| is_safe(c)));
        name.extend((!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER));
    }
    let name = trim_end(name.trim_start());
    if name.is_empty() || is_device(name) {
        return None;
    }
    Some(shorten(name))
}

fn trim_end(name: &str) -> &str {
    name.trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

fn is_safe(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns && !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Names that Windows gives to devices, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let numbered = |prefix: &str| {
        stem.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            && matches!(
                &stem[3..],
                "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
            )
    };
    ["con", "prn", "aux", "nul", "conin$", "conout$"].iter().any(|device| stem.eq_ignore_ascii_case(device))
        || numbered("com")
        || numbered("lpt")
}

/// At most [`MAX`] bytes: the end of the stem gives way, a short extension stays.
fn shorten(name: &str) -> String {
    if name.len() <= MAX {
        return name.into();
    }
    let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
    let extension = if extension.len() <= 16 { extension } else { "" };
    let stem = &name[..name.floor_char_boundary(MAX - extension.len())];
    let stem = if extension.is_empty() { trim_end(stem) } else { stem };
    let mut short = String::with_capacity(MAX);
    short.push_str(stem);
    short.push_str(extension);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_names() {
        let table: &[(&[u8], Option<&str>)] = &[
            (b"a.txt", Some("a.txt")),
            (b"", None),
            (b".", None),
            (b"..", None),
            (b"...", None),
            (b" . . ", None),
            (b"../../etc/passwd", Some("passwd")),
            (b"C:\\dir\\a.txt", Some("a.txt")),
            (b"C:a.txt", Some("Ca.txt")),
            (b"/", None),
            (b"a/", None),
            (b"a.txt:stream", Some("a.txtstream")),
            (b".htaccess", Some(".htaccess")),
            (b" .htaccess ", Some(".htaccess")),
            (b"a\0b\r\nc", Some("abc")),
            (b".\0.", None),
            (b"a\xff.txt", Some("a\u{fffd}.txt")),
            ("gpj.\u{202e}exe".as_bytes(), Some("gpj.exe")),
            ("\u{1f600}\u{e4}.txt".as_bytes(), Some("\u{1f600}\u{e4}.txt")),
            (b"NUL", None),
            (b"nul.txt", None),
            (b"COM1", None),
            (b"com", Some("com")),
            (b"com10", Some("com10")),
            ("LPT\u{b2}.x".as_bytes(), None),
            (b"a. . .", Some("a")),
            (b"console.log", Some("console.log")),
        ];
        for (name, wanted) in table {
            assert_eq!(base_name(name).as_deref(), *wanted, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let long = base_name(&[&[b'a'; 300][..], b".tar"].concat()).expect("a name");
        assert_eq!((long.len(), long.ends_with("a.tar")), (255, true));
        let umlauts = base_name("ä".repeat(200).as_bytes()).expect("a name");
        assert_eq!(umlauts.len(), 254);
        let dots = base_name(&[b"a".as_slice(), &[b'.'; 300], b"b"].concat()).expect("a name");
        assert_eq!(dots.len(), 255);
        // What is cut off may leave what is not wanted at the end.
        for end in [&b". .bbbbbbbbbbbbbbbbbbbb"[..], " \u{2003}.bbbbbbbbbbbbbbbbbbbb".as_bytes()] {
            let cut = base_name(&[&[b'a'; 252], end].concat()).expect("a name");
            assert_eq!(cut, "a".repeat(252));
        }
    }
}
