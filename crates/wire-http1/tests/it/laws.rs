//! The laws of a sans-IO decoder, with default limits and with limits so wide that only the work itself counts.

use wire_http1::Config;

use crate::client::Client;
use crate::server::Server;

fn wide() -> Config {
    let mut config = Config::default();
    config.max_target = 16 << 20;
    config.max_field_section = 16 << 20;
    config.max_fields = usize::MAX;
    config.max_chunk_line = usize::MAX;
    config.max_chunk_extensions = usize::MAX;
    config.max_trailer_section = 16 << 20;
    config.max_empty_lines = usize::MAX;
    config.max_reason = 16 << 20;
    config.max_interim = usize::MAX;
    config
}

/// Inputs of every kind: what a request can be, and what is wrong with the ones that are refused.
fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<Vec<u8>> = [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"\r\nGET /a?b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n\r\nHEAD http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhelloGET / HTTP/1.1\r\nHost:\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\\\"\"\r\nhello\r\n0\r\nX-A: b\r\nHost: c\r\n\r\n\
            GET / HTTP/1.1\r\nHost: [::1]:1\r\nX-Unknown-Name-Longer-Than-A-Window-Of-Bytes:\t\xff \t\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nPRI * HTTP/2.0\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n",
        b"PUT /%41 HTTP/1.1\r\nhost:a\r\nA:\tb\t\tc\t\r\nCookie: a=b; c=d\r\nIf-None-Match: \"x\"\r\nCONNECTION: close\r\n\r\n\r\n",
    ]
    .iter()
    .map(|input| input.to_vec())
    .collect();
    corpus.push(
        [
            &b"GET /"[..],
            &[b'a'; 40],
            b" HTTP/1.1\r\nHost: a\r\n",
            &[b'b'; 40],
            b": ",
            &[b'c'; 70],
            b"\r\n\r\n",
        ]
        .concat(),
    );
    // Short rules of the table are good seeds too; all of them are replayed at every split elsewhere.
    corpus.extend(
        conformance::http1::cases()
            .iter()
            .step_by(17)
            .map(conformance::http1::Case::bytes)
            .filter(|bytes| bytes.len() < 200),
    );
    corpus
}

/// What servers send, right and wrong.
fn responses() -> Vec<Vec<u8>> {
    let mut corpus: Vec<Vec<u8>> = [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204 \r\n\r\nHTTP/1.0 200 OK\r\n\r\nrest"[..],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\tHints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not \xff Found\r\n\
            Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nX-A: b\r\n\r\n\r\nHTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Unknown-Name-Longer-Than-A-Window:\t\xff \t\r\n\r\nabc",
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nnew protocol",
    ]
    .iter()
    .map(|input| input.to_vec())
    .collect();
    corpus.extend(
        conformance::http1c::cases()
            .iter()
            .step_by(17)
            .map(conformance::http1c::Case::bytes)
            .filter(|bytes| bytes.len() < 200),
    );
    corpus
}

const RESPONSE: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED_RESPONSE: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

const HEAD: &str = "GET / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// `before`, then `piece` up to about `size` bytes, then `behind`.
fn hostile(before: &str, piece: &str, behind: &str, size: usize) -> Vec<u8> {
    [before, &piece.repeat(size / piece.len()), behind].concat().into_bytes()
}

testkit::codec_laws! {
    defaults {
        subject: Server::new(Config::default()),
        quiet: Server::quiet(Config::default()),
        corpus: corpus(),
        hostile: [
            method: |n| hostile("", "A", "", n),
            target: |n| hostile("GET /", "a", "", n),
            spaces: |n| hostile(&format!("{HEAD}X:"), " ", "", n),
            tiny_fields: |n| hostile(HEAD, "a:\r\n", "", n),
            chunk_extensions: |n| hostile(CHUNKED, "1;a\r\nx\r\n", "", n),
            trailers: |n| hostile(&format!("{CHUNKED}0\r\n"), "a:\r\n", "", n),
            empty_lines: |n| hostile("", "\r\n", "", n),
            content: |n| hostile("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n", "x", "", n),
        ],
        size: 16 * 1024,
        memory: 8 * 1024,
    }
    unlimited {
        subject: Server::new(wide()),
        quiet: Server::quiet(wide()),
        corpus: corpus(),
        hostile: [
            target: |n| hostile("GET /", "a", " HTTP/1.1\r\nHost: a\r\n\r\n", n),
            percent: |n| hostile("GET /", "%41", " HTTP/1.1\r\nHost: a\r\n\r\n", n),
            spaces: |n| hostile(&format!("{HEAD}X:"), " ", "\r\n\r\n", n),
            trailing_spaces: |n| hostile(&format!("{HEAD}X:a"), " ", "\r\n\r\n", n),
            tabs: |n| hostile(&format!("{HEAD}X:"), "\t", "\r\n\r\n", n),
            huge_field: |n| hostile(&format!("{HEAD}X:"), "b", "\r\n\r\n", n),
            long_name: |n| hostile(HEAD, "b", "", n),
            tiny_fields: |n| hostile(HEAD, "a:\r\n", "\r\n", n),
            known_fields: |n| hostile(HEAD, "Accept: b\r\n", "\r\n", n),
            connection_options: |n| hostile(&format!("{HEAD}Connection: "), ",", "\r\n\r\n", n),
            tiny_chunks: |n| hostile(CHUNKED, "1\r\nx\r\n", "0\r\n\r\n", n),
            chunk_extensions: |n| hostile(CHUNKED, "1;a=\"b\"\r\nx\r\n", "0\r\n\r\n", n),
            long_extension: |n| hostile(&format!("{CHUNKED}1;"), "a", "\r\n", n),
            zeros: |n| hostile(CHUNKED, "0", "1\r\nx\r\n", n),
            trailers: |n| hostile(&format!("{CHUNKED}0\r\n"), "a:\r\n", "\r\n", n),
            dropped_trailers: |n| hostile(&format!("{CHUNKED}0\r\n"), "host:\r\n", "\r\n", n),
            empty_lines: |n| hostile("", "\r\n", HEAD, n),
            pipelined: |n| hostile("", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", n),
        ],
        // Small enough that growing the table of fields asks the system for no pages.
        size: 8 * 1024,
        memory: 12 << 20,
    }
    client {
        subject: Client::new(Config::default(), ["GET upgrade"]),
        quiet: Client::quiet(Config::default()),
        corpus: responses(),
        hostile: [
            reason: |n| hostile("HTTP/1.1 200 ", "a", "", n),
            tiny_fields: |n| hostile(RESPONSE, "a:\r\n", "", n),
            interim: |n| hostile("", "HTTP/1.1 100 \r\n\r\n", "", n),
            chunk_extensions: |n| hostile(CHUNKED_RESPONSE, "1;a\r\nx\r\n", "", n),
            trailers: |n| hostile(&format!("{CHUNKED_RESPONSE}0\r\n"), "a:\r\n", "", n),
            until_close: |n| hostile("HTTP/1.1 200 \r\n\r\n", "x", "", n),
            unsolicited: |n| hostile("", "HTTP/1.1 204 \r\n\r\n", "", n),
        ],
        size: 16 * 1024,
        memory: 8 * 1024,
    }
    client_unlimited {
        subject: Client::new(wide(), ["GET", "HEAD", "GET", "GET", "GET"]),
        quiet: Client::quiet(wide()),
        corpus: responses(),
        hostile: [
            reason: |n| hostile("HTTP/1.1 200 ", "a", "\r\n\r\n", n),
            reason_of_tabs: |n| hostile("HTTP/1.1 200 ", "\t", "\r\n\r\n", n),
            huge_field: |n| hostile(&format!("{RESPONSE}X:"), "b", "\r\n\r\n", n),
            tiny_fields: |n| hostile(RESPONSE, "a:\r\n", "\r\n", n),
            connection_options: |n| hostile(&format!("{RESPONSE}Connection: "), ",", "\r\n\r\n", n),
            interim: |n| hostile("", "HTTP/1.1 100 \r\n\r\n", "HTTP/1.1 204 \r\n\r\n", n),
            tiny_chunks: |n| hostile(CHUNKED_RESPONSE, "1\r\nx\r\n", "0\r\n\r\n", n),
            dropped_trailers: |n| hostile(&format!("{CHUNKED_RESPONSE}0\r\n"), "host:\r\n", "\r\n", n),
            empty_lines: |n| hostile("", "\r\n", RESPONSE, n),
        ],
        size: 8 * 1024,
        memory: 12 << 20,
    }
}
