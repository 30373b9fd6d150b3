//! The benches, each a program of the package in `benches/`.

use interop::Result;

use crate::run;
use crate::workspace::Workspace;

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Bench {
    /// Resident memory per idle connection
    Idle,
}

pub(crate) fn run_bench(workspace: &Workspace, what: Bench) -> Result {
    let name = match what {
        Bench::Idle => "idle",
    };
    let echo = workspace.build_echo()?;
    run(workspace
        .cargo(&["run", "--release", "--quiet", "--package", "wire-benches", "--bin", name, "--"])
        .arg(echo))
}
