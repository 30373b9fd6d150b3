//! What wire-compress adds to its backends, as ratios in one run, and what recycling saves: `cargo xtask bench compress`.
//!
//! The backends are called directly with the same settings and an output that is large enough. With `--only ROW` a single row
//! runs, a fixed number of times and without its peer: for `valgrind --tool=callgrind`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use brotli::enc::BrotliEncoderParams;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use wire_benches::codecs::compress::{decode, encode, json};
use wire_compress::Coding;

/// The backend, made anew for one content.
fn encode_directly(coding: Coding, content: &[u8], out: &mut Vec<u8>) {
    out.clear();
    match coding {
        Coding::Gzip | Coding::Deflate => {
            let level = Compression::new(6);
            let gzip = coding == Coding::Gzip;
            let mut compress = if gzip { Compress::new_gzip(level, 15) } else { Compress::new(level, true) };
            compress.compress_vec(content, out, FlushCompress::Finish).expect("works");
        }
        Coding::Brotli => {
            let params = BrotliEncoderParams {
                quality: 4,
                lgwin: 19,
                size_hint: content.len(),
                ..BrotliEncoderParams::default()
            };
            brotli::BrotliCompress(&mut &*content, out, &params).expect("works");
        }
        Coding::Zstd => {
            zstd_safe::compress(out, content, 3).expect("works");
        }
    }
}

fn decode_directly(coding: Coding, wire: &[u8], out: &mut Vec<u8>) {
    out.clear();
    match coding {
        Coding::Gzip | Coding::Deflate => {
            let gzip = coding == Coding::Gzip;
            let mut inflate = if gzip { Decompress::new_gzip(15) } else { Decompress::new(true) };
            inflate.decompress_vec(wire, out, FlushDecompress::Finish).expect("good");
        }
        Coding::Brotli => {
            brotli::BrotliDecompress(&mut &*wire, out).expect("good");
        }
        Coding::Zstd => {
            zstd_safe::decompress(out, wire).expect("good");
        }
    }
}

/// The best of many: time per round.
fn best(mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let only = args.iter().position(|arg| arg == "--only").and_then(|at| args.get(at + 1));
    println!("{:<24} {:>10} {:>10} {:>6}", "", "ours", "directly", "ratio");
    for (name, len) in [("1 KiB", 1 << 10), ("64 KiB", 64 << 10)] {
        let content = json(len);
        for coding in Coding::PREFERENCE {
            let (mut out, mut wire) = (Vec::with_capacity(len + 1_000), Vec::with_capacity(len + 1_000));
            encode(coding, &content, &mut wire);
            type Work = fn(Coding, &[u8], &mut Vec<u8>);
            let rows: [(&str, Work, Work, &[u8]); 2] =
                [("encode", encode, encode_directly, &content), ("decode", decode, decode_directly, &wire)];
            for (verb, ours, directly, input) in rows {
                let row = format!("{verb} {coding} {name}");
                if let Some(only) = only {
                    if *only == row || *only == format!("{row} directly") {
                        let work = if *only == row { ours } else { directly };
                        (0..50).for_each(|_| work(coding, black_box(input), &mut out));
                    }
                    continue;
                }
                let ours = best(|| ours(coding, black_box(input), &mut out));
                let directly = best(|| directly(coding, black_box(input), &mut out));
                let ratio = ours.as_secs_f64() / directly.as_secs_f64();
                println!("{row:<24} {:>8.1}us {:>8.1}us {ratio:>6.2}", us(ours), us(directly));
            }
        }
    }
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
