//! Replays every committed input, seeds and crashes that were fixed, without a fuzzer.

use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

#[test]
fn every_committed_input() {
    let targets: &[(&str, Target)] = &[
        ("compress_negotiate", wire_fuzz::compress::compress_negotiate),
        ("compress_gzip", wire_fuzz::compress::compress_gzip),
        ("compress_deflate", wire_fuzz::compress::compress_deflate),
        ("compress_brotli", wire_fuzz::compress::compress_brotli),
        ("compress_zstd", wire_fuzz::compress::compress_zstd),
        ("compress_round_trip", wire_fuzz::compress::compress_round_trip),
        ("h2ws_handshake", wire_fuzz::h2ws::h2ws_handshake),
        ("h2ws_session", wire_fuzz::h2ws_session::h2ws_session),
        ("http1_head", wire_fuzz::http1::http1_head),
        ("http1_connection", wire_fuzz::http1::http1_connection),
        ("http1_round_trip", wire_fuzz::http1::http1_round_trip),
        ("http1_client", wire_fuzz::http1_client::http1_client),
        #[cfg(feature = "differential")]
        ("http1_hyper", wire_fuzz::http1_hyper::http1_hyper),
        ("multipart_parser", wire_fuzz::multipart::multipart_parser),
        ("multipart_round_trip", wire_fuzz::multipart::multipart_round_trip),
        #[cfg(feature = "differential")]
        ("multipart_multer", wire_fuzz::multipart_multer::multipart_multer),
        ("files_path", wire_fuzz::files::files_path),
        ("sse_decoder", wire_fuzz::sse::sse_decoder),
        ("ws_frames", wire_fuzz::ws::ws_frames),
        ("ws_message", wire_fuzz::ws::ws_message),
        ("ws_handshake", wire_fuzz::ws::ws_handshake),
        ("ws_round_trip", wire_fuzz::ws::ws_round_trip),
        ("ws_deflate", wire_fuzz::ws_deflate::ws_deflate),
        ("ws_connection", wire_fuzz::ws_connection::ws_connection),
        #[cfg(feature = "differential")]
        ("ws_differential", wire_fuzz::ws_differential::ws_differential),
    ];
    for (name, target) in targets {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs = 0;
        for entry in fs::read_dir(&corpus).unwrap_or_else(|e| panic!("{}: {e}", corpus.display())) {
            let path = entry.expect("a directory entry").path();
            target(&fs::read(&path).expect("a readable input"));
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has no seeds");
    }
}
