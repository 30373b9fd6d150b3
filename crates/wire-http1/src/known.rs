//! The table of known field names: one hash and one compare turn a name into an index.
//!
//! The index goes into the field's table entry, so that neither framing nor a server hashes a name again. A known name is
//! a token by construction, so that only unknown names need validation.
//!
//! Invariants, held by the compiler: every name has at most [`WIDTH`] bytes, is in lower case, and has a slot of the
//! hash table for itself.

/// Room for a name, padded: compared whole, as two vectors.
const WIDTH: usize = 32;

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
        let mut padded = [0; WIDTH];
        padded.get_mut(..name.len())?.copy_from_slice(name);
        Self::matching(&padded, name.len())
    }

    /// [`from_name`](Self::from_name) of `bytes[start..end]`, reading behind `end` where there are bytes.
    #[inline]
    pub(crate) fn from_range(bytes: &[u8], start: usize, end: usize) -> Option<Self> {
        match bytes.get(start..).and_then(|tail| tail.first_chunk::<WIDTH>()) {
            Some(window) => Self::matching(window, end - start),
            None => Self::from_name(&bytes[start..end]),
        }
    }

    /// Compares the first `len` bytes of `window` with the one name that has their hash.
    #[inline]
    fn matching(window: &[u8; WIDTH], len: usize) -> Option<Self> {
        if len == 0 || len > WIDTH {
            return None;
        }
        let slot = hash(window[0], window[len.max(4) - 4], window[len - 1], len);
        let index = usize::from(SLOTS[slot]);
        let pattern = PATTERNS.get(index)?;
        let mut difference = 0;
        for ((byte, name), keep) in window.iter().zip(&pattern.name).zip(&pattern.keep) {
            difference |= (byte ^ name) & keep;
        }
        (difference == 0 && usize::from(pattern.len) == len).then(|| VARIANTS[index])
    }

    /// Whether RFC 9110 section 6.5.1 keeps this field out of trailer sections.
    pub(crate) fn is_forbidden_trailer(self) -> bool {
        FORBIDDEN_TRAILERS[self as usize]
    }

    /// Whether framing, the connection or the target depend on this field.
    #[inline]
    pub(crate) fn decides_framing(self) -> bool {
        self < Self::Accept
    }
}

/// A name, and which bits of each byte count: all but the case of letters, and none behind the name.
struct Pattern {
    name: [u8; WIDTH],
    keep: [u8; WIDTH],
    len: u8,
}

static PATTERNS: [Pattern; NAMES.len()] = {
    let mut patterns = [const { Pattern { name: [0; WIDTH], keep: [0; WIDTH], len: 0 } }; NAMES.len()];
    let mut i = 0;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        let mut at = 0;
        while at < name.len() {
            assert!(!name[at].is_ascii_uppercase(), "a known name in lower case");
            patterns[i].name[at] = name[at];
            patterns[i].keep[at] = if name[at].is_ascii_lowercase() { 0xdf } else { 0xff };
            at += 1;
        }
        patterns[i].len = name.len() as u8;
        i += 1;
    }
    patterns
};

const SLOT_BITS: u32 = 9;

/// Found by trying odd numbers until no two names met; [`SLOTS`] does not compile with a bad one.
const MULTIPLIER: u32 = 0x1E7A_DBDB;

/// Perfect over the known names, in any case: bit 5, the case of a letter, is left out.
#[inline]
const fn hash(first: u8, fourth_last: u8, last: u8, len: usize) -> usize {
    let key = u32::from_le_bytes([first | 0x20, fourth_last | 0x20, last | 0x20, len as u8]);
    (key.wrapping_mul(MULTIPLIER) >> (u32::BITS - SLOT_BITS)) as usize
}

/// Index of the name in each slot, 255 for none.
static SLOTS: [u8; 1 << SLOT_BITS] = {
    assert!(NAMES.len() < 255);
    let mut slots = [255; 1 << SLOT_BITS];
    let mut i = 0;
    while i < NAMES.len() {
        let name = NAMES[i].as_bytes();
        let slot = hash(
            name[0],
            name[if name.len() < 4 { 0 } else { name.len() - 4 }],
            name[name.len() - 1],
            name.len(),
        );
        assert!(slots[slot] == 255, "two known names in one slot: choose another multiplier");
        slots[slot] = i as u8;
        i += 1;
    }
    slots
};

/// Whether a field of this name, known or not, must stay out of a trailer section (RFC 9110 section 6.5.1).
pub(crate) fn is_forbidden_trailer(name: &[u8]) -> bool {
    Known::from_name(name).is_some_and(Known::is_forbidden_trailer)
}
