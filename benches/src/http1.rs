//! What `wire-http1` costs: instructions under callgrind, bytes per second, allocations, each beside what it is compared
//! with in the same run.
//!
//! `cargo run --release --package wire-benches --features peers --bin http1` measures, and writes `benches/HTTP1.md`.
//! `http1 WORKLOAD COUNT` runs one workload that many times: the runner starts itself so, under valgrind.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use interop::Result;
use testkit::alloc;
use wire_benches::callgrind::{instructions as callgrind, per_run};
use wire_benches::codecs::http1::{WORKLOADS, client_exchange, exchange};
use wire_http1::{BodyLen, ClientConnection, Event, HeadWriter, ResponseHead, ServerConnection};

#[global_allocator]
static COUNTING: alloc::Counting = alloc::Counting;

const PAGE: &str = "HTTP1.md";
const COMMAND: &str = "cargo run --release --package wire-benches --features peers --bin http1";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let result = match &arguments[..] {
        [] => measure(),
        [name, count] => match WORKLOADS.iter().find(|(other, _)| other == name) {
            Some((_, work)) => count.parse().map(work).map_err(Into::into),
            None => Err(format!("no workload {name}").into()),
        },
        _ => Err("usage: http1 [WORKLOAD COUNT]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("http1: {fact}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result {
    let mut page = format!(
        "# What HTTP/1.1 costs\n\nShown by `{COMMAND}`, which rewrites this page.\n\n\
         ## Instructions\n\nCounted by callgrind, per message: the difference of two runs, divided. The target is a ratio.\n\n"
    );
    if callgrind("nothing", 1).is_ok() {
        instructions(&mut page)?;
    } else {
        page.push_str("Not measured: valgrind is not installed.\n");
    }
    throughput(&mut page)?;
    allocations(&mut page)?;
    print!("{page}");
    Ok(fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), page)?)
}

fn instructions(page: &mut String) -> Result {
    page.push_str("| work | instructions | compared with | instructions | ratio | target |\n|---|---|---|---|---|---|\n");
    let head = per_run("request", 2000)? - per_run("new", 2000)?;
    if WORKLOADS.iter().any(|(name, _)| *name == "httparse") {
        let peer = per_run("httparse", 2000)?;
        row(page, "head of a browser's request", head, "`httparse`, which only tokenises", peer, "1.1")?;
    } else {
        writeln!(
            page,
            "| head of a browser's request | {head:.0} | `httparse`: needs `--features peers` | | | 1.1 |"
        )?;
    }
    row(page, "its 15 fields, as text and bytes", per_run("fields", 2000)?, "the head", head, "")?;
    let exchange = per_run("exchange", 2000)?;
    row(page, "request, answer, next", exchange, "the head alone", head, "")?;
    let answer = per_run("answer", 2000)? - per_run("answered", 2000)?;
    row(page, "head of an answer, 3 fields", answer, "the head alone", head, "")?;
    let client = per_run("client", 2000)?;
    row(
        page,
        "client: request, response head of 10 fields, next",
        client,
        "the server's exchange",
        exchange,
        "",
    )?;
    for (shape, name) in [
        ("one field", "one-field"),
        ("98 fields of 660 bytes", "many-fields"),
        ("1,200 lines as a browser sends them", "browser-fields"),
        ("13,000 fields of 5 bytes", "tiny-fields"),
    ] {
        let whole = per_run(&format!("whole-{name}"), 20)?;
        let bytes = per_run(&format!("bytes-{name}"), 2)?;
        row(page, &format!("head of 64 KiB byte by byte, {shape}"), bytes, "at once", whole, "20")?;
    }
    page.push_str(
        "\nByte by byte, a call inside a name or a value costs 18 instructions, and the loop around it 10 more. At once, a long value\n\
         costs 0.75 per byte, so that the ratio tells how much of the head is long values: a head of what browsers send is\n\
         well below the target, and only heads whose fields are longer than 500 bytes are above it.\n",
    );
    Ok(())
}

fn row(page: &mut String, work: &str, cost: f64, peer: &str, other: f64, target: &str) -> Result {
    Ok(writeln!(page, "| {work} | {cost:.0} | {peer} | {other:.0} | {:.2} | {target} |", cost / other)?)
}

const CHUNK: usize = 64 << 10;
const READ: usize = 16 << 10;

/// A chunked body in reads, against a copy of the same bytes.
fn throughput(page: &mut String) -> Result {
    const CHUNKS: usize = 256;
    let mut input = Vec::new();
    for _ in 0..CHUNKS {
        input.extend_from_slice(b"10000\r\n");
        input.resize(input.len() + CHUNK, b'x');
        input.extend_from_slice(b"\r\n");
    }
    input.extend_from_slice(b"0\r\n\r\n");
    let decode = best(|| {
        let mut connection = ServerConnection::default();
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.decode(head).expect("a head");
        let mut content = 0;
        for mut read in input.chunks(READ) {
            loop {
                let step = connection.decode(black_box(read)).expect("a chunk");
                read = &read[step.consumed..];
                match step.event {
                    Some(Event::Data { len }) => content += len,
                    Some(Event::Paused) | None => break,
                    Some(_) => {}
                }
            }
        }
        assert_eq!(content, CHUNKS * CHUNK);
    });
    let mut copy = vec![0; READ];
    let memcpy = best(|| {
        for read in input.chunks(READ) {
            copy[..read.len()].copy_from_slice(black_box(read));
            black_box(&copy);
        }
    });
    let speed = |time: Duration| input.len() as f64 / time.as_secs_f64() / 1e9;
    Ok(write!(
        page,
        "\n## Throughput\n\nChunks of 64 KiB in reads of 16 KiB, 16 MiB in all, the best of 20 runs. Content is only counted, so\n\
         this is the cost of a call; the copy is what whoever touches the bytes pays.\n\n\
         | work | GB/s | `memcpy` of each read, GB/s | ratio | target |\n|---|---|---|---|---|\n\
         | chunked content | {:.0} | {:.1} | {:.0} | 20 GB/s |\n",
        speed(decode),
        speed(memcpy),
        speed(decode) / speed(memcpy)
    )?)
}

fn best(mut work: impl FnMut()) -> Duration {
    let runs = (0..20).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    runs.min().unwrap_or_default()
}

fn allocations(page: &mut String) -> Result {
    const COUNT: u32 = 1000;
    let (mut server, mut out) = (ServerConnection::default(), Vec::new());
    exchange(&mut server, &mut out);
    let ((), served) = alloc::measure(|| (0..COUNT).for_each(|_| exchange(&mut server, &mut out)));
    let (mut client, mut spare) = (ClientConnection::default(), ResponseHead::default());
    (0..2).for_each(|_| client_exchange(&mut client, &mut out, &mut spare));
    let ((), asked) =
        alloc::measure(|| (0..COUNT).for_each(|_| client_exchange(&mut client, &mut out, &mut spare)));
    let refused = alloc::measure(|| {
        let mut connection = ServerConnection::default();
        connection.decode(b"GET / HTTP/1.1\r\n\r\n").expect_err("no Host");
        connection
            .encode_head(400, "", BodyLen::Fixed(0), &mut out)
            .and_then(HeadWriter::finish)
            .expect("a head");
    });
    Ok(write!(
        page,
        "\n## Allocations\n\n| work | allocations | target |\n|---|---|---|\n\
         | request and answer, warm | {} | 0 |\n| client: request and response, warm | {} | 0 |\n\
         | a refused request on a new connection | {} | |\n",
        served.count as f64 / f64::from(COUNT),
        asked.count as f64 / f64::from(COUNT),
        refused.1.count
    )?)
}
