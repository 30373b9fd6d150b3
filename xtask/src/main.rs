//! `cargo xtask NAME`: everything CI holds the family to, each part of it at a person's fingertips.

mod bench;
mod ci;
mod conformance;
mod deps;
mod fuzz;
mod no_std;
mod workspace;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};
use interop::Result;
use workspace::Workspace;

#[derive(Parser)]
#[command(about = "What CI runs, a person runs", arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything, in the order of CI, up to the first failure
    Ci {
        /// Only these steps
        only: Vec<String>,
    },
    /// Hold real clients and hostile ones against the echo server
    Interop(Interop),
    /// Check that no codec depends on tokio, futures or another codec
    Deps,
    /// Link the codecs into a program without std, and run it
    NoStd,
    /// Run every fuzz target for a while (needs nightly and cargo-fuzz)
    FuzzSmoke {
        /// Seconds for each target
        #[arg(long, default_value_t = 30)]
        seconds: u32,
    },
    /// Run the conformance vectors against codecs and server
    Conformance,
    /// Measure, and write the table into benches/
    Bench(bench::Options),
}

/// What the interop run may be told.
#[derive(clap::Args, Default)]
struct Interop {
    /// Only these groups of checks
    only: Vec<String>,
    /// Pass over clients that are not installed instead of failing
    #[arg(long)]
    skip_missing: bool,
    /// A server that is built already, instead of building one
    #[arg(long)]
    echo: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = Workspace::read().and_then(|workspace| {
        match args.task {
            Task::Ci { only } => return Ok(ci::run_steps(&workspace, &only)),
            Task::Interop(options) => {
                let report = interop(&workspace, options)?;
                println!("{report}");
                return Ok(if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
            Task::Deps => deps::run(&workspace),
            Task::NoStd => no_std::run_proof(&workspace),
            Task::FuzzSmoke { seconds } => fuzz::smoke(&workspace, seconds),
            Task::Conformance => conformance::run_all(&workspace),
            Task::Bench(options) => bench::run_bench(&workspace, &options),
        }
        .map(|()| ExitCode::SUCCESS)
    });
    outcome.unwrap_or_else(|fact| {
        eprintln!("xtask: {fact}");
        ExitCode::FAILURE
    })
}

/// Builds the server, unless it was given, and runs the checks.
fn interop(workspace: &Workspace, options: Interop) -> Result<interop::Report> {
    let echo = match options.echo {
        Some(echo) => echo,
        None => workspace.build_echo()?,
    };
    Ok(interop::run(&interop::Options {
        proxy: echo.with_file_name("proxy"),
        wscat: echo.with_file_name("wscat"),
        files: echo.with_file_name("static"),
        echo,
        scripts: workspace.root.join("conformance/interop"),
        tools: workspace.target.join("interop"),
        only: options.only,
        skip_missing: options.skip_missing,
    }))
}

/// Runs a command and turns anything but success into an error that shows it.
fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
