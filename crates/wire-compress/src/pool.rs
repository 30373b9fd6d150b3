//! Compressors and decompressors that are in nobody's use, for the next one on this thread.

#[cfg(feature = "std")]
use alloc::vec::Vec;
#[cfg(feature = "std")]
use core::cell::RefCell;

/// Most of one kind that a thread keeps.
#[cfg(feature = "std")]
const KEEP: usize = 4;

/// A few of one kind. Without `std` there are no threads to know of: it stays empty.
pub(crate) struct Shelf<T> {
    #[cfg(feature = "std")]
    items: RefCell<Vec<T>>,
    #[cfg(not(feature = "std"))]
    kind: core::marker::PhantomData<T>,
}

#[cfg(feature = "std")]
impl<T> Shelf<T> {
    pub(crate) const fn new() -> Self {
        Self { items: RefCell::new(Vec::new()) }
    }

    fn take(&self, fits: impl Fn(&T) -> bool) -> Option<T> {
        let mut items = self.items.borrow_mut();
        // The latest is the warmest.
        let at = items.iter().rposition(fits)?;
        Some(items.remove(at))
    }

    fn give(&self, item: T) {
        let mut items = self.items.borrow_mut();
        // Settings that nobody asks for any more must not keep others out.
        let oldest = (items.len() == KEEP).then(|| items.remove(0));
        items.push(item);
        drop(items);
        drop(oldest);
    }
}

/// A shelf of this thread.
#[cfg(feature = "std")]
pub(crate) type Place<T> = &'static std::thread::LocalKey<Shelf<T>>;
#[cfg(not(feature = "std"))]
pub(crate) type Place<T> = &'static Shelf<T>;

/// Declares a place.
macro_rules! shelf {
    ($name:ident: $kind:ty) => {
        #[cfg(feature = "std")]
        std::thread_local! {
            static $name: $crate::pool::Shelf<$kind> = const { $crate::pool::Shelf::new() };
        }
        #[cfg(not(feature = "std"))]
        static $name: $crate::pool::Shelf<$kind> = $crate::pool::Shelf::new();
    };
}
pub(crate) use shelf;

/// One that fits, the latest that was given. Once the thread ends there is none.
pub(crate) fn take<T>(place: Place<T>, fits: impl Fn(&T) -> bool) -> Option<T> {
    #[cfg(feature = "std")]
    return place.try_with(|shelf| shelf.take(fits)).ok()?;
    #[cfg(not(feature = "std"))]
    {
        let _ = (place, fits);
        None
    }
}

/// Keeps it for the next, or drops it.
pub(crate) fn give<T>(place: Place<T>, item: T) {
    #[cfg(feature = "std")]
    let _ = place.try_with(|shelf| shelf.give(item));
    #[cfg(not(feature = "std"))]
    {
        let _ = place;
        drop(item);
    }
}

#[cfg(not(feature = "std"))]
impl<T> Shelf<T> {
    pub(crate) const fn new() -> Self {
        Self { kind: core::marker::PhantomData }
    }
}
