//! The page that lists a directory.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::os::fd::OwnedFd;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rustix::fs::{AtFlags, Dir, FileType, statat};
use rustix::io::Errno;

use crate::etag::http_date;
use crate::open::Opened;

/// Most entries of a page; a directory with more is listed up to there, and says so.
const MAX_ENTRIES: usize = 10_000;

/// All but unreserved characters (RFC 3986 section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// By what a listing is sorted. Directories come first always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    key: Key,
    descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Name,
    Size,
    Date,
}

impl Order {
    /// `?sort=name`, `size` or `date`, and `&order=desc`. Anything else: by name.
    pub(crate) fn from_query(query: Option<&str>) -> Self {
        let mut order = Self { key: Key::Name, descending: false };
        for pair in query.unwrap_or_default().split('&') {
            match pair {
                "sort=size" => order.key = Key::Size,
                "sort=date" => order.key = Key::Date,
                "order=desc" => order.descending = true,
                _ => {}
            }
        }
        order
    }

    fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        let by_key = match self.key {
            Key::Name => Ordering::Equal,
            Key::Size => a.size.cmp(&b.size),
            Key::Date => a.modified.cmp(&b.modified),
        };
        let forwards = by_key.then_with(|| a.name.cmp(&b.name));
        b.directory.cmp(&a.directory).then(if self.descending { forwards.reverse() } else { forwards })
    }
}

/// One line of a listing.
#[derive(Debug)]
pub(crate) struct Entry {
    name: Vec<u8>,
    directory: bool,
    size: u64,
    modified: i64,
}

/// What can be seen of a directory: what a request could open. `open` opens a link's name, below the root.
pub(crate) fn read(
    directory: &OwnedFd,
    hidden: bool,
    open: impl Fn(&[u8]) -> Option<Opened>,
) -> Result<Vec<Entry>, Errno> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let dots = matches!(name, b"." | b"..");
        if dots || name.iter().any(|byte| matches!(byte, b':' | b'\\')) || (!hidden && name[0] == b'.') {
            continue;
        }
        if entries.len() > MAX_ENTRIES {
            break;
        }
        // It may be gone by now.
        let Ok(stat) = statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let (is_directory, size, modified) = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => (false, u64::try_from(stat.st_size).unwrap_or(0), stat.st_mtime),
            FileType::Directory => (true, 0, stat.st_mtime),
            FileType::Symlink => match open(name) {
                Some(Opened::File(_, facts)) => (false, facts.len, facts.modified.0),
                Some(Opened::Directory(_)) => (true, 0, stat.st_mtime),
                None => continue,
            },
            _ => continue,
        };
        entries.push(Entry { name: name.to_vec(), directory: is_directory, size, modified });
    }
    Ok(entries)
}

/// The page, for the path of a request.
pub(crate) fn page(path: &[u8], mut entries: Vec<Entry>, order: Order) -> String {
    let cut = entries.len() > MAX_ENTRIES;
    entries.truncate(MAX_ENTRIES);
    entries.sort_by(|a, b| order.compare(a, b));
    let title = escape(&format!("/{}", String::from_utf8_lossy(path)));
    let mut html = String::with_capacity(1024 + 160 * entries.len());
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <h1>{title}</h1>\n<table>\n<tr>"
    );
    for (key, name, word) in
        [(Key::Name, "Name", "name"), (Key::Size, "Size", "size"), (Key::Date, "Modified", "date")]
    {
        let current = order.key == key;
        let (arrow, next) = match (current, order.descending) {
            (false, _) => ("", ""),
            (true, false) => (" ▲", "&amp;order=desc"),
            (true, true) => (" ▼", ""),
        };
        let _ = write!(html, "<th><a href=\"?sort={word}{next}\">{name}{arrow}</a>");
    }
    html.push('\n');
    if !path.is_empty() {
        html.push_str("<tr><td><a href=\"../\">../</a><td><td>\n");
    }
    for Entry { name, directory, size, modified } in &entries {
        let slash = if *directory { "/" } else { "" };
        // `./`: a name is never taken for a scheme or an absolute path.
        let _ = writeln!(
            html,
            "<tr><td><a href=\"./{}{slash}\">{}{slash}</a><td>{}<td>{}",
            percent_encode(name, SEGMENT),
            escape(&String::from_utf8_lossy(name)),
            if *directory { String::new() } else { readable(*size) },
            day_and_time(*modified),
        );
    }
    html.push_str("</table>\n");
    if cut {
        let _ = writeln!(html, "<p>The first {MAX_ENTRIES} entries.</p>");
    }
    html
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem}\
h1{font-size:1.2rem;overflow-wrap:anywhere}\
table{width:100%;border-collapse:collapse}\
th{text-align:left}\
td,th{padding:.3rem .5rem .3rem 0;border-bottom:1px solid #8884;overflow-wrap:anywhere}\
td:nth-child(n+2),th:nth-child(n+2){text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
@media(max-width:30rem){td:nth-child(3),th:nth-child(3){display:none}}";

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Bytes as people read them.
fn readable(size: u64) -> String {
    let mut value = size as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{size} B") } else { format!("{value:.1} {unit}") }
}

/// `15 Nov 1994 12:45`, UTC.
fn day_and_time(seconds: i64) -> String {
    let date = http_date(seconds);
    // `Tue, 15 Nov 1994 12:45:26 GMT`
    date.to_str().ok().and_then(|date| date.get(5..22)).unwrap_or_default().to_owned()
}
