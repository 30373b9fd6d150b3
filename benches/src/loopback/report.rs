//! The page.

use std::fmt::Write as _;
use std::time::Duration;

use interop::Result;

use crate::cells::{Cell, Group};
use crate::slot::Slot;

/// Least, median and greatest.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |i: usize| values.get(i).copied().unwrap_or(f64::NAN);
        let (low, high) = (at(values.len().saturating_sub(1) / 2), at(values.len() / 2));
        Self { least: at(0), median: low.midpoint(high), most: at(values.len().saturating_sub(1)) }
    }
}

/// One server in one cell.
pub(crate) struct Row {
    pub(crate) server: String,
    pub(crate) rate: Spread,
    /// Nanoseconds per operation.
    pub(crate) cpu: Spread,
    /// To the peer in the same round.
    pub(crate) rate_ratio: Spread,
    pub(crate) cpu_ratio: Spread,
    foreign: Spread,
}

impl Row {
    pub(crate) fn new(server: &str, own: &[Slot], peer: &[Slot]) -> Self {
        let ratio =
            |of: fn(&Slot) -> f64| Spread::of(own.iter().zip(peer).map(|(own, peer)| of(own) / of(peer)));
        Self {
            server: server.to_owned(),
            rate: Spread::of(own.iter().map(|slot| slot.rate)),
            cpu: Spread::of(own.iter().map(|slot| slot.cpu)),
            rate_ratio: ratio(|slot| slot.rate),
            cpu_ratio: ratio(|slot| slot.cpu),
            foreign: Spread::of(own.iter().map(|slot| slot.foreign)),
        }
    }
}

pub(crate) fn head(rounds: usize, time: Duration, quick: bool) -> String {
    let (command, caveat) = if quick {
        (
            "cargo xtask bench --quick",
            "\n**This was a quick run**, in which no slot is repeated for the sake of quiet: look at the column of other\n\
             load before you believe a rate. CPU time per operation suffers less.\n",
        )
    } else {
        ("cargo xtask bench", "")
    };
    format!(
        "# Side by side over loopback\n\n\
         Shown by `{command}`, which rewrites this page. {rounds} rounds of slots of {time:?}; in each round every server of a\n\
         cell has one slot, in turn. Each figure is the median of the rounds, with the least and the greatest; a ratio is to\n\
         the group's peer in the same round. Server and load are pinned to a core each, a server has one thread.\n\n\
         **CPU time per operation** is the server's own, kernel included, from the scheduler. It is the measure: at high\n\
         rates the load's core is the limit, and a server that idles looks no faster. `floor-*` are loops that answer\n\
         canned bytes: what the kernel costs, and over HTTP/2 what `h2` does. `*-gather` feeds and flushes once for what arrived at once.\n\
         *Other load* is the share of the two cores that somebody else took, or the hypervisor.\n{caveat}"
    )
}

pub(crate) fn section(group: &Group, cells: &[(&Cell, Vec<Row>)]) -> Result<String> {
    let mut page = format!("\n## {}\n\n![chart](RESULTS-{}.svg)\n", group.title, group.name);
    for (cell, rows) in cells {
        write!(
            page,
            "\n### {}\n\n| server | per second | (spread) | to {peer} | CPU per operation | (spread) | to {peer} | other load | target |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            cell.name,
            peer = group.peer
        )?;
        for row in rows {
            let Row { server, rate, cpu, rate_ratio, cpu_ratio, foreign } = row;
            writeln!(
                page,
                "| {server} | {:.0} | {:.0}–{:.0} | {:.2} | {} | {}–{} | {:.2} | {:.0} % | {} |",
                rate.median,
                rate.least,
                rate.most,
                rate_ratio.median,
                time(cpu.median),
                time(cpu.least),
                time(cpu.most),
                cpu_ratio.median,
                foreign.median * 100.0,
                targets(cell, row, rows)
            )?;
        }
    }
    Ok(page)
}

fn targets(cell: &Cell, row: &Row, rows: &[Row]) -> String {
    let mut said = Vec::new();
    for target in cell.targets.iter().filter(|target| target.server == row.server) {
        // To the group's peer within each round, to others by the medians.
        let other = rows.iter().find(|row| target.to == Some(&row.server));
        let rate = other.map_or(row.rate_ratio.median, |other| row.rate.median / other.rate.median);
        let cpu = other.map_or(row.cpu_ratio.median, |other| row.cpu.median / other.cpu.median);
        let of = target.to.map(|name| format!(" of {name}")).unwrap_or_default();
        let mut say = |what: String, kept: bool| {
            said.push(format!("{what}: {}", if kept { "kept" } else { "**missed**" }));
        };
        if let Some(least) = target.least_rate {
            say(format!("rate ≥ {least}{of}"), rate >= least);
        }
        if let Some(most) = target.most_cpu {
            say(format!("CPU ≤ {most}{of}"), cpu <= most);
        }
    }
    said.join("; ")
}

pub(crate) fn time(nanoseconds: f64) -> String {
    if nanoseconds < 995.0 { format!("{nanoseconds:.0} ns") } else { format!("{:.2} µs", nanoseconds / 1e3) }
}
