//! An allocator that counts what the current thread holds, so that a test can assert "at most N bytes" or
//! "no allocation at all" and mean it, whatever the other tests of the process do.
#![expect(unsafe_code, reason = "implementing GlobalAlloc is unsafe; every call is passed on to System")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The counting allocator. [`codec_laws!`](crate::codec_laws) installs it in the test binary.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    // `const` and without destructor: safe to touch from inside the allocator.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn grow(bytes: usize) {
    COUNT.set(COUNT.get() + 1);
    let live = LIVE.get() + bytes as isize;
    LIVE.set(live);
    if live > PEAK.get() {
        PEAK.set(live);
    }
}

fn shrink(bytes: usize) {
    LIVE.set(LIVE.get() - bytes as isize);
}

// SAFETY: every method passes its arguments to `System` unchanged and returns what it returned.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's contract is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's contract is `System`'s.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: the caller's contract is `System`'s.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        shrink(layout.size());
        grow(new_size);
        // SAFETY: the caller's contract is `System`'s.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// What a closure allocated on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Most bytes held at once above what was held before.
    pub peak: usize,
    /// Number of allocations and reallocations.
    pub count: u64,
}

/// Runs `work` and reports what it allocated on this thread. All zero unless [`Counting`] is the global allocator.
pub fn measure<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let (live, count) = (LIVE.get(), COUNT.get());
    PEAK.set(live);
    let result = work();
    (result, Usage { peak: (PEAK.get() - live).max(0) as usize, count: COUNT.get() - count })
}
