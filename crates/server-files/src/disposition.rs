//! The field `Content-Disposition` (RFC 6266), with names beyond ASCII (RFC 8187).

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but `attr-char` (RFC 8187 section 3.2.1).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value for a disposition type and a file's name. Of a name with separators only what stands behind the last of them
/// is told; control characters become `_` (RFC 6266 section 4.3).
pub(crate) fn disposition(kind: &str, name: &str) -> HeaderValue {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let name: String = name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
    // What old clients read: they get `%` and escapes wrong (section 4.3).
    let plain: String = name
        .chars()
        .map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '%') { c } else { '_' })
        .collect();
    let mut value = format!("{kind}; filename=\"{plain}\"");
    if plain != name {
        value += "; filename*=UTF-8''";
        value.extend(utf8_percent_encode(&name, ENCODED));
    }
    HeaderValue::try_from(value).expect("visible ASCII and spaces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_old_and_new_clients_read_them() {
        for (name, value) in [
            ("report.pdf", r#"attachment; filename="report.pdf""#),
            ("two words.txt", r#"attachment; filename="two words.txt""#),
            ("naïve.txt", r#"attachment; filename="na_ve.txt"; filename*=UTF-8''na%C3%AFve.txt"#),
            ("€ rates", r#"attachment; filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates"#),
            ("a\"b.txt", r#"attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt"#),
            ("100%.txt", r#"attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt"#),
            ("../../etc/passwd", r#"attachment; filename="passwd""#),
            ("C:\\x\\y.txt", r#"attachment; filename="y.txt""#),
            ("a\r\nSet-Cookie: x", r#"attachment; filename="a__Set-Cookie: x""#),
            ("(a)*'b", r#"attachment; filename="(a)*'b""#),
        ] {
            assert_eq!(disposition("attachment", name), value, "{name}");
        }
    }
}
