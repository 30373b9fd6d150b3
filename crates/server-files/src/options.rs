//! What a [`Files`] is built from.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::cache::Cache;
use crate::files::{Files, Inner, Mount};
use crate::open::Root;
use crate::path::SafePath;
use crate::resource::PREFERENCE;

/// Makes a [`Files`]: [`Files::builder`].
///
/// ```no_run
/// use server_files::Files;
///
/// let files = Files::builder("dist")
///     .mount("/media", "/srv/media")
///     .precompressed(true)
///     .fallback("index.html")
///     .cache_control("assets/*", http::HeaderValue::from_static("public, max-age=31536000, immutable"))
///     .build()?;
/// # Ok::<(), server_files::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    mounts: Vec<(String, PathBuf)>,
    index: Vec<String>,
    listing: bool,
    hidden: bool,
    links: bool,
    precompressed: bool,
    fallback: Option<String>,
    not_found: Option<String>,
    cache_control: Vec<(String, HeaderValue)>,
    content_types: Vec<(String, HeaderValue)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cache: Option<(usize, Duration)>,
}

/// Why there is no [`Files`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A root that cannot be opened as a directory.
    #[error("cannot serve {path}: {error}")]
    Root {
        /// The root.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
    /// A path of a mount, an index file, a fallback or a 404 page that no request could have.
    #[error("not a path that can be served: {0}")]
    Path(String),
}

impl Builder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            mounts: vec![("/".to_owned(), root)],
            index: vec!["index.html".to_owned()],
            listing: false,
            hidden: false,
            links: false,
            precompressed: false,
            fallback: None,
            not_found: None,
            cache_control: Vec::new(),
            content_types: Vec::new(),
            headers: Vec::new(),
            cache: None,
        }
    }

    /// Serves another directory for what is at or below `path`; the longest path that fits a request counts.
    pub fn mount(mut self, path: &str, root: impl AsRef<Path>) -> Self {
        self.mounts.push((path.to_owned(), root.as_ref().to_owned()));
        self
    }

    /// Files that stand for their directory, the first that is there. Default: `index.html`.
    pub fn index(mut self, names: &[&str]) -> Self {
        self.index = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Lists directories that have no index file. Default: they are not found.
    pub fn listing(mut self, on: bool) -> Self {
        self.listing = on;
        self
    }

    /// Serves and lists names that begin with a dot. Default: they are not found, but for `/.well-known/` (RFC 8615).
    pub fn hidden(mut self, on: bool) -> Self {
        self.hidden = on;
        self
    }

    /// Follows symbolic links that lead to what is below the root, and that are relative. Default: no link is followed,
    /// and what is behind one is not found. Links that lead out of the root are never followed.
    ///
    /// Needs `openat2` (Linux 5.6); elsewhere no link is followed.
    pub fn follow_links(mut self, on: bool) -> Self {
        self.links = on;
        self
    }

    /// Serves `name.zst`, `name.br` or `name.gz` in place of `name` to clients that take the coding, if it is not older.
    /// Every response that a file decides on, 304, 412 and 416 too, then says `Vary: accept-encoding`. Default: off.
    pub fn precompressed(mut self, on: bool) -> Self {
        self.precompressed = on;
        self
    }

    /// A file that is served with 200 where nothing is found: a single-page application's page. Only for requests that
    /// look like a page's: the last segment has no dot, or `Accept` names `text/html`.
    pub fn fallback(mut self, path: &str) -> Self {
        self.fallback = Some(path.to_owned());
        self
    }

    /// A file that is the content of every 404.
    pub fn not_found(mut self, path: &str) -> Self {
        self.not_found = Some(path.to_owned());
        self
    }

    /// `Cache-Control` for files whose path, without its first `/`, fits the pattern: `*` stands for any characters. The
    /// first pattern that fits counts.
    pub fn cache_control(mut self, pattern: &str, value: HeaderValue) -> Self {
        self.cache_control.push((pattern.to_owned(), value));
        self
    }

    /// The content type of files with this extension, instead of the one that everybody uses.
    pub fn content_type(mut self, extension: &str, value: HeaderValue) -> Self {
        self.content_types.push((extension.to_owned(), value));
        self
    }

    /// A field of every response, beside `X-Content-Type-Options: nosniff`.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Keeps the descriptors and fields of up to `files` files, and believes them for `age` since they were opened; nothing
    /// but age makes them be looked at again. Default: every request opens its file.
    ///
    /// So what changes on disk is seen up to `age` later. Till then a file that was deleted or replaced by another one (by
    /// rename, as it should be) is sent as it was, whole, and so is one that a precompressed form has come beside. One that
    /// was written to in place is sent with its new bytes under the old tag, date and length; one that became shorter ends the
    /// connection. What was not found is not kept: a new file is there at once.
    ///
    /// Each file costs one descriptor, and one more for each coding of it that was asked for. There are fewer files where these
    /// could be more than half of the descriptors that the process may have (`RLIMIT_NOFILE`). Files that are too old are
    /// closed when the next one is opened.
    pub fn cache(mut self, files: usize, age: Duration) -> Self {
        self.cache = Some((files, age));
        self
    }

    /// Opens the roots. A fallback or 404 page that is not there yet is worth a warning (`tracing`), and no more.
    ///
    /// # Errors
    /// A root cannot be opened, or a path is none.
    pub fn build(self) -> Result<Files, BuildError> {
        let parse = |path: &str| {
            let path = path.trim_start_matches('/');
            let parsed = SafePath::parse(&format!("/{path}"), true);
            parsed.map_err(|_| BuildError::Path(path.to_owned()))
        };
        let mut mounts = Vec::with_capacity(self.mounts.len());
        for (prefix, path) in self.mounts {
            let prefix = parse(&prefix)?.relative;
            let root = Root::open_root(&path, self.links)
                .map_err(|errno| BuildError::Root { path, error: errno.into() })?;
            mounts.push(Mount { prefix, root });
        }
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.prefix.len()));
        let file = |path: Option<String>| path.map(|path| parse(&path)).transpose();
        for name in &self.index {
            parse(name)?;
        }
        let descriptors = if self.precompressed { 1 + PREFERENCE.len() } else { 1 };
        let inner = Inner {
            mounts,
            index: self.index,
            listing: self.listing,
            hidden: self.hidden,
            precompressed: self.precompressed,
            fallback: file(self.fallback)?,
            not_found: file(self.not_found)?,
            cache_control: self.cache_control,
            content_types: self.content_types,
            headers: self.headers,
            cache: self.cache.map(|(files, age)| Cache::new(files, age, descriptors)),
        };
        inner.look_for_pages();
        Ok(Files { inner: Arc::new(inner) })
    }
}

/// Whether a text fits a pattern in which `*` stands for any bytes.
pub(crate) fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and what it has swallowed: only that is ever tried again.
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, swallowed)) = star {
            star = Some((at, swallowed + 1));
            (p, t) = (at + 1, swallowed + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a/b", true),
            ("", "", true),
            ("", "a", false),
            ("*.js", "a/b.js", true),
            ("*.js", "a.jsx", false),
            ("assets/*", "assets/x/y", true),
            ("assets/*", "assets", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXc", false),
            ("**a", "ba", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
