//! Today's counts against the committed ones. Built without peers, since their features reach into what is shared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use interop::Result;

use wire_benches::callgrind::per_run;
use wire_benches::codecs::GATE;
use wire_benches::workloads::CELLS;

use crate::count;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gate.toml");
/// A change of more is one.
const TOLERANCE: f64 = 0.03;

type Counts = BTreeMap<String, BTreeMap<String, f64>>;

fn measure() -> Result<Counts> {
    if cfg!(feature = "peers") {
        return Err("the gate is built without `peers`".into());
    }
    let mut counts = Counts::new();
    for cell in CELLS {
        for program in cell.programs() {
            let count = (count(cell, program)? * 10.0).round() / 10.0;
            counts.entry(program.name.into()).or_default().insert(cell.name.into(), count);
        }
    }
    for (codec, workload, times) in GATE {
        let count = per_run(&format!("{codec}/{workload}"), *times)?.round();
        counts.entry((*codec).into()).or_default().insert((*workload).into(), count);
    }
    Ok(counts)
}

pub(crate) fn update() -> Result {
    let header = "# Instructions per message or request, and of what a codec does alone (`src/codecs/`), on x86-64 with AVX2. `cargo xtask bench --gate` compares, `--update`\n\
                  # rewrites: where a change is meant, and after a new compiler.\n\n";
    Ok(fs::write(FILE, format!("{header}{}", toml::to_string(&measure()?)?))?)
}

pub(crate) fn compare() -> Result {
    let committed: Counts = toml::from_str(&fs::read_to_string(FILE)?)?;
    let (mut worse, mut better) = (0, 0);
    for (program, cells) in measure()? {
        for (cell, now) in cells {
            let Some(before) = committed.get(&program).and_then(|cells| cells.get(&cell)) else {
                worse += 1;
                println!("{program}, {cell}: {now}, and no committed count");
                continue;
            };
            let change = now / before - 1.0;
            let verdict = if change > TOLERANCE {
                worse += 1;
                "WORSE"
            } else if change < -TOLERANCE {
                better += 1;
                "better"
            } else {
                "ok"
            };
            println!(
                "{verdict:6} {program}, {cell}: {now} instructions, committed {before} ({:+.1} %)",
                change * 100.0
            );
        }
    }
    let file = Path::new(FILE).display();
    if better > 0 {
        println!("{better} better: `cargo xtask bench --gate --update` keeps it so");
    }
    if worse > 0 {
        Err(format!("{worse} counts are worse than {file} says, or not in it").into())
    } else {
        Ok(())
    }
}
