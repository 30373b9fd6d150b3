//! The last bytes of a stream: the LZ77 window that a decompressor takes over from message to message.

use alloc::vec::Vec;

use flate2::Decompress;

/// A ring of at most `window` bytes, which grows with what it is given.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// In order while it grows; then the oldest byte is at `at`.
    ring: Vec<u8>,
    at: usize,
    window: usize,
}

impl History {
    pub(super) fn new(window_bits: u8) -> Self {
        Self { ring: Vec::new(), at: 0, window: 1 << window_bits }
    }

    /// Adds what follows.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut bytes = &bytes[bytes.len().saturating_sub(self.window)..];
        let room = self.window - self.ring.len();
        if room > 0 {
            let (head, tail) = bytes.split_at(room.min(bytes.len()));
            if self.ring.capacity() - self.ring.len() < head.len() {
                // As a `Vec` grows, but never beyond the window.
                self.ring.reserve_exact(head.len().max(self.ring.len()).min(room));
            }
            self.ring.extend_from_slice(head);
            bytes = tail;
        }
        while !bytes.is_empty() {
            let (head, tail) = bytes.split_at((self.window - self.at).min(bytes.len()));
            self.ring[self.at..self.at + head.len()].copy_from_slice(head);
            self.at = (self.at + head.len()) % self.window;
            bytes = tail;
        }
    }

    /// Forgets everything, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.ring.clear();
        self.at = 0;
    }

    /// Gives back memory that is not in use.
    pub(super) fn shrink(&mut self) {
        self.ring.shrink_to_fit();
    }

    /// Makes it the window of a decompressor that was just reset. For a raw stream that cannot fail.
    pub(super) fn prime(&self, inflate: &mut Decompress) {
        let (new, old) = self.ring.split_at(self.at);
        for part in [old, new] {
            if !part.is_empty() {
                let primed = inflate.set_dictionary(part);
                debug_assert!(primed.is_ok(), "a raw stream takes any dictionary");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::rng::Rng;

    use super::*;

    #[test]
    fn it_is_the_last_bytes_of_all_that_was_pushed() {
        let mut rng = Rng::new(1);
        for _ in 0..20 {
            let mut history = History::new(9);
            let mut all = Vec::new();
            for _ in 0..60 {
                let mut piece = alloc::vec![0; [0, 1, rng.below(100), rng.below(1_500)][rng.below(4)]];
                rng.fill(&mut piece);
                history.push(&piece);
                all.extend_from_slice(&piece);
                let (new, old) = history.ring.split_at(history.at);
                assert_eq!([old, new].concat(), all[all.len().saturating_sub(512)..]);
                assert!(history.ring.capacity() <= 512);
            }
        }
    }
}
