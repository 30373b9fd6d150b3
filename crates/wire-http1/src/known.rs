//! The table of known field names: one hash and one compare turn a name into an index.
//!
//! The index goes into the field's table entry, so that neither framing nor a server hashes a name again. A known name is
//! a token by construction, so that only unknown names need validation.
//!
//! Invariants, held by the compiler: every name is shorter than [`WINDOW`], is in lower case, and has a slot of the
//! hash table for itself.

use crate::search::BLOCK;

/// Room for a name and its colon: compared whole, as two vectors.
pub(crate) const WINDOW: usize = BLOCK;

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(, $trailer:ident)?;)+) => {
        /// A field name that the codec knows.
        ///
        /// Mostly names of requests, and the ones of responses that the codec or a server looks at. The names before
        /// `Accept` decide about framing, the connection or the target.
        #[non_exhaustive]
        #[repr(u8)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Known {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        const NAMES: &[&str] = &[$($name),+];
        const VARIANTS: &[Known] = &[$(Known::$variant),+];
        const FORBIDDEN_TRAILERS: &[bool] = &[$(known!(@trailer $($trailer)?)),+];
    };
    (@trailer) => { true };
    (@trailer trailer) => { false };
}

// `trailer`: may stand in a trailer section (RFC 9110 section 6.5.1). A known field may not unless it is marked:
// known fields are about framing, routing, authentication, request modifiers, content format or the connection.
known! {
    Host = "host";
    ContentLength = "content-length";
    TransferEncoding = "transfer-encoding";
    Connection = "connection";
    Upgrade = "upgrade";
    Expect = "expect";
    ContentType = "content-type";
    Te = "te";

    Accept = "accept";
    AcceptCharset = "accept-charset";
    AcceptEncoding = "accept-encoding";
    AcceptLanguage = "accept-language";
    AcceptRanges = "accept-ranges";
    AccessControlRequestHeaders = "access-control-request-headers";
    AccessControlRequestMethod = "access-control-request-method";
    Age = "age";
    Allow = "allow";
    AltUsed = "alt-used";
    Authorization = "authorization";
    CacheControl = "cache-control";
    CdnLoop = "cdn-loop";
    ContentDigest = "content-digest", trailer;
    ContentDisposition = "content-disposition";
    ContentEncoding = "content-encoding";
    ContentLanguage = "content-language";
    ContentLocation = "content-location";
    ContentMd5 = "content-md5", trailer;
    ContentRange = "content-range";
    Cookie = "cookie";
    Date = "date";
    DeviceMemory = "device-memory";
    Digest = "digest", trailer;
    Dnt = "dnt";
    Downlink = "downlink";
    EarlyData = "early-data";
    Ect = "ect";
    Etag = "etag", trailer;
    Expires = "expires";
    Forwarded = "forwarded";
    From = "from";
    Http2Settings = "http2-settings";
    IfMatch = "if-match";
    IfModifiedSince = "if-modified-since";
    IfNoneMatch = "if-none-match";
    IfRange = "if-range";
    IfUnmodifiedSince = "if-unmodified-since";
    KeepAlive = "keep-alive";
    LastModified = "last-modified";
    Location = "location";
    MaxForwards = "max-forwards";
    Origin = "origin";
    Pragma = "pragma";
    Prefer = "prefer";
    Priority = "priority";
    ProxyAuthenticate = "proxy-authenticate";
    ProxyAuthorization = "proxy-authorization";
    ProxyConnection = "proxy-connection";
    Range = "range";
    Referer = "referer";
    ReprDigest = "repr-digest", trailer;
    RetryAfter = "retry-after";
    Rtt = "rtt";
    SaveData = "save-data";
    SecChUa = "sec-ch-ua";
    SecChUaArch = "sec-ch-ua-arch";
    SecChUaFullVersionList = "sec-ch-ua-full-version-list";
    SecChUaMobile = "sec-ch-ua-mobile";
    SecChUaModel = "sec-ch-ua-model";
    SecChUaPlatform = "sec-ch-ua-platform";
    SecChUaPlatformVersion = "sec-ch-ua-platform-version";
    SecFetchDest = "sec-fetch-dest";
    SecFetchMode = "sec-fetch-mode";
    SecFetchSite = "sec-fetch-site";
    SecFetchUser = "sec-fetch-user";
    SecGpc = "sec-gpc";
    SecPurpose = "sec-purpose";
    SecWebsocketAccept = "sec-websocket-accept";
    SecWebsocketExtensions = "sec-websocket-extensions";
    SecWebsocketKey = "sec-websocket-key";
    SecWebsocketProtocol = "sec-websocket-protocol";
    SecWebsocketVersion = "sec-websocket-version";
    Server = "server";
    ServerTiming = "server-timing", trailer;
    SetCookie = "set-cookie";
    Traceparent = "traceparent";
    Tracestate = "tracestate";
    Trailer = "trailer";
    UpgradeInsecureRequests = "upgrade-insecure-requests";
    UserAgent = "user-agent";
    Vary = "vary";
    Via = "via";
    Warning = "warning";
    WwwAuthenticate = "www-authenticate";
    XForwardedFor = "x-forwarded-for";
    XForwardedHost = "x-forwarded-host";
    XForwardedPort = "x-forwarded-port";
    XForwardedProto = "x-forwarded-proto";
    XRealIp = "x-real-ip";
    XRequestId = "x-request-id";
    XRequestedWith = "x-requested-with";
}

impl Known {
    /// The name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        NAMES[self as usize]
    }

    /// The known field of this name, in any case.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let mut window = [0; WINDOW];
        window.get_mut(..name.len())?.copy_from_slice(name);
        *window.get_mut(name.len())? = b':';
        Self::from_window(&window, name.len())
    }

    /// The known field of a name of `len` bytes, by the `window` of bytes that begins with it and its colon.
    #[inline(always)]
    pub(crate) fn from_window(window: &[u8; WINDOW], len: usize) -> Option<Self> {
        const MASK: usize = WINDOW - 1;
        let last = len.wrapping_sub(1) & MASK;
        let known = SLOTS[hash(window[0], window[(len * 3 / 4) & MASK], window[last], len)]?;
        let pattern = &PATTERNS[known as usize];
        let mut difference = 0;
        for ((word, name), keep) in window.as_chunks().0.iter().zip(&pattern.name).zip(&pattern.keep) {
            difference |= (u64::from_le_bytes(*word) ^ name) & keep;
        }
        (difference == 0).then_some(known)
    }

    /// Whether RFC 9110 section 6.5.1 keeps this field out of trailer sections.
    #[must_use]
    pub fn is_forbidden_trailer(self) -> bool {
        FORBIDDEN_TRAILERS[self as usize]
    }

    /// Whether framing, the connection or the target depend on this field.
    #[inline]
    pub(crate) fn decides_framing(self) -> bool {
        self < Self::Accept
    }
}

/// A name with its colon, and which bits of each byte count: all but the case of letters, and none behind the colon.
/// With the colon a match of the bytes is a match of the length.
struct Pattern {
    name: [u64; WINDOW / 8],
    keep: [u64; WINDOW / 8],
}

static PATTERNS: [Pattern; NAMES.len()] = {
    let mut patterns = [const { Pattern { name: [0; _], keep: [0; _] } }; NAMES.len()];
    let mut i = 0;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        let mut at = 0;
        while at <= name.len() {
            let byte = if at < name.len() { name[at] } else { b':' };
            assert!(!byte.is_ascii_uppercase(), "a known name in lower case");
            let keep = if byte.is_ascii_lowercase() { 0xdf } else { 0xff };
            patterns[i].name[at / 8] |= (byte as u64) << (at % 8 * 8);
            patterns[i].keep[at / 8] |= keep << (at % 8 * 8);
            at += 1;
        }
        i += 1;
    }
    patterns
};

const SLOT_BITS: u32 = 9;

/// Found by trying odd numbers until no two names met; [`SLOTS`] does not compile with a bad one.
const MULTIPLIER: u32 = 0x4FDE_F00F;

/// Perfect over the known names, in any case: bit 5, the case of a letter, is left out.
#[inline]
const fn hash(first: u8, later: u8, last: u8, len: usize) -> usize {
    let key = u32::from_le_bytes([first | 0x20, later | 0x20, last | 0x20, len as u8]);
    (key.wrapping_mul(MULTIPLIER) >> (u32::BITS - SLOT_BITS)) as usize
}

/// The name in each slot.
static SLOTS: [Option<Known>; 1 << SLOT_BITS] = {
    let mut slots = [None; 1 << SLOT_BITS];
    let mut i = 0;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        let slot = hash(name[0], name[name.len() * 3 / 4], name[name.len() - 1], name.len());
        assert!(slots[slot].is_none(), "two known names in one slot: choose another multiplier");
        slots[slot] = Some(VARIANTS[i]);
        i += 1;
    }
    slots
};

/// Whether a field of this name, known or not, must stay out of a trailer section (RFC 9110 section 6.5.1).
pub(crate) fn is_forbidden_trailer(name: &[u8]) -> bool {
    Known::from_name(name).is_some_and(Known::is_forbidden_trailer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_nothing_near_it() {
        for (&name, &known) in NAMES.iter().zip(VARIANTS) {
            assert_eq!(known.as_str(), name);
            assert_eq!(Known::from_name(name.as_bytes()), Some(known));
            assert_eq!(Known::from_name(name.to_ascii_uppercase().as_bytes()), Some(known));
            for i in 0..name.len() {
                for bit in 0..8 {
                    let mut near = name.as_bytes().to_vec();
                    near[i] ^= 1 << bit;
                    let same = near.eq_ignore_ascii_case(name.as_bytes());
                    assert_eq!(Known::from_name(&near) == Some(known), same, "{near:?}");
                }
            }
            assert_ne!(Known::from_name(&name.as_bytes()[1..]), Some(known));
            assert_ne!(Known::from_name(&name.as_bytes()[..name.len() - 1]), Some(known));
        }
    }

    #[test]
    fn odd_lengths_are_not_known() {
        for len in [0, 31, 32, 33, 1000] {
            assert_eq!(Known::from_name(&alloc::vec![b'a'; len]), None);
        }
    }

    #[test]
    fn framing_fields_are_the_first() {
        assert!(Known::Te.decides_framing());
        assert!(!Known::Accept.decides_framing());
        assert!(Known::ContentLength.is_forbidden_trailer());
        assert!(!Known::Etag.is_forbidden_trailer());
    }
}
