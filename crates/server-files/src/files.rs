//! [`Files`]: from a request to what it names.

use std::fs::File;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use server_core::file::{Blocking, FileBody};
use wire_compress::{Coding, negotiate};

use crate::cache::Cache;
use crate::open::{Facts, Fault, Opened, Root, Wait};
use crate::options::{BuildError, Builder, fits};
use crate::path::{PathError, SafePath};
use crate::request::{Field, FileRequest, Method};
use crate::resource::{Representation, Resource, suffix};
use crate::response::Chosen;
use crate::{etag, listing, mime, response};

/// Serves the files of a directory. Clones are the same service.
///
/// GET and HEAD; to other methods it answers 405. See the crate's documentation for what it promises.
#[derive(Clone, Debug)]
pub struct Files {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// The longest prefix first; the last one is empty.
    pub(crate) mounts: Vec<Mount>,
    pub(crate) index: Vec<String>,
    pub(crate) listing: bool,
    pub(crate) hidden: bool,
    pub(crate) precompressed: bool,
    pub(crate) fallback: Option<SafePath>,
    pub(crate) not_found: Option<SafePath>,
    pub(crate) cache_control: Vec<(String, HeaderValue)>,
    pub(crate) content_types: Vec<(String, HeaderValue)>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) cache: Option<Cache>,
}

/// A root, and the segments below which it is.
#[derive(Debug)]
pub(crate) struct Mount {
    pub(crate) prefix: Vec<u8>,
    pub(crate) root: Root,
}

/// What a path names.
enum Found {
    File(Arc<Resource>),
    /// A directory that was asked for without its slash.
    Redirect,
    /// The content of a directory.
    Listing(Vec<u8>),
    Nothing,
}

impl Files {
    /// The files below `root`, with every option at its default.
    ///
    /// # Errors
    /// The root cannot be opened as a directory.
    pub fn new(root: impl AsRef<Path>) -> Result<Self, BuildError> {
        Self::builder(root).build()
    }

    /// The files below `root`, with options.
    pub fn builder(root: impl AsRef<Path>) -> Builder {
        Builder::new(root.as_ref().to_owned())
    }

    /// Answers a request. The future borrows nothing, and is ready at once where the kernel has in memory what it takes
    /// to open the file.
    pub fn serve<'a>(&self, request: impl Into<FileRequest<'a>>) -> ServeFuture {
        let request = request.into();
        let now = etag::seconds(SystemTime::now());
        ServeFuture(match self.inner.answer(&request, now, Wait::Never) {
            Ok(response) => State::Ready(Some(response)),
            Err(WouldBlock) => {
                let (inner, request) = (Arc::clone(&self.inner), request.into_owned());
                State::Waiting(Blocking::run(move || {
                    // Allowed to wait, it never says that it would.
                    inner.answer(&request, now, Wait::Allowed).unwrap_or_else(|WouldBlock| {
                        inner.finish(&request, response::error(StatusCode::SERVICE_UNAVAILABLE))
                    })
                }))
            }
        })
    }
}

/// A response to come.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ServeFuture(State);

#[derive(Debug)]
enum State {
    Ready(Option<Response<FileBody>>),
    Waiting(Blocking<Response<FileBody>>),
}

impl Future for ServeFuture {
    type Output = Response<FileBody>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(response) => Poll::Ready(response.take().expect("polled behind its end")),
            State::Waiting(task) => Pin::new(task).poll(cx),
        }
    }
}

/// The answer takes a disk, and the caller must not wait for it.
struct WouldBlock;

impl Inner {
    /// The whole answer. Nothing of a try that would have had to wait is kept.
    fn answer(
        &self,
        request: &FileRequest<'_>,
        now: i64,
        wait: Wait,
    ) -> Result<Response<FileBody>, WouldBlock> {
        let response = if request.method == Method::Other {
            let mut response = response::error(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        } else {
            match self.file_or_failure(request, now, wait) {
                Ok(response) => response,
                Err(Fault::WouldBlock) => return Err(WouldBlock),
                Err(Fault::Absent) => response::error(StatusCode::NOT_FOUND),
                Err(Fault::Exhausted) => {
                    tracing::warn!("out of descriptors or memory");
                    response::error(StatusCode::SERVICE_UNAVAILABLE)
                }
                Err(Fault::Failed(errno)) => {
                    tracing::error!(%errno, "the file system failed");
                    response::error(StatusCode::INTERNAL_SERVER_ERROR)
                }
            }
        };
        Ok(self.finish(request, response))
    }

    fn file_or_failure(
        &self,
        request: &FileRequest<'_>,
        now: i64,
        wait: Wait,
    ) -> Result<Response<FileBody>, Fault> {
        // What is kept under a path was parsed when it was found.
        let found = match self.cache.as_ref().and_then(|cache| cache.get(&request.path)) {
            Some(resource) => Found::File(resource),
            None => match SafePath::parse(&request.path, self.hidden) {
                Err(PathError::Malformed) => return Ok(response::error(StatusCode::BAD_REQUEST)),
                Err(PathError::NotFound) => Found::Nothing,
                Ok(path) => self.find(request, path, wait)?,
            },
        };
        match found {
            Found::File(resource) => {
                let chosen = self.choose(request, &resource, wait)?;
                Ok(response::of_file(request, &resource, &chosen, now))
            }
            Found::Redirect => Ok(response::redirect(request)),
            Found::Listing(page) => Ok(response::page(page)),
            Found::Nothing => self.nothing(request, now, wait),
        }
    }

    /// The mount for a path, and the path below it.
    fn mount<'a>(&self, relative: &'a [u8]) -> Option<(&Root, &'a [u8])> {
        self.mounts.iter().find_map(|Mount { prefix, root }| {
            let rest = relative.strip_prefix(&prefix[..])?;
            match rest {
                _ if prefix.is_empty() => Some((root, rest)),
                [] => Some((root, rest)),
                [b'/', rest @ ..] => Some((root, rest)),
                _ => None,
            }
        })
    }

    fn find(&self, request: &FileRequest<'_>, path: SafePath, wait: Wait) -> Result<Found, Fault> {
        let Some((root, below)) = self.mount(&path.relative) else { return Ok(Found::Nothing) };
        let opened = match root.open(below, wait) {
            Err(Fault::Absent) => return Ok(Found::Nothing),
            opened => opened?,
        };
        let directory = match opened {
            Opened::File(..) if path.directory => return Ok(Found::Nothing),
            Opened::File(file, facts) => {
                let resource = self.resource(file, facts, path.relative);
                return Ok(Found::File(self.keep(&request.path, resource)));
            }
            Opened::Directory(_) if !path.directory => return Ok(Found::Redirect),
            Opened::Directory(directory) => directory,
        };
        for name in &self.index {
            match root.open(&join(below, name), wait) {
                Ok(Opened::File(file, facts)) => {
                    let resource = self.resource(file, facts, join(&path.relative, name));
                    return Ok(Found::File(self.keep(&request.path, resource)));
                }
                Ok(Opened::Directory(_)) | Err(Fault::Absent) => {}
                Err(fault) => return Err(fault),
            }
        }
        if !self.listing {
            return Ok(Found::Nothing);
        }
        // Reading a directory waits for the disk.
        if wait == Wait::Never {
            return Err(Fault::WouldBlock);
        }
        let order = listing::Order::from_query(request.query.as_deref());
        let entries = listing::read(&directory, self.hidden, |name| root.open(&join(below, name), wait).ok())
            .map_err(Fault::Failed)?;
        Ok(Found::Listing(listing::page(&path.relative, entries, order).into_bytes()))
    }

    /// Where nothing is: the application's page, the 404 page, or a line.
    fn nothing(&self, request: &FileRequest<'_>, now: i64, wait: Wait) -> Result<Response<FileBody>, Fault> {
        if let Some(path) = self.fallback.as_ref().filter(|_| wants_page(request))
            && let Some(resource) = self.own(path, wait)?
        {
            let chosen = self.choose(request, &resource, wait)?;
            return Ok(response::of_file(request, &resource, &chosen, now));
        }
        if let Some(path) = &self.not_found
            && let Some(resource) = self.own(path, wait)?
        {
            return Ok(response::not_found(&resource));
        }
        Err(Fault::Absent)
    }

    /// Says which of the pages for where nothing is are not there themselves: a name that is mistyped shows nowhere else.
    pub(crate) fn look_for_pages(&self) {
        for path in [&self.fallback, &self.not_found].into_iter().flatten() {
            if !matches!(self.own(path, Wait::Allowed), Ok(Some(_))) {
                let path = String::from_utf8_lossy(&path.relative);
                tracing::warn!("where nothing is found, {path} is to be served, and is not there");
            }
        }
    }

    /// A file that the options name. Kept under a key that no request has: paths begin with a slash.
    fn own(&self, path: &SafePath, wait: Wait) -> Result<Option<Arc<Resource>>, Fault> {
        let key = String::from_utf8_lossy(&path.relative);
        if let Some(resource) = self.cache.as_ref().and_then(|cache| cache.get(&key)) {
            return Ok(Some(resource));
        }
        let Some((root, below)) = self.mount(&path.relative) else { return Ok(None) };
        match root.open(below, wait) {
            Ok(Opened::File(file, facts)) => {
                Ok(Some(self.keep(&key, self.resource(file, facts, path.relative.clone()))))
            }
            Ok(Opened::Directory(_)) | Err(Fault::Absent) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn keep(&self, key: &str, resource: Resource) -> Arc<Resource> {
        let resource = Arc::new(resource);
        if let Some(cache) = &self.cache {
            cache.insert(key, &resource);
        }
        resource
    }

    fn resource(&self, file: Arc<File>, facts: Facts, relative: Vec<u8>) -> Resource {
        let extension = mime::extension(&relative);
        let own = self
            .content_types
            .iter()
            .find(|(known, _)| extension.is_some_and(|extension| extension.eq_ignore_ascii_case(known)));
        let content_type = own.map_or_else(|| mime::content_type(&relative), |(_, value)| value.clone());
        let cache_control =
            self.cache_control.iter().find(|(pattern, _)| fits(pattern.as_bytes(), &relative));
        Resource {
            content_type,
            cache_control: cache_control.map(|(_, value)| value.clone()),
            original: Representation::new(file, facts, None),
            coded: Default::default(),
            relative,
        }
    }

    /// The best representation for the client: a precompressed one that is not older than the original, or the original.
    fn choose<'r>(
        &self,
        request: &FileRequest<'_>,
        resource: &'r Resource,
        wait: Wait,
    ) -> Result<Chosen<'r>, Fault> {
        let chosen = |representation| Chosen { representation, varies: self.precompressed };
        if !self.precompressed {
            return Ok(chosen(&resource.original));
        }
        loop {
            let best = negotiate(request.field(Field::AcceptEncoding), &resource.codings());
            // A client that takes nothing that is there gets the original all the same (RFC 9110 section 12.5.3).
            let Some(coding) = best.ok().and_then(|choice| choice.coding) else {
                return Ok(chosen(&resource.original));
            };
            let place = &resource.coded[coding as usize];
            let coded = match place.get() {
                Some(coded) => coded,
                None => {
                    let coded = self.coded(resource, coding, wait)?;
                    place.get_or_init(|| coded)
                }
            };
            if let Some(representation) = coded {
                return Ok(chosen(representation));
            }
        }
    }

    fn coded(
        &self,
        resource: &Resource,
        coding: Coding,
        wait: Wait,
    ) -> Result<Option<Representation>, Fault> {
        let Some((root, below)) = self.mount(&resource.relative) else { return Ok(None) };
        match root.open(&[below, suffix(coding).as_bytes()].concat(), wait) {
            Ok(Opened::File(file, facts)) if facts.modified >= resource.original.facts.modified => {
                Ok(Some(Representation::new(file, facts, Some(coding))))
            }
            Ok(_) | Err(Fault::Absent) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// What is the same for every response: the fields of all, and no content to HEAD.
    fn finish(&self, request: &FileRequest<'_>, mut response: Response<FileBody>) -> Response<FileBody> {
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        if request.method == Method::Head {
            response::without_content(&mut response);
        }
        response
    }
}

fn join(directory: &[u8], name: impl AsRef<[u8]>) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 24);
    path.extend_from_slice(directory);
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name.as_ref());
    path
}

/// Whether a request looks like a browser's for a page, rather than for a script or an image that is gone.
fn wants_page(request: &FileRequest<'_>) -> bool {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    let accept = request.field(Field::Accept).unwrap_or_default();
    !last.contains('.')
        || accept.split(|byte| matches!(byte, b',' | b';')).any(|part| part.trim_ascii() == b"text/html")
}
