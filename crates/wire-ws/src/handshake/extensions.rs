//! The grammar of `Sec-WebSocket-Extensions` (RFC 6455 section 9.1).

use alloc::borrow::Cow;
use alloc::string::String;

use super::list::{is_token_byte, split_token};

/// The extensions in one value of `Sec-WebSocket-Extensions`, in order.
///
/// ```
/// use wire_ws::handshake::Extensions;
///
/// let mut extensions = Extensions::new(b"foo, permessage-deflate; client_max_window_bits=\"10\"");
/// assert_eq!(extensions.next().transpose()?.map(|e| e.name), Some("foo"));
/// let deflate = extensions.next().transpose()?.expect("there are two");
/// let bits = deflate.params().next().expect("it has a parameter");
/// assert_eq!((bits.name, bits.value().as_deref()), ("client_max_window_bits", Some("10")));
/// # Ok::<(), wire_ws::handshake::InvalidExtensions>(())
/// ```
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    rest: &'a [u8],
}

/// One extension that is offered or agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its registered name, such as `permessage-deflate`.
    pub name: &'a str,
    /// What follows the name, checked: `*( ";" param )`.
    params: &'a [u8],
}

/// A parameter of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its name.
    pub name: &'a str,
    /// The token, or what stands between the quotes.
    raw: Option<&'a str>,
}

/// A value of `Sec-WebSocket-Extensions` breaks the grammar, which fails the handshake (section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed Sec-WebSocket-Extensions")]
pub struct InvalidExtensions;

impl<'a> Extensions<'a> {
    /// The extensions in one field value.
    #[must_use]
    pub fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, InvalidExtensions>;

    fn next(&mut self) -> Option<Self::Item> {
        // Empty elements of the list do not count.
        while let [b' ' | b'\t' | b',', rest @ ..] = self.rest {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        let extension = split_extension(self.rest);
        // Nothing can be said about what follows an error.
        self.rest = extension.map_or(&[], |(_, rest)| rest);
        Some(extension.map(|(extension, _)| extension).ok_or(InvalidExtensions))
    }
}

impl<'a> Extension<'a> {
    /// Its parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let mut rest = self.params;
        core::iter::from_fn(move || {
            let (param, next) = split_param(rest)?;
            rest = next;
            Some(param)
        })
    }
}

impl<'a> Param<'a> {
    /// Its value; `None`: it has none. A quoted value comes without quotes and escapes, and is a token too.
    #[must_use]
    pub fn value(&self) -> Option<Cow<'a, str>> {
        let raw = self.raw?;
        if !raw.contains('\\') {
            return Some(Cow::Borrowed(raw));
        }
        // No token has a backslash, so each one left is an escape.
        Some(Cow::Owned(raw.chars().filter(|&c| c != '\\').collect::<String>()))
    }
}

/// `token *( OWS ";" OWS param ) OWS`, then a comma or the end.
fn split_extension(value: &[u8]) -> Option<(Extension<'_>, &[u8])> {
    let (name, params) = split_token(value);
    if name.is_empty() {
        return None;
    }
    let mut rest = params;
    while let Some((_, next)) = split_param(rest) {
        rest = next;
    }
    let params = &params[..params.len() - rest.len()];
    match skip_space(rest) {
        [] => Some((Extension { name, params }, &[])),
        [b',', rest @ ..] => Some((Extension { name, params }, rest)),
        _ => None,
    }
}

/// `OWS ";" OWS token [ OWS "=" OWS ( token / quoted-string ) ]`: the white space is RFC 2616's "implied *LWS".
fn split_param(value: &[u8]) -> Option<(Param<'_>, &[u8])> {
    let [b';', rest @ ..] = skip_space(value) else { return None };
    let (name, rest) = split_token(skip_space(rest));
    if name.is_empty() {
        return None;
    }
    let [b'=', value @ ..] = skip_space(rest) else { return Some((Param { name, raw: None }, rest)) };
    let (raw, rest) = match skip_space(value) {
        [b'"', quoted @ ..] => split_quoted(quoted)?,
        value => split_token(value),
    };
    if raw.is_empty() { None } else { Some((Param { name, raw: Some(raw) }, rest)) }
}

/// The rest of a quoted string behind its first quote, which must be a token once its escapes are undone.
fn split_quoted(value: &[u8]) -> Option<(&str, &[u8])> {
    let mut at = 0;
    loop {
        match value.get(at..)? {
            [b'"', rest @ ..] => return Some((core::str::from_utf8(&value[..at]).ok()?, rest)),
            [b'\\', escaped, ..] if is_token_byte(*escaped) => at += 2,
            [byte, ..] if is_token_byte(*byte) => at += 1,
            _ => return None,
        }
    }
}

fn skip_space(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::{Extensions, InvalidExtensions};

    /// `name;param=value;param|name`, normalised.
    fn parse(value: &str) -> Result<String, InvalidExtensions> {
        let extensions = Extensions::new(value.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let mut out = Vec::new();
        for extension in extensions {
            let mut text = extension.name.to_string();
            for param in extension.params() {
                text += ";";
                text += param.name;
                if let Some(value) = param.value() {
                    text += "=";
                    text += &value;
                }
            }
            out.push(text);
        }
        Ok(out.join("|"))
    }

    #[test]
    fn the_examples_of_section_9_1() {
        assert_eq!(parse("deflate-stream").as_deref(), Ok("deflate-stream"));
        assert_eq!(
            parse("mux; max-channels=4; flow-control,  deflate-stream").as_deref(),
            Ok("mux;max-channels=4;flow-control|deflate-stream")
        );
        assert_eq!(parse("foo, bar; baz=2").as_deref(), Ok("foo|bar;baz=2"));
    }

    #[test]
    fn white_space_empty_elements_and_quotes() {
        assert_eq!(parse("").as_deref(), Ok(""));
        assert_eq!(parse(" , ,\t").as_deref(), Ok(""));
        assert_eq!(parse(",a ,, b ; c = d ;e,").as_deref(), Ok("a|b;c=d;e"));
        assert_eq!(parse("a;b=\"10\"").as_deref(), Ok("a;b=10"));
        assert_eq!(parse("a;b=\"1\\0\" , c").as_deref(), Ok("a;b=10|c"));
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for value in [
            ";",
            "a;",
            "a;;b",
            "a;=b",
            "a;b=",
            "a;b=\"\"",
            "a;b=\"c",
            "a;b=\"c d\"",
            "a;b=\"c,d\"",
            "a b",
            "a;b c",
            "a=b",
            "a;b=\"\\\"\"",
            "\"a\"",
            "a;b=\"c\"d",
            "a/b",
            "a, b c",
            "\u{e4}",
            "a;b=\"\\",
        ] {
            assert_eq!(parse(value), Err(InvalidExtensions), "{value}");
        }
    }
}
