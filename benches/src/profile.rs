//! Where the time of a request goes: a server of RESULTS.md under load and under `perf record`, its stacks by layer and as
//! a flame graph.
//!
//! `cargo xtask bench profile` builds the server with the names of inlined functions, runs this, and writes
//! `docs/profile.md` and the graphs beside it.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use inferno::collapse::Collapse as _;
use inferno::collapse::perf::{Folder, Options as Collapse};
use inferno::flamegraph::{self, Options as Graph};
use interop::Result;
use wire_benches::process::Server;

/// What is looked at: server, requests at a time on a connection, name of the graph, heading.
const LOADS: &[(&str, u32, &str, &str)] = &[
    ("http/server-core", 1, "profile", "One request in flight on each of 64 connections"),
    ("http/server-core", 16, "profile-pipeline", "Sixteen at a time"),
    (
        "http/server-core-http",
        16,
        "profile-pipeline-http",
        "Sixteen at a time, the handler takes an `http::Request`",
    ),
];

/// The layers, in the order of the table: a name, and what is in it.
const LAYERS: &[(&str, &str)] = &[
    ("kernel, writing", "`send` and `writev`, the peer's half of the loopback included"),
    ("kernel, reading", "`recv`"),
    ("kernel, else", "`epoll_wait`, switching, interrupts"),
    ("decode", "wire-http1: request line, fields, framing"),
    ("encode", "wire-http1: status line, fields"),
    ("handler", "the handler, its response made and dropped"),
    ("connection", "server-core: the loop, buffers, deadlines, request and response objects"),
    ("runtime", "tokio and mio: wake-ups, scheduling, readiness"),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [server, docs] => profile(Path::new(server), Path::new(docs)),
        _ => Err("usage: profile SERVER DOCS".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("profile: {fact}");
            ExitCode::FAILURE
        }
    }
}

fn profile(server: &Path, docs: &Path) -> Result {
    let mut page = include_str!("profile.md").to_owned();
    for &(name, pipeline, graph, heading) in LOADS {
        let stacks = fold(&record(server, name, pipeline)?)?;
        let total: u64 = stacks.values().sum();
        let mut layers = BTreeMap::new();
        for (stack, time) in &stacks {
            *layers.entry(layer(stack)).or_insert(0) += time;
        }
        write!(
            page,
            "\n## {heading}\n\n[![flame graph]({graph}.svg)]({graph}.svg)\n\n| layer | share | what it is |\n|---|---|---|\n"
        )?;
        for (layer, what) in LAYERS {
            let share = *layers.get(layer).unwrap_or(&0) as f64 * 100.0 / total as f64;
            writeln!(page, "| {layer} | {share:.1} % | {what} |")?;
        }
        writeln!(page, "\nOf {:.1} s of CPU time.", total as f64 / 1e9)?;
        draw(&stacks, heading, &docs.join(graph).with_extension("svg"))?;
    }
    print!("{page}");
    Ok(fs::write(docs.join("profile.md"), page)?)
}

/// Ten seconds of samples, as `perf script` prints them.
fn record(program: &Path, name: &str, pipeline: u32) -> Result<Vec<u8>> {
    let scratch = program.with_file_name("profile-scratch");
    fs::create_dir_all(&scratch)?;
    let (data, script) = (scratch.join("perf.data"), scratch.join("pipeline.lua"));
    fs::write(&script, include_str!("loopback/pipeline.lua"))?;
    // One core each, so that the stacks are those of a busy server and not of a waiting one.
    let server = Server::start(Command::new("taskset").args(["--cpu-list", "1"]).arg(program).arg(name))?;
    let mut load = Command::new("taskset")
        .args(["--cpu-list", "0", "wrk", "--threads", "1", "--connections", "64", "--duration", "12s"])
        .arg("--script")
        .arg(&script)
        .arg(format!("http://{}/hello", server.address()))
        .args(["--", &pipeline.to_string()])
        .stdout(Stdio::null())
        .spawn()?;
    let recorded = Command::new("perf")
        .args([
            "record",
            "--quiet",
            "--event",
            "cpu-clock",
            "--freq",
            "1999",
            "--call-graph",
            "dwarf,8192",
            "--pid",
        ])
        .arg(server.id().to_string())
        .arg("--output")
        .arg(&data)
        .args(["--", "sleep", "10"])
        .status()?;
    if !load.wait()?.success() || !recorded.success() {
        return Err("wrk or perf failed".into());
    }
    drop(server);
    let output =
        Command::new("perf").args(["script", "--input"]).arg(&data).stderr(Stdio::null()).output()?;
    fs::remove_dir_all(scratch)?;
    Ok(output.stdout)
}

/// Stacks, outermost function first, with their nanoseconds. What is outside of the connection is cut off.
fn fold(script: &[u8]) -> Result<BTreeMap<String, u64>> {
    let mut options = Collapse::default();
    options.annotate_kernel = true;
    let mut folded = Vec::new();
    Folder::from(options).collapse(script, &mut folded)?;
    let mut stacks = BTreeMap::new();
    for line in std::str::from_utf8(&folded)?.lines() {
        let (stack, time) = line.rsplit_once(' ').ok_or("a stack without time")?;
        let frames: Vec<_> = stack.split(';').collect();
        let connection = frames.iter().position(|frame| frame.contains("conn::http1::Connection"));
        let from = connection.unwrap_or_else(|| {
            // Of the runtime, its own functions are enough.
            frames.iter().rposition(|frame| frame.contains("block_on")).unwrap_or(0)
        });
        *stacks.entry(frames[from..].join(";")).or_insert(0) += time.parse::<u64>()?;
    }
    if stacks.is_empty() {
        return Err("perf has recorded nothing".into());
    }
    Ok(stacks)
}

/// Whose the innermost function is. A library's time belongs to who calls it.
fn layer(stack: &str) -> &'static str {
    let has = |part| stack.contains(part);
    if stack.ends_with("_[k]") {
        let system_call = |names: &[&str]| names.iter().any(|name| stack.contains(name));
        return match () {
            () if system_call(&["sys_sendto", "sys_sendmsg", "sys_writev", "sys_write"]) => "kernel, writing",
            () if system_call(&["sys_recvfrom", "sys_recvmsg", "sys_read"]) => "kernel, reading",
            () => "kernel, else",
        };
    }
    for frame in stack.rsplit(';') {
        if frame.contains("wire_http1::") {
            return if has("wire_http1::decode") { "decode" } else { "encode" };
        }
        if frame.contains("server::ours::") && !frame.contains("server_core::") {
            return "handler";
        }
        if frame.contains("server_core::") && !frame.contains("rt::tokio") {
            return "connection";
        }
        if frame.contains("tokio::") || frame.contains("mio::") {
            return "runtime";
        }
    }
    "runtime"
}

fn draw(stacks: &BTreeMap<String, u64>, title: &str, path: &Path) -> Result {
    let mut options = Graph::default();
    options.title = format!("GET /hello. {}", title.replace('`', ""));
    options.count_name = "ns".into();
    options.deterministic = true;
    options.min_width = 0.3;
    let lines: Vec<_> = stacks.iter().map(|(stack, time)| format!("{stack} {time}")).collect();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), fs::File::create(path)?)?;
    Ok(())
}
