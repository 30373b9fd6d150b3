//! Whether a response is encoded, and what that does to its head (RFC 9110 sections 8.4, 8.8.1 and 12.5.5).

use alloc::vec::Vec;

use crate::coding::members;
use crate::{Choice, Coding, FlushPolicy, media};

/// What of a response decides about its coding.
///
/// HEAD gets the decision of GET, and so its fields: describe the response as it would be to GET, and send no content.
#[derive(Clone, Debug)]
pub struct ResponseHead<F> {
    /// The status code.
    pub status: u16,
    /// The length of the content in bytes, where it is known.
    pub len: Option<u64>,
    /// The content holds a secret beside what the requester may influence, so that the length of its compressed form
    /// would tell (BREACH): never compress it.
    pub secret: bool,
    /// All field lines: name in any case, value.
    pub fields: F,
}

/// What becomes of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    /// The coding to apply: the content goes through an `Encoder`, Content-Encoding is set to
    /// [`Coding::token`], and the fields of [`REMOVED_FIELDS`] go.
    pub coding: Option<Coding>,
    /// Vary must list Accept-Encoding, and does not (RFC 9110 section 12.5.5): another request would have, or could
    /// have, another result.
    pub vary: bool,
    /// ETag must become weak: see [`weak_etag`].
    pub weaken_etag: bool,
    /// When what was encoded must be on the wire: after each piece where the content is `text/event-stream`.
    pub flush: FlushPolicy,
}

impl Decision {
    const UNTOUCHED: Self =
        Self { coding: None, vary: false, weaken_etag: false, flush: FlushPolicy::WhenIdle };
}

/// Fields that speak of the content before it is encoded, and so go where a coding is applied: its length, ranges of
/// it, its digests (RFC 9530, and those before it).
pub const REMOVED_FIELDS: [&str; 6] =
    ["content-length", "accept-ranges", "content-md5", "digest", "content-digest", "repr-digest"];

/// Decides from what was negotiated and from the response's head.
///
/// Nothing is touched where the response says so, or where its bytes are not a whole representation: 1xx, 204 and 205,
/// `no-transform`, an existing Content-Encoding, media types that are compressed already, [`ResponseHead::secret`].
/// 206 and every response with Content-Range are passed on; 304 gets the Vary and the ETag that 200 would have.
///
/// Content below `min_size` bytes (1 KiB is sound: a packet is not made shorter by less), or that the client wants
/// as it is, is not encoded either, but Vary says that it might have been. A client that excludes identity gets content
/// of any size and type encoded.
///
/// ```
/// use wire_compress::{Choice, Coding, FlushPolicy, ResponseHead, decide};
///
/// let fields = [(&b"Content-Type"[..], &b"text/html"[..]), (b"ETag", b"\"1\"")];
/// let head = ResponseHead { status: 200, len: Some(20_000), secret: false, fields };
/// let decision = decide(Choice { coding: Some(Coding::Gzip), identity: true }, head, 1024);
/// assert_eq!(decision.coding, Some(Coding::Gzip));
/// assert!(decision.vary && decision.weaken_etag);
/// ```
pub fn decide<'a>(
    choice: Choice,
    head: ResponseHead<impl IntoIterator<Item = (&'a [u8], &'a [u8])>>,
    min_size: u64,
) -> Decision {
    if head.secret || matches!(head.status, ..200 | 204 | 205) {
        return Decision::UNTOUCHED;
    }
    let facts = Facts::read(head.fields);
    if facts.encoded || facts.no_transform || (!facts.compressible && choice.identity) {
        return Decision::UNTOUCHED;
    }
    let mut decision = Decision { vary: !facts.varies, ..Decision::UNTOUCHED };
    if head.status == 206 || facts.partial {
        return decision;
    }
    if head.status == 304 {
        // A cache compares with what 200 said (RFC 9111 section 4.3.4); a weak tag fits either.
        decision.weaken_etag = choice.coding.is_some() && facts.strong_etag;
        return decision;
    }
    let worth_it =
        head.len.is_none_or(|len| len >= min_size.max(1)) || (!choice.identity && head.len != Some(0));
    if let Some(coding) = choice.coding.filter(|_| worth_it) {
        decision.coding = Some(coding);
        decision.weaken_etag = facts.strong_etag;
        if facts.events {
            decision.flush = FlushPolicy::EachFrame;
        }
    }
    decision
}

/// What the fields say.
#[derive(Default)]
struct Facts {
    /// There is a Content-Encoding.
    encoded: bool,
    no_transform: bool,
    partial: bool,
    compressible: bool,
    events: bool,
    strong_etag: bool,
    /// Vary lists Accept-Encoding or `*`.
    varies: bool,
}

impl Facts {
    fn read<'a>(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut facts = Self { compressible: true, ..Self::default() };
        for (name, value) in fields {
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            // By length first: most fields are none of these.
            match name.len() {
                4 if is("etag") => facts.strong_etag = !value.starts_with(b"W/"),
                4 if is("vary") => facts.varies |= lists(value, "accept-encoding") || lists(value, "*"),
                12 if is("content-type") => {
                    facts.compressible &= media::is_compressible(value);
                    facts.events |= media::is_event_stream(value);
                }
                13 if is("cache-control") => facts.no_transform |= lists(value, "no-transform"),
                13 if is("content-range") => facts.partial = true,
                16 if is("content-encoding") => facts.encoded = true,
                _ => {}
            }
        }
        facts
    }
}

/// Whether a comma-separated list has this member, in any case.
fn lists(value: &[u8], wanted: &str) -> bool {
    members(value).any(|member| member.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// A strong entity tag as a weak one; `None`: it is weak already.
///
/// The encoded form is another sequence of bytes than the one the tag was made for, and the same only in meaning (RFC
/// 9110 section 8.8.1). The tag stays recognisable, so that If-None-Match still finds it by weak comparison.
///
/// ```
/// assert_eq!(wire_compress::weak_etag(b"\"1\"").as_deref(), Some(&b"W/\"1\""[..]));
/// assert_eq!(wire_compress::weak_etag(b"W/\"1\""), None);
/// ```
#[must_use]
pub fn weak_etag(etag: &[u8]) -> Option<Vec<u8>> {
    (!etag.starts_with(b"W/")).then(|| [b"W/", etag].concat())
}
