//! Both ways with the reference programs `gzip`, `brotli` and `zstd`. One that is not installed is passed over, unless
//! `REFERENCE_PROGRAMS=required` is in the environment, as it is in CI.

use std::io::Write;
use std::process::{Command, Stdio};

use wire_compress::{Coding, EncoderConfig, Flush, Padding};

use crate::common::{self, decode, encode_pieces, unlimited};

/// Runs a filter; `None`: it is not installed.
fn filter(program: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        let required = std::env::var_os("REFERENCE_PROGRAMS").is_some_and(|value| value == "required");
        assert!(!required, "{program} is not installed");
        println!("{program} is not installed: passed over");
        return None;
    };
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    let written = writer.join().expect("no panic");
    assert!(output.status.success() && written.is_ok(), "{program} {args:?}: {:?}", output.status);
    Some(output.stdout)
}

fn contents() -> Vec<Vec<u8>> {
    vec![b"".to_vec(), b"a".to_vec(), common::json(300_000), common::noise(100_000), vec![0; 1 << 20]]
}

#[test]
fn what_they_encode_we_decode() {
    let programs: [(&str, Coding, &[&[&str]]); 3] = [
        ("gzip", Coding::Gzip, &[&["-c"], &["-c", "-1"], &["-c", "-9"]]),
        ("brotli", Coding::Brotli, &[&["-c"], &["-c", "-q", "1"], &["-c", "-q", "5", "--lgwin=24"]]),
        ("zstd", Coding::Zstd, &[&["-c"], &["-c", "-19"], &["-c", "--fast=3", "--no-check"]]),
    ];
    for (program, coding, settings) in programs {
        for content in contents() {
            for args in settings {
                let Some(wire) = filter(program, args, &content) else { continue };
                let ours = decode(coding.token(), &unlimited(), &wire);
                assert!(ours.as_ref() == Ok(&content), "{program} {args:?}, {} bytes", content.len());
            }
        }
    }
    // More than RFC 9659 allows.
    if let Some(wire) = filter("zstd", &["-c", "--long=27", "-3"], &common::json(10)) {
        assert_eq!(decode("zstd", &unlimited(), &wire), Err(wire_compress::ErrorKind::WindowTooBig));
    }
}

#[test]
fn what_we_encode_they_decode() {
    for (program, coding) in [("gzip", Coding::Gzip), ("brotli", Coding::Brotli), ("zstd", Coding::Zstd)] {
        for content in contents() {
            for padding in [None, Some(Padding::new([1; 16], 300))] {
                let mut config = EncoderConfig::default();
                config.padding = padding;
                let mut encoder = wire_compress::Encoder::new(coding, &config, None).expect("supported");
                let (first, second) = content.split_at(content.len() / 2);
                let pieces = [(first, Flush::Sync), (second, Flush::Finish)];
                let wire = encode_pieces(&mut encoder, &pieces, 10_000);
                if let Some(theirs) = filter(program, &["-d", "-c"], &wire) {
                    assert!(theirs == content, "{program}, {} bytes, {padding:?}", content.len());
                }
            }
        }
    }
}
