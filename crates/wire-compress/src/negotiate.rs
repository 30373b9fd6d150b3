//! Proactive negotiation of a content coding (RFC 9110 sections 12.4.2 and 12.5.3).

use crate::Coding;
use crate::coding::{is_token, members, trim};

/// What a client accepts, matched with what a server offers. It is made from the request alone, so before the handler
/// runs; whether the response is worth it is [`decide`](crate::decide)'s question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The coding to apply; `None`: send the representation as it is.
    pub coding: Option<Coding>,
    /// Whether the representation as it is would do. Not, where the client says `identity;q=0`, or `*;q=0` without an
    /// entry for `identity`.
    pub identity: bool,
}

impl Choice {
    /// No coding: what a request without Accept-Encoding gets.
    pub const IDENTITY: Self = Self { coding: None, identity: true };
}

/// The client excludes every coding that is offered, and identity too.
///
/// A server should answer 406, or may send the representation as it is in spite of the request: [`Choice::IDENTITY`]
/// (RFC 9110 section 15.5.7 leaves it to the server).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("no content coding that the client accepts is offered, and identity is excluded")]
pub struct NotAcceptable;

impl NotAcceptable {
    /// 406 (Not Acceptable).
    #[must_use]
    pub const fn status(self) -> u16 {
        406
    }
}

/// Chooses a coding: the values of the request's Accept-Encoding, one for each line, and what the server offers, the
/// best first.
///
/// The highest weight wins. Among equal weights the server's order decides, and any coding that is offered comes
/// before identity, which is acceptable by default, with less than any weight, unless it is listed or excluded. An
/// entry by name stands before `*`, which stands for all codings without an entry, identity included.
///
/// Where RFC 9110 leaves the choice:
///
/// - No Accept-Encoding at all: every coding would be acceptable. None is applied, since clients that say nothing
///   are those that cannot decode.
/// - A coding that is listed twice, `gzip` and `x-gzip` too: the least weight counts.
/// - A weight that is malformed (four digits, more than 1, another parameter): its coding is not acceptable, so that `*`
///   does not bring it back. For `identity` and `*`, and where the name is no token: the member is passed over.
///
/// # Errors
///
/// [`NotAcceptable`].
///
/// ```
/// use wire_compress::{Coding, negotiate};
///
/// let choice = negotiate([&b"gzip;q=0.8, br, *;q=0.1"[..]], &Coding::PREFERENCE).expect("an acceptable coding");
/// assert_eq!(choice.coding, Some(Coding::Brotli));
/// ```
pub fn negotiate<'a>(
    accept_encoding: impl IntoIterator<Item = &'a [u8]>,
    offered: &[Coding],
) -> Result<Choice, NotAcceptable> {
    let mut accepted = Accepted::default();
    for value in accept_encoding {
        accepted.present = true;
        members(value).for_each(|member| accepted.add(member));
    }
    if !accepted.present {
        return Ok(Choice::IDENTITY);
    }
    let identity = accepted.identity.or(accepted.any);
    let mut best = None;
    for &coding in offered {
        let weight = accepted.codings[coding as usize].or(accepted.any).unwrap_or(0);
        if weight > best.map_or(0, |(_, best)| best) {
            best = Some((coding, weight));
        }
    }
    let coding = best.filter(|&(_, weight)| weight >= identity.unwrap_or(0)).map(|(coding, _)| coding);
    let identity = identity != Some(0);
    if coding.is_none() && !identity { Err(NotAcceptable) } else { Ok(Choice { coding, identity }) }
}

/// The weights of what was listed, in thousandths.
#[derive(Default)]
struct Accepted {
    present: bool,
    /// By [`Coding`].
    codings: [Option<u16>; 4],
    identity: Option<u16>,
    any: Option<u16>,
}

impl Accepted {
    /// `codings [ weight ]`
    fn add(&mut self, member: &[u8]) {
        let (name, weight) = match member.iter().position(|&byte| byte == b';') {
            Some(at) => (trim(&member[..at]), weight(trim(&member[at + 1..]))),
            None => (member, Some(1000)),
        };
        if !is_token(name) {
            return;
        }
        let (entry, weight) = if let Some(coding) = Coding::from_token(name) {
            (&mut self.codings[coding as usize], weight.or(Some(0)))
        } else if name.eq_ignore_ascii_case(b"identity") {
            (&mut self.identity, weight)
        } else if name == b"*" {
            (&mut self.any, weight)
        } else {
            return;
        };
        if let Some(weight) = weight {
            *entry = Some(entry.map_or(weight, |before| before.min(weight)));
        }
    }
}

/// `"q=" qvalue` (section 12.4.2), in thousandths.
fn weight(text: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), fraction @ ..] = text else { return None };
    let digits = match fraction {
        [] => fraction,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0');
    for at in 0..3 {
        let digit = digits.get(at).copied().unwrap_or(b'0');
        weight = weight * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    (weight <= 1000).then_some(weight)
}
