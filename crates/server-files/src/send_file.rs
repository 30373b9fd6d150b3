//! One file, for a handler that knows which.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::{HeaderValue, Response, StatusCode, header};
use server_core::file::{Blocking, FileBody};

use crate::disposition::disposition;
use crate::open::{Opened, open_trusted};
use crate::request::{FileRequest, Method};
use crate::resource::{Representation, Resource};
use crate::response::{self, Chosen};
use crate::{etag, mime};

/// Answers a request with one file, with ranges, conditions and all. The path is the program's own: it is opened as it is,
/// links followed. Never make it of what a client said; that is what [`Files`](crate::Files) is for.
///
/// ```no_run
/// use server_files::send_file;
///
/// # async fn handler(request: http::Request<()>) -> std::io::Result<()> {
/// let response = send_file("/var/reports/4711.pdf").download("Übersicht.pdf").respond(&request).await?;
/// # Ok(()) }
/// ```
pub fn send_file(path: impl Into<PathBuf>) -> SendFile {
    SendFile { path: path.into(), content_type: None, disposition: None, cache_control: None, delete: false }
}

/// A file to be sent, and how: [`send_file`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SendFile {
    path: PathBuf,
    content_type: Option<HeaderValue>,
    disposition: Option<HeaderValue>,
    cache_control: Option<HeaderValue>,
    delete: bool,
}

impl SendFile {
    /// A content type other than the one of the path's extension.
    pub fn content_type(mut self, value: HeaderValue) -> Self {
        self.content_type = Some(value);
        self
    }

    /// To be saved under this name (`Content-Disposition: attachment`, RFC 6266). Any text will do.
    pub fn download(mut self, name: &str) -> Self {
        self.disposition = Some(disposition("attachment", name));
        self
    }

    /// To be shown, and saved under this name if it is saved.
    pub fn inline(mut self, name: &str) -> Self {
        self.disposition = Some(disposition("inline", name));
        self
    }

    /// A `Cache-Control` field.
    pub fn cache_control(mut self, value: HeaderValue) -> Self {
        self.cache_control = Some(value);
        self
    }

    /// Deletes the file once a response has it as its content. Its name is gone at once; what was opened is sent, whole,
    /// and the space is free when it is sent or the client has left. Nothing stays behind if the program is killed.
    ///
    /// Answers without content (HEAD, 304, 412, 416) leave it where it is.
    pub fn delete_after(mut self) -> Self {
        self.delete = true;
        self
    }

    /// The response. GET and HEAD have their conditions and ranges; to any other method the file is the answer as it is.
    ///
    /// # Errors
    /// The file cannot be opened, is no regular file, or cannot be deleted as it should.
    pub fn respond<'a>(self, request: impl Into<FileRequest<'a>>) -> SendFileFuture {
        let request = request.into().into_owned();
        SendFileFuture(Blocking::run(move || self.answer(&request)))
    }

    fn answer(self, request: &FileRequest<'_>) -> io::Result<Response<FileBody>> {
        let Opened::File(file, facts) = open_trusted(&self.path)? else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let relative = self.path.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
        let resource = Resource {
            content_type: self.content_type.unwrap_or_else(|| mime::content_type(&relative)),
            cache_control: self.cache_control,
            original: Representation::new(file, facts, None),
            coded: Default::default(),
            relative,
        };
        let chosen = Chosen { representation: &resource.original, varies: false };
        let now = etag::seconds(SystemTime::now());
        let unconditional = FileRequest::new("POST", "/", None, std::iter::empty());
        let request = if request.method == Method::Other { &unconditional } else { request };
        let mut response = response::of_file(request, &resource, &chosen, now);
        if let (true, Some(value)) = (response.status().is_success(), self.disposition) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
        }
        if request.method == Method::Head {
            response::without_content(&mut response);
        } else if self.delete && matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            std::fs::remove_file(&self.path)?;
        }
        Ok(response)
    }
}

/// The response of a [`SendFile`], to come.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct SendFileFuture(Blocking<io::Result<Response<FileBody>>>);

impl Future for SendFileFuture {
    type Output = io::Result<Response<FileBody>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}
