//! Compressors and decompressors that are in no connection's use: a few for each thread, where there are threads.

use flate2::{Compress, Compression, Decompress};

/// A compressor, with the level and the window that it was made for.
pub(super) struct Compressor {
    pub(super) inner: Compress,
    #[cfg(feature = "std")]
    made_for: (u8, u8),
}

/// Most of each that a thread keeps.
#[cfg(feature = "std")]
const KEEP: usize = 4;

#[cfg(feature = "std")]
mod of_thread {
    extern crate std;

    use alloc::vec::Vec;
    use core::cell::RefCell;

    use flate2::Decompress;

    use super::{Compressor, KEEP};

    std::thread_local! {
        static DECOMPRESSORS: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
        static COMPRESSORS: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
    }

    // Once the thread ends there is no pool: then nothing is found, and what is given is dropped.

    pub(super) fn take_decompressor() -> Option<Decompress> {
        DECOMPRESSORS.try_with(|pool| pool.borrow_mut().pop()).ok()?
    }

    pub(super) fn give_decompressor(inflate: Decompress) {
        let _ = DECOMPRESSORS.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEEP {
                pool.push(inflate);
            }
        });
    }

    pub(super) fn take_compressor(level: u8, window_bits: u8) -> Option<Compressor> {
        COMPRESSORS
            .try_with(|pool| {
                let mut pool = pool.borrow_mut();
                let same = |c: &Compressor| c.made_for == (level, window_bits);
                let at = pool.iter().position(same)?;
                Some(pool.swap_remove(at))
            })
            .ok()?
    }

    pub(super) fn give_compressor(deflate: Compressor) {
        let _ = COMPRESSORS.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() == KEEP {
                // Settings that nobody asks for any more must not keep others out.
                pool.remove(0);
            }
            pool.push(deflate);
        });
    }
}

/// A decompressor at the start of a raw stream. Its window is the largest, which suits every stream.
pub(super) fn take_decompressor() -> Decompress {
    #[cfg(feature = "std")]
    if let Some(mut inflate) = of_thread::take_decompressor() {
        inflate.reset(false);
        return inflate;
    }
    Decompress::new_with_window_bits(false, 15)
}

pub(super) fn give_decompressor(inflate: Decompress) {
    #[cfg(feature = "std")]
    of_thread::give_decompressor(inflate);
    #[cfg(not(feature = "std"))]
    drop(inflate);
}

/// A compressor at the start of a raw stream. Window bits are 9 to 15, levels 1 to 9.
pub(super) fn take_compressor(level: u8, window_bits: u8) -> Compressor {
    #[cfg(feature = "std")]
    if let Some(mut deflate) = of_thread::take_compressor(level, window_bits) {
        deflate.inner.reset();
        return deflate;
    }
    let inner = Compress::new_with_window_bits(Compression::new(u32::from(level)), false, window_bits);
    Compressor {
        inner,
        #[cfg(feature = "std")]
        made_for: (level, window_bits),
    }
}

pub(super) fn give_compressor(deflate: Compressor) {
    #[cfg(feature = "std")]
    of_thread::give_compressor(deflate);
    #[cfg(not(feature = "std"))]
    drop(deflate);
}
