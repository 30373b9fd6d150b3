//! What a thread keeps for whoever needs it next.

use std::cell::Cell;

/// Up to `N` boxes, the last one kept the first one taken: that one is still in the processor's cache.
pub(crate) struct Pool<T, const N: usize>([Cell<Option<Box<T>>>; N]);

impl<T, const N: usize> Pool<T, N> {
    pub(crate) const fn new() -> Self {
        Self([const { Cell::new(None) }; N])
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<Box<T>> {
        self.0.iter().find_map(Cell::take)
    }

    /// Keeps it. Where there are so many already, the oldest one goes.
    #[inline]
    pub(crate) fn put(&self, kept: Box<T>) {
        let mut kept = Some(kept);
        for place in &self.0 {
            kept = place.replace(kept);
            if kept.is_none() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_kept_are_taken_first() {
        let pool: Pool<u32, 3> = Pool::new();
        assert_eq!(pool.take(), None);
        (1..=4).for_each(|number| pool.put(Box::new(number)));
        assert_eq!(pool.take().as_deref(), Some(&4));
        pool.put(Box::new(5));
        for expected in [Some(5), Some(3), Some(2), None] {
            assert_eq!(pool.take().as_deref(), expected.as_ref());
        }
    }
}
