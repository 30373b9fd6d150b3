//! Counting instructions: a program starts itself under valgrind, once with a count and once with its double.

use std::env;
use std::process::Command;

use interop::Result;

/// Instructions of one run of a workload of this program, which `PROGRAM NAME COUNT` runs so many times: the
/// difference of two runs, divided, so that what is prepared does not count.
///
/// # Errors
/// valgrind is not installed, or the program failed.
pub fn per_run(name: &str, count: u64) -> Result<f64> {
    let (few, many) = (instructions(name, count)?, instructions(name, 2 * count)?);
    Ok((many as f64 - few as f64) / count as f64)
}

/// callgrind takes each byte of `rep movsb` for an instruction: libc is told to copy by vectors, whatever the length.
const VECTORS: &str =
    "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824";

/// Instructions of this program with these arguments.
///
/// # Errors
/// As [`per_run`].
pub fn instructions(name: &str, count: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .env("GLIBC_TUNABLES", VECTORS)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([name, &count.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let count = log.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    match count {
        Some(count) if output.status.success() => Ok(count.parse()?),
        _ => Err(format!("{name} failed under callgrind:\n{log}").into()),
    }
}
