//! Status lines (RFC 9112 section 4) and the standard reason phrases (RFC 9110 section 15, and the registry).

use alloc::vec::Vec;

macro_rules! statuses {
    ($($code:literal $phrase:literal)+) => {
        /// The standard reason phrase of a status code, or `""`.
        #[must_use]
        pub fn reason_phrase(status: u16) -> &'static str {
            match status {
                $($code => $phrase,)+
                _ => "",
            }
        }

        /// The whole status line with the standard phrase.
        fn standard_line(status: u16) -> Option<&'static [u8]> {
            match status {
                $($code => Some(concat!("HTTP/1.1 ", $code, " ", $phrase, "\r\n").as_bytes()),)+
                _ => None,
            }
        }
    };
}

statuses! {
    100 "Continue"
    101 "Switching Protocols"
    102 "Processing"
    103 "Early Hints"
    104 "Upload Resumption Supported"
    200 "OK"
    201 "Created"
    202 "Accepted"
    203 "Non-Authoritative Information"
    204 "No Content"
    205 "Reset Content"
    206 "Partial Content"
    207 "Multi-Status"
    208 "Already Reported"
    226 "IM Used"
    300 "Multiple Choices"
    301 "Moved Permanently"
    302 "Found"
    303 "See Other"
    304 "Not Modified"
    305 "Use Proxy"
    307 "Temporary Redirect"
    308 "Permanent Redirect"
    400 "Bad Request"
    401 "Unauthorized"
    402 "Payment Required"
    403 "Forbidden"
    404 "Not Found"
    405 "Method Not Allowed"
    406 "Not Acceptable"
    407 "Proxy Authentication Required"
    408 "Request Timeout"
    409 "Conflict"
    410 "Gone"
    411 "Length Required"
    412 "Precondition Failed"
    413 "Content Too Large"
    414 "URI Too Long"
    415 "Unsupported Media Type"
    416 "Range Not Satisfiable"
    417 "Expectation Failed"
    421 "Misdirected Request"
    422 "Unprocessable Content"
    423 "Locked"
    424 "Failed Dependency"
    425 "Too Early"
    426 "Upgrade Required"
    428 "Precondition Required"
    429 "Too Many Requests"
    431 "Request Header Fields Too Large"
    451 "Unavailable For Legal Reasons"
    500 "Internal Server Error"
    501 "Not Implemented"
    502 "Bad Gateway"
    503 "Service Unavailable"
    504 "Gateway Timeout"
    505 "HTTP Version Not Supported"
    506 "Variant Also Negotiates"
    507 "Insufficient Storage"
    508 "Loop Detected"
    511 "Network Authentication Required"
}

/// Appends a status line. The version is the server's own, whatever the request's (RFC 9110 section 6.2); the space
/// behind the code stays where there is no phrase.
#[inline(always)] // once for each response
pub(crate) fn write_line(status: u16, reason: &str, out: &mut Vec<u8>) {
    if reason.is_empty() {
        if status == 200 {
            // What most responses are: a copy of known length, which is no call.
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
            return;
        }
        if let Some(line) = standard_line(status) {
            out.extend_from_slice(line);
            return;
        }
    }
    let mut code = itoa::Buffer::new();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(code.format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}
