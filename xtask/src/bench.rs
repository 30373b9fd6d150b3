//! The benches, each a program of the package in `benches/`.

use interop::Result;

use crate::run;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What to measure
    #[arg(default_value = "loopback")]
    what: Bench,
    /// loopback: only these groups (http, http2, h2ws, files, ws, ws-deep, ws-text), and only printed
    groups: Vec<String>,
    /// loopback: about three minutes, for a first look
    #[arg(long)]
    quick: bool,
    /// Compare the family's own instruction counts with benches/gate.toml
    #[arg(long, conflicts_with_all = ["what", "quick"])]
    gate: bool,
    /// Rewrite benches/gate.toml
    #[arg(long, requires = "gate")]
    update: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Bench {
    /// Servers side by side with their peers, over loopback
    Loopback,
    /// Instructions in memory, beside the peers'
    Instructions,
    /// Resident memory per idle connection and slow download, allocations per message and request
    Memory,
    /// Instructions, throughput and allocations of wire-http1
    Http1,
    /// Throughput, instructions and allocations of wire-multipart
    Multipart,
    /// Content codings, against their backends called directly
    Compress,
    /// The layer of content codings, against tower-http's
    Layer,
    /// Where a request's time goes: docs/profile.md and its flame graphs
    Profile,
    /// Masking, validating and decoding of wire-ws, against memcpy
    Ws,
}

pub(crate) fn run_bench(workspace: &Workspace, options: &Options) -> Result {
    if options.gate {
        return run_gate(workspace, options.update);
    }
    let bench = |name| {
        let mut bench = workspace.cargo(&BENCH);
        bench.args(["--features", "peers", "--bin", name, "--"]);
        bench
    };
    match options.what {
        Bench::Loopback => {
            build_servers(workspace)?;
            run(bench("loopback").args(options.quick.then_some("--quick")).args(&options.groups))
        }
        Bench::Instructions => run(bench("counts").arg("table")),
        Bench::Memory => {
            build_servers(workspace)?;
            run(bench("memory").arg(workspace.build_echo()?))
        }
        Bench::Http1 => run(&mut bench("http1")),
        Bench::Multipart => run(&mut bench("multipart")),
        Bench::Compress => run(&mut bench("compress")),
        Bench::Layer => {
            run(workspace.cargo(&BENCH).args(["--features", "layer-peer", "--bin", "layer", "--"]))
        }
        Bench::Profile => {
            let server = ["build", "--profile", "profiling", "--package", "wire-benches", "--bin", "server"];
            run(&mut workspace.cargo(&server))?;
            let mut profile = workspace.cargo(&BENCH);
            profile.args(["--features", "profile", "--bin", "profile", "--"]);
            profile.arg(workspace.target.join("profiling/server")).arg(workspace.root.join("docs"));
            run(&mut profile)
        }
        Bench::Ws => run(&mut bench("ws")),
    }
}

fn build_servers(workspace: &Workspace) -> Result {
    let build = |features, programs: &[&str]| {
        let package = ["build", "--release", "--package", "wire-benches", "--features", features];
        let programs = programs.iter().flat_map(|program| ["--bin", program]);
        run(workspace.cargo(&package).args(programs))
    };
    build("peers", &["server", "ws-load", "h2ws-load"])?;
    build("peers-apart", &["server-apart"])
}

/// Compares the family's own instruction counts with the committed ones, or commits them.
pub(crate) fn run_gate(workspace: &Workspace, update: bool) -> Result {
    // Without peers, whose features would reach into what is shared.
    let mut gate = workspace.cargo(&BENCH);
    gate.args(["--bin", "counts", "--", "gate"]);
    run(gate.args(update.then_some("--update")))
}

const BENCH: [&str; 5] = ["run", "--release", "--quiet", "--package", "wire-benches"];
