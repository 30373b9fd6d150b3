//! Content types by the extension of a name.

use http::HeaderValue;

/// The content type of a file: of its extension, `application/octet-stream` where nobody knows it. Text is UTF-8.
pub(crate) fn content_type(name: &[u8]) -> HeaderValue {
    let extension = extension(name).unwrap_or_default();
    let guessed = mime_guess::from_ext(extension).first_raw().unwrap_or("application/octet-stream");
    // Those that make up a site need no allocation.
    HeaderValue::from_static(match guessed {
        "text/html" => "text/html; charset=utf-8",
        "text/css" => "text/css; charset=utf-8",
        "text/javascript" => "text/javascript; charset=utf-8",
        "text/plain" => "text/plain; charset=utf-8",
        text if text.starts_with("text/") => {
            return HeaderValue::try_from(format!("{text}; charset=utf-8")).expect("a media type");
        }
        other => other,
    })
}

/// What stands behind the last dot of a file's name.
pub(crate) fn extension(name: &[u8]) -> Option<&str> {
    let name = name.rsplit(|&byte| byte == b'/').next()?;
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    std::str::from_utf8(&name[dot + 1..]).ok()
}
