//! The no_std proof: a program with its own panic handler and allocator that uses the codecs. A dependency that brings
//! in std collides with both at its link.

use std::process::Command;

use interop::Result;

use crate::run;
use crate::workspace::Workspace;

/// The package stands outside the workspace.
pub(crate) const MANIFEST: &str = "conformance/no_std/Cargo.toml";

pub(crate) fn run_proof(workspace: &Workspace) -> Result {
    let target = workspace.target.join("no_std");
    let cargo = |args: &[&str]| {
        let mut cargo = workspace.cargo(args);
        cargo.args(["--quiet", "--manifest-path", MANIFEST, "--target-dir"]).arg(&target);
        cargo
    };
    run(cargo(&["clippy"]).args(["--", "-D", "warnings"]))?;
    for profile in ["dev", "release"] {
        run(&mut cargo(&["build", "--profile", profile]))?;
        let folder = if profile == "dev" { "debug" } else { profile };
        run(&mut Command::new(target.join(folder).join("no_std_proof")))?;
        println!("{profile}: links without std, and runs");
    }
    Ok(())
}
