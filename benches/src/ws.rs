//! What `wire-ws` does with payloads, in time: unmasking, validating and decoding, beside what they are compared
//! with in the same run. `cargo xtask bench ws` measures, and writes `benches/WEBSOCKET.md`.
//!
//! `cargo run --release -p wire-benches --no-default-features --bin ws` shows the loops as compiled for the target's
//! baseline, and writes nothing.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{fs, str};

use interop::Result;
use wire_benches::frames::Content;
use wire_ws::frame::{Mask, Utf8Validator};
use wire_ws::{Config, DataKind, Decoder, Encoder, Event, Role};

/// The best of many, per call of `work`. What `prepare` does is not measured.
fn best(rounds: usize, mut prepare: impl FnMut(), mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..200 {
        prepare();
        let start = Instant::now();
        (0..rounds).for_each(|_| work());
        best = best.min(start.elapsed());
    }
    best / u32::try_from(rounds).unwrap_or(1)
}

/// GB/s of work over so many bytes.
fn speed(len: usize, work: impl FnMut()) -> f64 {
    len as f64 / best((1 << 19) / len + 1, || {}, work).as_secs_f64() / 1e9
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("ws: {fact}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result {
    let mut page = String::from(
        "# What WebSocket payloads cost\n\n\
         Shown by `cargo xtask bench ws`, which rewrites this page; each figure is the best of 200. For instructions see\n\
         [INSTRUCTIONS.md](INSTRUCTIONS.md).\n",
    );
    masking(&mut page)?;
    validating(&mut page)?;
    decoding(&mut page)?;
    encoding(&mut page)?;
    print!("{page}");
    if cfg!(feature = "std") {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("WEBSOCKET.md"), page)?;
    }
    Ok(())
}

fn masking(page: &mut String) -> Result {
    page.push_str(
        "\n## Unmasking in place\n\nThe target is 0.7 of `memcpy` at 16 KiB.\n\n\
         | bytes | GB/s | `memcpy`, GB/s | ratio |\n|---|---|---|---|\n",
    );
    for len in [128, 512, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20] {
        let (mut bytes, from) = (vec![1_u8; len], vec![2_u8; len]);
        let mask = speed(len, || {
            black_box(Mask::new(black_box([1, 2, 3, 4])).apply(black_box(&mut bytes)));
        });
        let copy = speed(len, || black_box(&mut bytes).copy_from_slice(black_box(&from)));
        writeln!(page, "| {len} | {mask:.1} | {copy:.1} | {:.2} |", mask / copy)?;
    }
    Ok(())
}

fn validating(page: &mut String) -> Result {
    page.push_str(
        "\n## Validating UTF-8\n\nThe target is 7 GB/s of mixed scripts.\n\n\
         | text | GB/s | `core::str::from_utf8`, GB/s | ratio |\n|---|---|---|---|\n",
    );
    for (name, content, len) in [
        ("16 KiB, mixed scripts", Content::Mixed, 16 << 10),
        ("1 KiB, mixed scripts", Content::Mixed, 1 << 10),
        ("128 B, mixed scripts", Content::Mixed, 128),
        ("16 KiB, ASCII", Content::Ascii, 16 << 10),
    ] {
        let text = content.payload(len);
        let ours = speed(len, || Utf8Validator::new().push(black_box(&text)).expect("UTF-8"));
        let core = speed(len, || {
            black_box(str::from_utf8(black_box(&text)).expect("UTF-8"));
        });
        writeln!(page, "| {name} | {ours:.1} | {core:.1} | {:.1} |", ours / core)?;
    }
    Ok(())
}

fn decoding(page: &mut String) -> Result {
    const MESSAGES: usize = 256;
    page.push_str(
        "\n## Decoding masked messages in one buffer\n\nUnmasking and validating included, 256 messages (of 64 KiB: 16) at a time.\n\n\
         | message | time each | GB/s | target |\n|---|---|---|---|\n",
    );
    for (name, content, len, target) in [
        ("20 B, binary", Content::Binary, 20, ""),
        ("128 B, ASCII text", Content::Ascii, 128, "40 ns"),
        ("128 B, mixed text", Content::Mixed, 128, ""),
        ("1 KiB, ASCII text", Content::Ascii, 1 << 10, ""),
        ("16 KiB, mixed text", Content::Mixed, 16 << 10, ""),
        ("64 KiB, binary", Content::Binary, 64 << 10, ""),
    ] {
        let messages = if len > 1 << 14 { 16 } else { MESSAGES };
        let masked = content.frame(len, true).repeat(messages);
        let input = std::cell::RefCell::new(masked.clone());
        let mut decoder = Decoder::new(Role::Server, &Config::default());
        let time = best(
            1,
            || input.borrow_mut().copy_from_slice(&masked),
            || {
                let mut input = input.borrow_mut();
                let mut rest = black_box(&mut input[..]);
                let mut count = 0;
                while let step = decoder.decode(rest).expect("messages")
                    && let Some(Event::Data { .. }) = step.event
                {
                    count += 1;
                    rest = &mut rest[step.consumed..];
                }
                assert_eq!(count, messages);
            },
        );
        let each = time.as_secs_f64() * 1e9 / messages as f64;
        writeln!(page, "| {name} | {each:.1} ns | {:.1} | {target} |", len as f64 / each)?;
    }
    Ok(())
}

/// As an echo does: from behind a masked header to behind one that is not.
fn encoding(page: &mut String) -> Result {
    page.push_str(
        "\n## Encoding what a client sent\n\nBoth places begin behind a header, in buffers that begin alike in their pages.\n\n\
         | payload | GB/s | `memcpy` there, GB/s | ratio |\n|---|---|---|---|\n",
    );
    // So large that the system gives each pages of its own.
    const BUFFER: usize = 1 << 20;
    let (mut input, mut out) = (Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER));
    for len in [1 << 10, 4 << 10, 16 << 10, 64 << 10] {
        input.clear();
        input.extend_from_slice(&Content::Binary.frame(len, true));
        let payload = &input[input.len() - len..];
        let mut encoder = Encoder::server();
        let ours = speed(len, || {
            out.clear();
            encoder.encode_message(DataKind::Binary, black_box(payload), &mut out).expect("an open encoder");
        });
        let header = out.len() - len;
        let copy = speed(len, || black_box(&mut out[header..]).copy_from_slice(black_box(payload)));
        writeln!(page, "| {len} | {ours:.1} | {copy:.1} | {:.2} |", ours / copy)?;
    }
    Ok(())
}
