//! Replays the committed seeds.

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(directory).expect("a directory of seeds") {
        let path = entry.expect("an entry").path();
        eprintln!("{}", path.display());
        run(&fs::read(path).expect("a seed"));
        seeds += 1;
    }
    assert!(seeds > 0, "seeds of {target}");
}

#[test]
fn head() {
    replay("http1_head", wire_fuzz::http1::http1_head);
}

#[test]
fn connection() {
    replay("http1_connection", wire_fuzz::http1::http1_connection);
}

#[test]
fn round_trip() {
    replay("http1_round_trip", wire_fuzz::http1::http1_round_trip);
}
