//! Every fuzz target for a short while: enough to see that it builds, starts from its seeds and finds nothing at once.

use std::process::{Command, Stdio};

use interop::Result;

use crate::run;
use crate::workspace::Workspace;

pub(crate) fn smoke(workspace: &Workspace, seconds: u32) -> Result {
    let cargo_fuzz = |args: &[&str]| {
        // Through rustup's cargo: the one that runs this program belongs to the stable toolchain.
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(&workspace.root)
            .env_remove("RUSTUP_TOOLCHAIN")
            // Each target would be optimised anew together with all that it uses, a minute each.
            .envs([("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "8")])
            .args(["+nightly", "fuzz"])
            .args(args);
        cargo
    };
    let list = cargo_fuzz(&["list"]).stderr(Stdio::inherit()).output()?;
    if !list.status.success() {
        return Err("cargo +nightly fuzz list failed: are nightly and cargo-fuzz installed?".into());
    }
    let targets = String::from_utf8(list.stdout)?;
    if targets.trim().is_empty() {
        return Err("there is no fuzz target".into());
    }
    for target in targets.lines() {
        println!("=== {target}: {seconds} s");
        let time = format!("-max_total_time={seconds}");
        // The first folder takes what is found, the others are only read: the committed seeds stay as they are.
        let found = workspace.target.join("fuzz-found").join(target);
        std::fs::create_dir_all(&found)?;
        let mut fuzz = cargo_fuzz(&["run", "--features", "libfuzzer", target]);
        fuzz.arg(found);
        let seeds = workspace.root.join("fuzz/corpus").join(target);
        if seeds.is_dir() {
            fuzz.arg(seeds);
        }
        run(fuzz.args([
            "--",
            &time,
            "-timeout=10",
            "-rss_limit_mb=1024",
            "-verbosity=0",
            "-print_final_stats=1",
        ]))?;
    }
    Ok(())
}
