//! The page with all counts, ours beside the peers'.

use std::fmt::Write as _;
use std::fs;

use interop::Result;

use wire_benches::workloads::{CELLS, Cell, ECHOES, HELLOS, HTTP2_ECHOES, HTTP2_HELLOS, Program, What};

use crate::count;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/INSTRUCTIONS.md");

pub(crate) fn write() -> Result {
    let mut page = String::from(
        "# Instructions\n\n\
         Shown by `cargo xtask bench instructions`, which rewrites this page. Counted by callgrind, per message or request:\n\
         the difference of two runs, divided; it repeats to 1 %. Each program answers over a connection in memory that hands\n\
         it so many at once, has nothing to read once, and hands it the next; what it writes is thrown away. The copy out of\n\
         that connection counts, as does everything but the kernel. `wire-ws` is the codec alone, with the same copy.\n\n\
         HTTP/2 of the peers runs on tokio, which they need for their tasks, and which counts.\n\n\
         A count is not a time: it says nothing of caches and wide vectors. It is what does not depend on the machine's load.\n\n",
    );
    let mut targets = String::new();
    table(&mut page, &mut targets, "WebSocket echo", ECHOES, |cell| matches!(cell.what, What::Message(..)))?;
    table(&mut page, &mut targets, "`GET /hello`", HELLOS, |cell| matches!(cell.what, What::Request(_)))?;
    table(&mut page, &mut targets, "`GET /hello` over HTTP/2", HTTP2_HELLOS, |cell| {
        matches!(cell.what, What::Http2Request)
    })?;
    table(&mut page, &mut targets, "WebSocket echo over HTTP/2", HTTP2_ECHOES, |cell| {
        matches!(cell.what, What::Http2Message(_))
    })?;
    write!(
        page,
        "## Targets\n\n| program | cell | at most | measured | |\n|---|---|---|---|---|\n{targets}"
    )?;
    print!("{page}");
    Ok(fs::write(FILE, page)?)
}

fn table(
    page: &mut String,
    targets: &mut String,
    title: &str,
    programs: &[Program],
    of: fn(&Cell) -> bool,
) -> Result {
    write!(page, "## {title}\n\n| |")?;
    for program in programs {
        write!(page, " {} |", program.name)?;
    }
    writeln!(page, "\n|---|{}", "---|".repeat(programs.len()))?;
    for cell in CELLS.iter().filter(|cell| of(cell)) {
        write!(page, "| {} |", cell.name)?;
        for program in programs {
            let count = count(cell, program)?;
            write!(page, " {count:.0} |")?;
            for (_, most) in cell.targets.iter().filter(|(name, _)| *name == program.name) {
                let kept = if count <= *most { "kept" } else { "**missed**" };
                writeln!(targets, "| {} | {} | {most:.0} | {count:.0} | {kept} |", program.name, cell.name)?;
            }
        }
        page.push('\n');
    }
    page.push('\n');
    Ok(())
}
