//! Servers side by side over loopback: `cargo xtask bench [--quick] [GROUP..]`.
//!
//! Slots are interleaved: in each round every server of a cell has one, in turn, so that what the machine does
//! besides meets all alike, and ratios are taken within a round. The server is pinned to one core, the load to another;
//! each slot has a fresh server. A slot in which other programs took more than a tenth of the two cores is thrown away
//! and repeated, up to three times.
//!
//! All groups write `benches/RESULTS.md` and a chart each; some print only.

mod cells;
mod chart;
mod report;
mod slot;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use cells::{CELLS, Cell, GROUPS, Group};
use interop::Result;
use report::Row;
use slot::{Machine, Slot};
use wire_benches::process::Known;

/// How long and how often.
struct Plan {
    rounds: usize,
    time: Duration,
    /// Times that a slot is tried in the hope of quiet.
    tries: usize,
}

const FULL: Plan = Plan { rounds: 5, time: Duration::from_secs(1), tries: 4 };
const QUICK: Plan = Plan { rounds: 2, time: Duration::from_millis(400), tries: 1 };

/// Most share of the cores that other programs may take in a slot.
const QUIET: f64 = 0.1;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("loopback: {fact}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result {
    let mut arguments: Vec<_> = env::args().skip(1).collect();
    let quick = arguments.iter().position(|argument| argument == "--quick");
    let plan = if let Some(at) = quick {
        arguments.remove(at);
        &QUICK
    } else {
        &FULL
    };
    if let Some(unknown) = arguments.iter().find(|name| GROUPS.iter().all(|group| group.name != *name)) {
        let names: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
        return Err(format!("no group {unknown}; there are {}", names.join(", ")).into());
    }
    let program = env::current_exe()?;
    let machine = Machine::new(program.parent().ok_or("a program without a folder")?)?;
    let servers = machine.servers()?;

    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = arguments.is_empty();
    let mut page = report::head(plan.rounds, plan.time, quick.is_some());
    for group in GROUPS.iter().filter(|group| all || arguments.iter().any(|name| name == group.name)) {
        let mut cells = Vec::new();
        for cell in CELLS.iter().filter(|cell| cell.group == group.name) {
            cells.push((cell, rows(&machine, plan, group, cell, &servers)?));
        }
        let section = report::section(group, &cells)?;
        println!("{section}");
        page.push_str(&section);
        if all {
            fs::write(folder.join(format!("RESULTS-{}.svg", group.name)), chart::draw(group, &cells)?)?;
        }
    }
    if all {
        fs::write(folder.join("RESULTS.md"), page)?;
    }
    Ok(())
}

/// Measures one cell.
fn rows(machine: &Machine, plan: &Plan, group: &Group, cell: &Cell, servers: &[Known]) -> Result<Vec<Row>> {
    let servers: Vec<_> = servers.iter().filter(|known| known.name.starts_with(group.servers)).collect();
    let mut slots: Vec<Vec<Slot>> = vec![Vec::new(); servers.len()];
    for round in 0..plan.rounds {
        for turn in 0..servers.len() {
            // Another one begins each time.
            let which = (turn + round) % servers.len();
            slots[which].push(quiet_slot(machine, plan, cell, servers[which])?);
        }
        eprintln!("{}, {}: round {} of {}", group.name, cell.name, round + 1, plan.rounds);
    }
    let names = servers.iter().map(|known| &known.name[group.servers.len()..]);
    let Some(peer) = names.clone().position(|name| name == group.peer) else {
        return Err(format!("{} is not among the servers: build with `peers`", group.peer).into());
    };
    let rows = names.zip(&slots).map(|(name, own)| Row::new(name, own, &slots[peer]));
    Ok(rows.collect())
}

/// The quietest of several tries; the first that is quiet enough ends them.
fn quiet_slot(machine: &Machine, plan: &Plan, cell: &Cell, server: &Known) -> Result<Slot> {
    let mut best: Option<Slot> = None;
    for _ in 0..plan.tries {
        let slot = machine
            .run(server, &cell.load, plan.time)
            .map_err(|error| format!("{}, {}: {error}", server.name, cell.name))?;
        if best.is_none_or(|best| slot.foreign < best.foreign) {
            best = Some(slot);
        }
        if slot.foreign < QUIET {
            break;
        }
    }
    best.ok_or_else(|| "no slot".into())
}
