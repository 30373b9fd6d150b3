//! What `wire-multipart` costs: bytes per second beside `memmem` alone and `multer`, instructions under callgrind,
//! allocations, all in the same run.
//!
//! `cargo run --release --package wire-benches --features peers --bin multipart` measures, and writes
//! `benches/MULTIPART.md`. `multipart WORKLOAD COUNT` runs one workload that many times: the runner starts itself so, under
//! valgrind.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs};

use cpu_time::ThreadTime;
use interop::Result;
use memchr::memmem;
use testkit::alloc;
use wire_multipart::{Boundary, Config, Decoder, Event};

#[global_allocator]
static COUNTING: alloc::Counting = alloc::Counting;

const PAGE: &str = "MULTIPART.md";
const COMMAND: &str = "cargo run --release --package wire-benches --features peers --bin multipart";

/// As Chromium makes them.
const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
const PIECE: usize = 64 << 10;
const SIZE: usize = 64 << 20;

/// A form of one file with this body.
fn upload(boundary: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), body, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
}

/// `piece` again and again.
fn filled(piece: &[u8], size: usize) -> Vec<u8> {
    piece.iter().copied().cycle().take(size).collect()
}

fn random(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    testkit::rng::Rng::new(1).fill(&mut bytes);
    bytes
}

/// Ten text fields of a few bytes.
fn short_form() -> Vec<u8> {
    let mut form = String::new();
    for i in 0..10 {
        write!(
            form,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"field-{i}\"\r\n\r\nvalue {i}\r\n"
        )
        .expect("memory");
    }
    write!(form, "--{BOUNDARY}--\r\n").expect("memory");
    form.into_bytes()
}

/// A form of one file of 1 MiB.
fn small_file() -> Vec<u8> {
    upload(BOUNDARY, &random(1 << 20))
}

fn config() -> Config {
    let mut config = Config::default();
    config.max_file_size = u64::MAX;
    config
}

/// Decodes a form in pieces of the caller's buffer; what stays unconsumed is presented again where it lies.
fn decode(boundary: &Boundary, config: &Config, input: &[u8], piece: usize) -> usize {
    let mut decoder = Decoder::new(boundary, config);
    let (mut start, mut end, mut content) = (0, 0, 0);
    while end < input.len() {
        end = input.len().min(end + piece);
        loop {
            let step = decoder.decode(black_box(&input[start..end])).expect("a form");
            start += step.consumed;
            match step.event {
                Some(Event::Data { len }) => content += len,
                Some(Event::PartBegin) => {
                    black_box(decoder.head().view(&input[start - step.consumed..start]).name());
                }
                Some(Event::PartEnd | Event::End) => {}
                None => break,
            }
        }
    }
    decoder.decode_eof().expect("a whole form");
    content
}

/// The search that no parser can do without, over the same pieces.
fn search(boundary: &str, input: &[u8], piece: usize) -> usize {
    let needle = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(needle.as_bytes());
    input.chunks(piece).filter_map(|piece| finder.find(black_box(piece))).count()
}

#[cfg(feature = "peers")]
mod peer {
    use std::convert::Infallible;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use bytes::Bytes;
    use futures_core::Stream;

    /// The pieces of a body, made without a copy.
    struct Pieces {
        body: Bytes,
        piece: usize,
    }

    impl Stream for Pieces {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let len = self.piece.min(self.body.len());
            Poll::Ready((len > 0).then(|| Ok(self.body.split_to(len))))
        }
    }

    /// The length of all bodies in a form.
    pub(crate) fn multer(boundary: &str, body: &Bytes, piece: usize) -> usize {
        let mut multipart = multer::Multipart::new(Pieces { body: body.clone(), piece }, boundary);
        let mut work = pin!(async {
            let mut content = 0;
            while let Some(mut field) = multipart.next_field().await.expect("a form") {
                std::hint::black_box(field.name());
                while let Some(chunk) = field.chunk().await.expect("a piece") {
                    content += chunk.len();
                }
            }
            content
        });
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(content) = work.as_mut().poll(&mut context) {
                return content;
            }
        }
    }
}

/// Does something this many times.
type Workload = fn(u64);

/// What is run under callgrind. Each prepares outside of the loop and does its work `count` times.
const WORKLOADS: &[(&str, Workload)] = &[
    ("nothing", |count| assert!(black_box(count) > 0)),
    ("form", |count| {
        let (form, boundary, config) = (short_form(), Boundary::new(BOUNDARY).expect("a boundary"), config());
        (0..count).for_each(|_| assert_eq!(decode(&boundary, &config, &form, PIECE), 70));
    }),
    #[cfg(feature = "peers")]
    ("form-multer", |count| {
        let form = bytes::Bytes::from(short_form());
        (0..count).for_each(|_| assert_eq!(peer::multer(BOUNDARY, &form, PIECE), 70));
    }),
    ("file", |count| {
        let (input, boundary, config) =
            (small_file(), Boundary::new(BOUNDARY).expect("a boundary"), config());
        (0..count).for_each(|_| assert_eq!(decode(&boundary, &config, &input, PIECE), 1 << 20));
    }),
    ("file-memmem", |count| {
        let input = small_file();
        (0..count).for_each(|_| assert_eq!(search(BOUNDARY, &input, PIECE), 1));
    }),
    #[cfg(feature = "peers")]
    ("file-multer", |count| {
        let input = bytes::Bytes::from(small_file());
        (0..count).for_each(|_| assert_eq!(peer::multer(BOUNDARY, &input, PIECE), 1 << 20));
    }),
    ("bytes", |count| {
        let (form, boundary, config) = (short_form(), Boundary::new(BOUNDARY).expect("a boundary"), config());
        (0..count).for_each(|_| assert_eq!(decode(&boundary, &config, &form, 1), 70));
    }),
];

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
        "\n## Instructions\n\nCounted by callgrind, per form: the difference of two runs, divided.\n\n",
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
    if cfg!(feature = "peers") {
        let peer = per_run("file-multer", 5)?;
        writeln!(
            page,
            "| the same | {file:.0} | `multer` | {peer:.0} | {:.1} times less | 3 |",
            peer / file
        )?;
    }
    let bytes = per_run("bytes", 100)?;
    writeln!(page, "| the same, byte by byte | {bytes:.0} | at once | {form:.0} | {:.1} | |", bytes / form)?;
    Ok(())
}

/// Instructions of one run of a workload.
fn per_run(name: &str, count: u64) -> Result<f64> {
    let (few, many) = (callgrind(name, count)?, callgrind(name, 2 * count)?);
    Ok((many as f64 - few as f64) / count as f64)
}

/// Instructions of this program with one workload.
fn callgrind(name: &str, count: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([name, &count.to_string()])
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    let count = log.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    Ok(count.ok_or_else(|| format!("callgrind says no count:\n{log}"))?.parse()?)
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
