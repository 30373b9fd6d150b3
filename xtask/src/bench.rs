//! The benches, each a program of the package in `benches/`.

use interop::Result;

use crate::run;
use crate::workspace::Workspace;

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Bench {
    /// Resident memory per idle connection
    Idle,
    /// Instructions, throughput and allocations of wire-http1
    Http1,
    /// Content codings, against their backends called directly
    Compress,
    /// Throughput, instructions and allocations of wire-multipart
    Multipart,
    /// Masking WebSocket payloads, against memcpy
    Mask,
}

pub(crate) fn run_bench(workspace: &Workspace, what: Bench) -> Result {
    let bench = |name| {
        let run = [
            "run",
            "--release",
            "--quiet",
            "--package",
            "wire-benches",
            "--features",
            "peers",
            "--bin",
            name,
            "--",
        ];
        workspace.cargo(&run)
    };
    match what {
        Bench::Idle => run(bench("idle").arg(workspace.build_echo()?)),
        Bench::Http1 => run(&mut bench("http1")),
        Bench::Compress => run(&mut bench("compress")),
        Bench::Multipart => run(&mut bench("multipart")),
        Bench::Mask => run(&mut bench("mask")),
    }
}
