//! Open files, kept for a while by the path of the request that found them.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::resource::Resource;

/// At most so many open files, each believed for so long; the oldest goes first.
pub(crate) struct Cache {
    files: usize,
    age: Duration,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_path: HashMap<Arc<str>, (Instant, Arc<Resource>)>,
    /// In the order of their opening; entries that were opened again stand here twice, and the first is void.
    oldest: VecDeque<(Instant, Arc<str>)>,
}

impl Cache {
    pub(crate) fn new(files: usize, age: Duration) -> Self {
        Self { files, age, entries: Mutex::default() }
    }

    /// What is known of a path, unless it is too old.
    pub(crate) fn get(&self, path: &str) -> Option<Arc<Resource>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, resource) = entries.by_path.get(path)?;
        (since.elapsed() < self.age).then(|| Arc::clone(resource))
    }

    /// Keeps an open file; the oldest make room, and those too old go with them.
    pub(crate) fn insert(&self, path: &str, resource: &Arc<Resource>) {
        if self.files == 0 {
            return;
        }
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = &mut *entries;
        let path: Arc<str> = path.into();
        entries.by_path.insert(Arc::clone(&path), (now, Arc::clone(resource)));
        entries.oldest.push_back((now, path));
        while let Some((since, path)) = entries.oldest.front() {
            let current = entries.by_path.get(path).is_some_and(|(opened, _)| opened == since);
            if current && entries.by_path.len() <= self.files && now - *since < self.age {
                break;
            }
            if current {
                entries.by_path.remove(path);
            }
            entries.oldest.pop_front();
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("files", &self.files).field("age", &self.age).finish_non_exhaustive()
    }
}
