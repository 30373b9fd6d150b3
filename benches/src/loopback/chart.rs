//! One chart per group: bars of CPU time per operation, the spread as a line, least first.

use std::fmt::Write as _;

use interop::Result;

use crate::cells::{Cell, Group};
use crate::report::{Row, time};

const WIDTH: f64 = 900.0;
const NAMES: f64 = 190.0;
const BARS: f64 = 470.0;
const LINE: f64 = 20.0;

pub(crate) fn draw(group: &Group, cells: &[(&Cell, Vec<Row>)]) -> Result<String> {
    let lines: usize = cells.iter().map(|(_, rows)| rows.len() + 2).sum();
    let height = LINE * (lines as f64 + 2.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{}: server CPU time per operation (less is better)</text>\n",
        group.title
    );
    let mut y = 2.0 * LINE;
    for (cell, rows) in cells {
        y += LINE;
        writeln!(svg, "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{}</text>", cell.name)?;
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by(|a, b| a.cpu.median.total_cmp(&b.cpu.median));
        let longest = rows.iter().map(|row| row.cpu.median).fold(0.0, f64::max);
        for row in rows {
            let at = |nanoseconds: f64| NAMES + BARS * (nanoseconds / longest).min(1.05);
            let fill = match &row.server[..] {
                name if name.starts_with("server-core") => "#c2410c",
                name if name.starts_with("floor") => "#cbd5e1",
                _ => "#64748b",
            };
            let (middle, label) = (y + 0.65 * LINE, y + 0.85 * LINE);
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{label}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{NAMES}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{fill}\"/>\
                 <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"#000\"/>\
                 <text x=\"{:.1}\" y=\"{label}\">{} (×{:.2} CPU, ×{:.2} rate)</text>",
                NAMES - 8.0,
                row.server,
                y + 0.3 * LINE,
                at(row.cpu.median) - NAMES,
                0.7 * LINE,
                at(row.cpu.least),
                at(row.cpu.most),
                at(row.cpu.median.max(row.cpu.most)) + 6.0,
                time(row.cpu.median),
                row.cpu_ratio.median,
                row.rate_ratio.median
            )?;
            y += LINE;
        }
        y += LINE;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}
