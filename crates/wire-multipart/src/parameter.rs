//! Parameters of a field value (RFC 9110 section 5.6.6): `*( OWS ";" OWS [ name "=" ( token / quoted-string ) ] )`.

use core::ops::Range;

use crate::class::{self, TOKEN};

/// What a backslash means within quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backslash {
    /// Nothing: it is a character like others (WHATWG, form-data).
    Literal,
    /// Before a quote it takes its meaning, elsewhere it is a character like others (old clients, form-data).
    BeforeQuote,
    /// It takes the meaning of whatever follows (RFC 9110 section 5.6.4).
    Pair,
}

/// One parameter, as ranges of the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: Range<usize>,
    /// Without its quotes, not unescaped.
    pub(crate) value: Range<usize>,
}

/// The parameters in `value` from `at` on, in order; an error is the offset of the byte that is wrong, and the last item.
#[derive(Clone, Debug)]
pub(crate) struct Parameters<'a> {
    pub(crate) value: &'a [u8],
    pub(crate) at: usize,
    pub(crate) backslash: Backslash,
}

impl Iterator for Parameters<'_> {
    type Item = Result<Parameter, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut separated = false;
        loop {
            self.at += self.rest().len() - class::trim_start(self.rest()).len();
            match self.rest() {
                [] => return None,
                [b';', ..] => {
                    separated = true;
                    self.at += 1;
                }
                _ if separated => break,
                _ => return self.fail(0),
            }
        }
        let name = self.at..self.at + class::skip(self.rest(), TOKEN);
        if name.is_empty() || self.value.get(name.end) != Some(&b'=') {
            return self.fail(name.len());
        }
        self.at = name.end + 1;
        let value = match self.rest() {
            [b'"', ..] => {
                self.at += 1;
                let Some(len) = quoted(self.rest(), self.backslash) else {
                    return self.fail(self.rest().len());
                };
                let value = self.at..self.at + len;
                self.at = value.end + 1;
                value
            }
            rest => {
                let len = class::skip(rest, TOKEN);
                if len == 0 {
                    return self.fail(0);
                }
                self.at += len;
                self.at - len..self.at
            }
        };
        Some(Ok(Parameter { name, value }))
    }
}

impl Parameters<'_> {
    fn rest(&self) -> &[u8] {
        &self.value[self.at..]
    }

    fn fail(&mut self, behind: usize) -> Option<Result<Parameter, usize>> {
        let at = self.at + behind;
        self.at = self.value.len();
        Some(Err(at))
    }
}

/// Length of the quoted string whose opening quote is behind us, up to its closing quote.
fn quoted(rest: &[u8], backslash: Backslash) -> Option<usize> {
    let mut at = 0;
    loop {
        match rest.get(at..)? {
            [] => return None,
            [b'"', ..] => return Some(at),
            [b'\\', b'"', ..] if backslash == Backslash::BeforeQuote => at += 2,
            [b'\\', ..] if backslash == Backslash::Pair => at += 2,
            _ => at += 1,
        }
    }
}
