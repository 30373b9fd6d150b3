//! What masking costs, as a ratio to `memcpy` in the same run: `cargo xtask bench mask`.
//!
//! `cargo run --release -p wire-benches --no-default-features --bin mask` shows the loop as compiled for the target's baseline.

use std::hint::black_box;
use std::time::{Duration, Instant};

use wire_ws::frame::Mask;

/// The best of many: bytes per nanosecond.
fn speed(len: usize, mut work: impl FnMut()) -> f64 {
    let rounds = (1 << 22) / len + 1;
    let mut best = Duration::MAX;
    for _ in 0..30 {
        let start = Instant::now();
        (0..rounds).for_each(|_| work());
        best = best.min(start.elapsed());
    }
    (rounds * len) as f64 / best.as_nanos().max(1) as f64
}

fn main() {
    println!("{:>8} {:>10} {:>10} {:>6}", "bytes", "mask GB/s", "copy GB/s", "ratio");
    for len in [128, 512, 1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 1 << 20] {
        let (mut bytes, from) = (vec![1_u8; len], vec![2_u8; len]);
        let mask = speed(len, || {
            black_box(Mask::new(black_box([1, 2, 3, 4])).apply(black_box(&mut bytes)));
        });
        let copy = speed(len, || black_box(&mut bytes).copy_from_slice(black_box(&from)));
        println!("{len:>8} {mask:>10.1} {copy:>10.1} {:>6.2}", mask / copy);
    }
}
