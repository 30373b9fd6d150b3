//! What `wire-multipart` costs: bytes per second beside `memmem` alone and `multer`, instructions under callgrind,
//! allocations, all in the same run.
//!
//! `cargo run --release --package wire-benches --features peers --bin multipart` measures, and writes
//! `benches/MULTIPART.md`. `multipart WORKLOAD COUNT` runs one workload that many times: the runner starts itself so, under
//! valgrind.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use cpu_time::ThreadTime;
use interop::Result;
use testkit::alloc;
use wire_benches::callgrind::{instructions as callgrind, per_run};
#[cfg(feature = "peers")]
use wire_benches::codecs::multipart::peer;
use wire_benches::codecs::multipart::{
    BOUNDARY, PIECE, WORKLOADS, config, decode, filled, random, search, short_form, upload,
};
use wire_multipart::Boundary;

#[global_allocator]
static COUNTING: alloc::Counting = alloc::Counting;

const PAGE: &str = "MULTIPART.md";
const COMMAND: &str = "cargo run --release --package wire-benches --features peers --bin multipart";

const SIZE: usize = 64 << 20;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let result = match &arguments[..] {
        [] => measure(),
        [name, count] => match WORKLOADS.iter().find(|(other, _)| other == name) {
            Some((_, work)) => count.parse().map(work).map_err(Into::into),
            None => Err(format!("no workload {name}").into()),
        },
        _ => Err("usage: multipart [WORKLOAD COUNT]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("multipart: {fact}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result {
    let mut page = format!("# What multipart costs\n\nShown by `{COMMAND}`, which rewrites this page.\n");
    throughput(&mut page)?;
    page.push_str(
        "\n## Instructions\n\nCounted by callgrind, per form: the difference of two runs, divided. A count says nothing of copies that miss the\n\
         cache, which are most of what `multer` takes for a file: for those see the time above.\n\n",
    );
    if callgrind("nothing", 1).is_ok() {
        instructions(&mut page)?;
    } else {
        page.push_str("Not measured: valgrind is not installed.\n");
    }
    allocations(&mut page)?;
    print!("{page}");
    Ok(fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), page)?)
}

/// Bytes per second of CPU time, of the best of several runs taken in turn.
fn throughput(page: &mut String) -> Result {
    const ROUNDS: usize = 7;
    let boundary = Boundary::new(BOUNDARY)?;
    let config = config();
    let gigabytes = |size: usize, time: Duration| size as f64 / time.as_secs_f64() / 1e9;

    let input = upload(BOUNDARY, &random(SIZE));
    let mut times = [Duration::MAX; 3];
    #[cfg(feature = "peers")]
    let shared = bytes::Bytes::from(input.clone());
    for _ in 0..ROUNDS {
        times[0] = times[0].min(time(|| assert_eq!(decode(&boundary, &config, &input, PIECE), SIZE)));
        times[1] = times[1].min(time(|| assert!(search(BOUNDARY, &input, PIECE) > 0)));
        #[cfg(feature = "peers")]
        {
            times[2] = times[2].min(time(|| assert_eq!(peer::multer(BOUNDARY, &shared, PIECE), SIZE)));
        }
    }
    let [ours, memmem, multer] = times.map(|time| gigabytes(input.len(), time));
    write!(
        page,
        "\n## A file of 64 MiB in pieces of 64 KiB\n\nRandom bytes, CPU time. `memmem` is the search for the whole delimiter alone, over the same pieces.\n\n\
         | | GB/s | ratio | target |\n|---|---|---|---|\n\
         | `wire-multipart` | {ours:.1} | | |\n\
         | `memmem::Finder` alone | {memmem:.1} | {:.2} of it | 0.7 |\n",
        ours / memmem
    )?;
    if cfg!(feature = "peers") {
        writeln!(page, "| `multer` | {multer:.2} | {:.1} times it | 3 |", ours / multer)?;
    }

    page.push_str(
        "\n## The worst that a body can be\n\n4 MiB of it in pieces of 64 KiB; the ratio is to the file of random bytes above.\n\n\
         | body | boundary | GB/s | ratio | target |\n|---|---|---|---|---|\n",
    );
    let near = format!("\r\n--{}", &BOUNDARY[..BOUNDARY.len() - 1]);
    let behind = format!("\n--{BOUNDARY}");
    // What the decoder lets `memmem` look for: each of them is a candidate.
    let prefix = &near[..16];
    let bodies: [(&str, &str, &[u8]); 11] = [
        ("CR", BOUNDARY, b"\r"),
        ("LF", BOUNDARY, b"\n"),
        ("CRLF", BOUNDARY, b"\r\n"),
        ("`-`", BOUNDARY, b"-"),
        ("the delimiter without its last character", BOUNDARY, near.as_bytes()),
        ("the first 16 bytes of the delimiter", BOUNDARY, prefix.as_bytes()),
        ("the delimiter without its CR", BOUNDARY, behind.as_bytes()),
        ("CR", "a", b"\r"),
        ("`-`", "a", b"-"),
        ("CRLF and `--`", "a", b"\r\n--"),
        ("`a`", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", b"a"),
    ];
    for (what, boundary, piece) in bodies {
        let size = SIZE / 16;
        let input = upload(boundary, &filled(piece, size));
        let parsed = Boundary::new(boundary)?;
        let best = (0..3 * ROUNDS)
            .map(|_| time(|| assert_eq!(decode(&parsed, &config, &input, PIECE), size)))
            .min()
            .unwrap_or_default();
        let speed = gigabytes(input.len(), best);
        let shown = if boundary.len() > 1 {
            format!("{} characters", boundary.len())
        } else {
            "one character".into()
        };
        writeln!(page, "| {what} | {shown} | {speed:.1} | {:.2} | 0.1 |", speed / ours)?;
    }
    Ok(())
}

/// CPU time of this thread: on a machine that does other things too.
fn time(work: impl FnOnce()) -> Duration {
    let start = ThreadTime::now();
    work();
    start.elapsed()
}

fn instructions(page: &mut String) -> Result {
    page.push_str("| work | instructions | compared with | instructions | ratio | target |\n|---|---|---|---|---|---|\n");
    let form = per_run("form", 500)?;
    if cfg!(feature = "peers") {
        let peer = per_run("form-multer", 500)?;
        writeln!(
            page,
            "| form of ten short fields | {form:.0} | `multer` | {peer:.0} | {:.1} times less | 2 |",
            peer / form
        )?;
    }
    let (file, memmem) = (per_run("file", 20)?, per_run("file-memmem", 20)?);
    writeln!(
        page,
        "| file of 1 MiB in pieces of 64 KiB | {file:.0} | `memmem::Finder` alone | {memmem:.0} | {:.2} of its speed | 0.7 |",
        memmem / file
    )?;
    let bytes = per_run("bytes", 100)?;
    writeln!(
        page,
        "| form of ten short fields, byte by byte | {bytes:.0} | at once | {form:.0} | {:.1} | |",
        bytes / form
    )?;
    Ok(())
}

fn allocations(page: &mut String) -> Result {
    let (form, boundary, config) = (short_form(), Boundary::new(BOUNDARY)?, config());
    let ((), ours) = alloc::measure(|| assert_eq!(decode(&boundary, &config, &form, PIECE), 70));
    write!(
        page,
        "\n## Allocations\n\n| work | allocations | target |\n|---|---|---|\n\
         | form of ten short fields: the searcher, the table of fields | {} | none per part |\n",
        ours.count
    )?;
    #[cfg(feature = "peers")]
    {
        let form = bytes::Bytes::from(form);
        let ((), theirs) = alloc::measure(|| assert_eq!(peer::multer(BOUNDARY, &form, PIECE), 70));
        writeln!(page, "| the same, `multer` | {} | |", theirs.count)?;
    }
    Ok(())
}
