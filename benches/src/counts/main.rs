//! Instructions per message and per request, in memory, stable to 1 %: ours against a committed count, and against
//! the peers. What runs is in `workloads/`.
//!
//! - `counts gate [--update]` compares ours with `benches/gate.toml` (`cargo xtask bench --gate`).
//! - `counts table` writes `benches/INSTRUCTIONS.md` (`cargo xtask bench instructions`).
//! - `counts NAME COUNT` runs one workload, under valgrind.

mod gate;
mod table;

use std::env;
use std::process::ExitCode;

use interop::Result;
use wire_benches::callgrind::per_run;
use wire_benches::workloads::{Cell, Program, run};

/// Instructions per message or request.
fn count(cell: &Cell, program: &Program) -> Result<f64> {
    // Enough that what happens once a second, or when a buffer grows, does not show.
    let rounds = 300_000 / cell.burst().len().clamp(600, 7500) as u64;
    Ok(per_run(&format!("{}/{}", cell.name, program.name), rounds)? / cell.at_once as f64)
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["gate"] => gate::compare(),
        ["gate", "--update"] => gate::update(),
        ["table"] => table::write(),
        [name, count] => count.parse().map_err(Into::into).and_then(|count| run(name, count)),
        _ => Err("usage: counts gate [--update] | table | NAME COUNT".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("counts: {fact}");
            ExitCode::FAILURE
        }
    }
}
