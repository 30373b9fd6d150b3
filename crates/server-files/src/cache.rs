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
    /// `each`: most descriptors of a file. All together they take at most half of those that the process may have
    /// (`RLIMIT_NOFILE`), however many `files` are asked for: the other half is for connections and for files on their way.
    pub(crate) fn new(files: usize, age: Duration, each: usize) -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let most = limit.map_or(files, |limit| usize::try_from(limit).unwrap_or(files) / 2 / each);
        if files > most {
            tracing::warn!("the open-file cache holds {most} files instead of {files}: RLIMIT_NOFILE is low");
        }
        Self { files: files.min(most), age, entries: Mutex::default() }
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
