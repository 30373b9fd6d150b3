//! Which media types are worth compressing.

use crate::coding::trim;

/// Whether content of this type (the value of Content-Type) may become smaller.
///
/// Everything may, but what is compressed by its own format: images except SVG, audio, video, fonts, archives; and
/// gRPC, which has its own compression. What is not known is tried.
pub(crate) fn is_compressible(content_type: &[u8]) -> bool {
    let essence = essence(content_type);
    let Some(slash) = essence.iter().position(|&byte| byte == b'/') else { return true };
    let (top, sub) = (&essence[..slash], &essence[slash + 1..]);
    let top_is = |name: &str| top.eq_ignore_ascii_case(name.as_bytes());
    if top_is("image") {
        return sub.eq_ignore_ascii_case(b"svg+xml");
    }
    if top_is("audio") || top_is("video") || top_is("font") {
        return false;
    }
    if !top_is("application") {
        return true;
    }
    let starts = |prefix: &str| {
        sub.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let ends = |suffix: &str| {
        sub.len() > suffix.len() && sub[sub.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
    };
    let compressed = COMPRESSED.iter().any(|name| sub.eq_ignore_ascii_case(name.as_bytes()));
    !(compressed || COMPRESSED_PREFIXES.iter().any(|prefix| starts(prefix)) || ends("+zip") || ends("+gzip"))
}

/// Whether it is a stream of events, each of which a client waits for.
pub(crate) fn is_event_stream(content_type: &[u8]) -> bool {
    essence(content_type).eq_ignore_ascii_case(b"text/event-stream")
}

/// Without parameters.
fn essence(content_type: &[u8]) -> &[u8] {
    trim(content_type.split(|&byte| byte == b';').next().unwrap_or_default())
}

/// Of `application/`.
const COMPRESSED: &[&str] = &[
    "epub+zip",
    "gzip",
    "java-archive",
    "ogg",
    "vnd.android.package-archive",
    "vnd.debian.binary-package",
    "vnd.ms-cab-compressed",
    "vnd.ms-fontobject",
    "vnd.rar",
    "x-7z-compressed",
    "x-brotli",
    "x-bzip",
    "x-bzip2",
    "x-compress",
    "x-compressed",
    "x-debian-package",
    "x-gtar-compressed",
    "x-gzip",
    "x-java-archive",
    "x-lzip",
    "x-lzma",
    "x-rar",
    "x-rar-compressed",
    "x-rpm",
    "x-xz",
    "x-zip-compressed",
    "x-zstd",
    "zip",
    "zlib",
    "zstd",
];

/// The same, whatever follows. Office documents are archives.
const COMPRESSED_PREFIXES: &[&str] =
    &["font-", "grpc", "vnd.oasis.opendocument", "vnd.openxmlformats-officedocument", "x-font-"];

#[cfg(test)]
mod tests {
    use super::{is_compressible, is_event_stream};

    #[test]
    fn types() {
        for yes in [
            "text/html; charset=utf-8",
            "image/svg+xml",
            "IMAGE/SVG+XML;q=1",
            "application/json",
            "application/wasm",
            "application/octet-stream",
            "application/problem+json",
            "multipart/form-data",
            "",
            "nonsense",
        ] {
            assert!(is_compressible(yes.as_bytes()), "{yes}");
        }
        for no in [
            "image/png",
            "Image/WebP",
            "audio/mpeg",
            "video/mp4 ; codecs=x",
            "font/woff2",
            "application/zip",
            "application/font-woff",
            "application/grpc",
            "application/grpc+proto",
            "application/grpc-web-text",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/x+zip",
        ] {
            assert!(!is_compressible(no.as_bytes()), "{no}");
        }
        assert!(is_event_stream(b" Text/Event-Stream ; charset=utf-8"));
        assert!(!is_event_stream(b"text/event-streams"));
    }
}
