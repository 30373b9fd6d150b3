//! The allocator that brotli is given: what an encoder gives back serves the next one.

use alloc::vec::Vec;

use brotli::enc::command::Command;
use brotli::enc::{BrotliAlloc, StaticCommand, ZopfliNode, cluster, entropy_encode, histogram, interface};
use brotli::{Allocator, SliceWrapper, SliceWrapperMut};

/// Allocated memory.
pub(crate) struct Cells<T>(Vec<T>);

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> SliceWrapper<T> for Cells<T> {
    fn slice(&self) -> &[T] {
        &self.0
    }
}

impl<T> SliceWrapperMut<T> for Cells<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// For decoders: from the heap, and back to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heap;

impl<T: Clone + Default> Allocator<T> for Heap {
    type AllocatedMemory = Cells<T>;

    fn alloc_cell(&mut self, len: usize) -> Cells<T> {
        Cells(alloc::vec![T::default(); len])
    }

    fn free_cell(&mut self, _: Cells<T>) {}
}

/// For encoders: what is freed is kept, and serves the next one. It is cleared first: nothing of one response is ever seen by
/// the encoder of another, and the encoder trusts its hash tables.
#[derive(Default)]
pub(crate) struct Recycled {
    bytes: Vec<Vec<u8>>,
    shorts: Vec<Vec<u16>>,
    words: Vec<Vec<u32>>,
    ints: Vec<Vec<i32>>,
    commands: Vec<Vec<Command>>,
}

/// Blocks of each type that are kept.
const KEEP: usize = 2;

impl Recycled {
    /// Bytes held for the next encoder.
    pub(crate) fn held(&self) -> usize {
        fn sum<T>(blocks: &[Vec<T>]) -> usize {
            blocks.iter().map(|block| block.capacity() * size_of::<T>()).sum()
        }
        sum(&self.bytes) + sum(&self.shorts) + sum(&self.words) + sum(&self.ints) + sum(&self.commands)
    }
}

/// The smallest block that is large enough.
fn take<T>(blocks: &mut Vec<Vec<T>>, len: usize) -> Option<Vec<T>> {
    let fits = blocks.iter().enumerate().filter(|(_, block)| block.capacity() >= len);
    let (at, _) = fits.min_by_key(|(_, block)| block.capacity())?;
    Some(blocks.swap_remove(at))
}

/// A block of defaults.
fn clean<T: Clone + Default>(blocks: &mut Vec<Vec<T>>, len: usize) -> Cells<T> {
    match take(blocks, len) {
        Some(mut block) => {
            block.clear();
            block.resize(len, T::default());
            Cells(block)
        }
        None => Cells(alloc::vec![T::default(); len]),
    }
}

/// Keeps the largest ones.
fn give<T>(blocks: &mut Vec<Vec<T>>, cells: Cells<T>) {
    if cells.0.capacity() == 0 {
        return;
    }
    blocks.push(cells.0);
    if blocks.len() > KEEP
        && let Some((at, _)) = blocks.iter().enumerate().min_by_key(|(_, block)| block.capacity())
    {
        blocks.swap_remove(at);
    }
}

macro_rules! recycled {
    ($($kind:ty: $field:ident),+ $(,)?) => {$(
        impl Allocator<$kind> for Recycled {
            type AllocatedMemory = Cells<$kind>;

            fn alloc_cell(&mut self, len: usize) -> Cells<$kind> {
                clean(&mut self.$field, len)
            }

            fn free_cell(&mut self, cells: Cells<$kind>) {
                give(&mut self.$field, cells);
            }
        }
    )+};
}

recycled!(u8: bytes, u16: shorts, u32: words, i32: ints, Command: commands);

macro_rules! plain {
    ($($kind:ty),+ $(,)?) => {$(
        impl Allocator<$kind> for Recycled {
            type AllocatedMemory = Cells<$kind>;

            fn alloc_cell(&mut self, len: usize) -> Cells<$kind> {
                Heap.alloc_cell(len)
            }

            fn free_cell(&mut self, _: Cells<$kind>) {}
        }
    )+};
}

plain!(
    u64,
    brotli::enc::floatX,
    brotli::enc::v8,
    brotli::enc::s16,
    brotli::enc::PDF,
    StaticCommand,
    histogram::HistogramLiteral,
    histogram::HistogramCommand,
    histogram::HistogramDistance,
    cluster::HistogramPair,
    histogram::ContextType,
    entropy_encode::HuffmanTree,
    ZopfliNode,
);

impl BrotliAlloc for Recycled {}

/// What the encoder tells of its commands; nobody asks.
pub(crate) fn ignore(
    _: &mut interface::PredictionModeContextMap<brotli::InputReferenceMut<'_>>,
    _: &mut [StaticCommand],
    _: brotli::InputPair<'_>,
    _: &mut Recycled,
) {
}
