//! The steps of CI. Each says its name before and its seconds after, and the first that fails is the last.

use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use interop::Result;

use crate::workspace::Workspace;
use crate::{Interop, bench, deps, interop, no_std, run};

/// What was counted on the way.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

type Step = fn(&Workspace, &mut Tally) -> Result;

const STEPS: &[(&str, Step)] = &[
    ("format", format),
    ("clippy", |workspace, _| {
        // The peers of the benches are compiled by who measures.
        let all = ["clippy", "--workspace", "--exclude", "wire-benches", "--all-features"];
        let benches = ["clippy", "--package", "wire-benches"];
        for packages in [&all[..], &benches] {
            run(&mut workspace.cargo(&[packages, &["--all-targets", "--", "-D", "warnings"]].concat()))?;
        }
        Ok(())
    }),
    ("crates-alone", alone),
    ("tests", tests),
    ("docs", |workspace, _| {
        // With and without features: a link to what a feature adds is broken without it.
        for features in [&["--all-features"][..], &[]] {
            let docs = [&["doc", "--workspace", "--exclude", "wire-benches", "--no-deps"], features].concat();
            run(workspace.cargo(&docs).env("RUSTDOCFLAGS", "-D warnings"))?;
        }
        Ok(())
    }),
    ("deps", |workspace, _| deps::run(workspace)),
    ("no-std", |workspace, _| no_std::run_proof(workspace)),
    ("bench-gate", |workspace, _| bench::run_gate(workspace, false)),
    ("interop", |workspace, tally| {
        let report = interop(workspace, Interop::default())?;
        println!("{report}");
        tally.passed += report.passed();
        tally.failed += report.failed();
        if report.is_success() { Ok(()) } else { Err("real clients found faults".into()) }
    }),
];

/// Runs these steps, or all of them. The last line on standard output counts the tests and checks that ran.
pub(crate) fn run_steps(workspace: &Workspace, only: &[String]) -> ExitCode {
    let mut tally = Tally::default();
    let outcome = steps(workspace, only, &mut tally);
    if let Err(fact) = &outcome {
        println!("{fact}");
        // A step without tests that fails is a failure all the same.
        tally.failed = tally.failed.max(1);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn steps(workspace: &Workspace, only: &[String], tally: &mut Tally) -> Result {
    let names: Vec<_> = STEPS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = only.iter().find(|wanted| !names.contains(&wanted.as_str())) {
        return Err(format!("no step {unknown:?}; there are {}", names.join(", ")).into());
    }
    for (name, step) in
        STEPS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|wanted| wanted == name))
    {
        println!("=== {name}");
        let start = Instant::now();
        let outcome = step(workspace, tally);
        let seconds = start.elapsed().as_secs_f64();
        outcome.map_err(|fact| format!("=== {name}: FAILED after {seconds:.1} s: {fact}"))?;
        println!("=== {name}: ok, {seconds:.1} s");
    }
    Ok(())
}

fn format(workspace: &Workspace, _: &mut Tally) -> Result {
    for manifest in ["Cargo.toml", no_std::MANIFEST] {
        run(&mut workspace.cargo(&["fmt", "--all", "--check", "--manifest-path", manifest]))?;
    }
    Ok(())
}

/// A feature that leans on a neighbour's shows only when a crate is built by itself, with that feature alone.
fn alone(workspace: &Workspace, _: &mut Tally) -> Result {
    for package in workspace.below("crates") {
        let each =
            package.features.iter().map(|feature| vec!["--no-default-features", "--features", feature]);
        let ends = [vec!["--no-default-features"], vec!["--all-features"]];
        for features in each.chain(ends) {
            let mut check = workspace.cargo(&["clippy", "--quiet", "--package", &package.name]);
            run(check.args(features).args(["--", "-D", "warnings"]))?;
        }
    }
    Ok(())
}

fn tests(workspace: &Workspace, tally: &mut Tally) -> Result {
    let mut cargo = workspace.cargo(&["test", "--workspace", "--no-fail-fast"]);
    let mut child = cargo.stdout(Stdio::piped()).spawn()?;
    let before = tally.passed;
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line?;
        println!("{line}");
        if let Some((passed, failed)) = counts(&line) {
            tally.passed += passed;
            tally.failed += failed;
        }
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("cargo test: {status}").into());
    }
    if tally.passed == before { Err("no test ran".into()) } else { Ok(()) }
}

/// The numbers of `test result: ok. 3 passed; 0 failed; ..`.
fn counts(line: &str) -> Option<(usize, usize)> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut numbers = numbers.split("; ");
    let mut next = |word| numbers.next()?.strip_suffix(word)?.parse().ok();
    Some((next(" passed")?, next(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn result_lines_are_counted() {
        let line = "test result: FAILED. 11 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s";
        assert_eq!(counts(line), Some((11, 2)));
        assert_eq!(counts("test result: ok. 3 passed; 0 failed; 1 ignored"), Some((3, 0)));
        assert_eq!(counts("test laws::split ... ok"), None);
    }
}
