//! multipart/form-data against multer: where both accept a form, they read the same parts.
//!
//! Exceptions, where multer reads what browsers do not mean, or what the standards leave open; such a form is not compared:
//! - names with a backslash, a percent sign or bytes that are not UTF-8, which multer does not decode as browsers encode them;
//! - `filename*`, which multer lets override `filename`;
//! - Content-Disposition that is more than `form-data; name="..."; filename="..."`, which multer searches for `name=`
//!   anywhere;
//! - a preamble, in which multer takes `--boundary` for a delimiter wherever it stands.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;

use crate::multipart::{Received, open, receive};

/// The pieces of a body.
struct Pieces {
    body: Bytes,
    piece: usize,
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let len = self.piece.min(self.body.len());
        Poll::Ready((len > 0).then(|| Ok(self.body.split_to(len))))
    }
}

/// The parts that multer reads, or what it refuses.
fn multer(boundary: &str, body: &[u8], piece: usize) -> Result<Vec<Received>, multer::Error> {
    let stream = Pieces { body: Bytes::copy_from_slice(body), piece };
    let mut multipart = multer::Multipart::new(stream, boundary);
    let mut work = pin!(async {
        let mut parts = Vec::new();
        while let Some(mut field) = multipart.next_field().await? {
            let mut part = Received {
                name: field.name().unwrap_or_default().into(),
                filename: field.file_name().map(Into::into),
                ..Received::default()
            };
            while let Some(chunk) = field.chunk().await? {
                part.body.extend_from_slice(&chunk);
            }
            parts.push(part);
        }
        Ok(parts)
    });
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..10 * (body.len() + 10) {
        if let Poll::Ready(result) = work.as_mut().poll(&mut context) {
            return result;
        }
    }
    panic!("multer waits for what will not come");
}

/// Whether a part is of the plain kind that both mean alike.
fn is_plain(part: &Received) -> bool {
    let simple =
        |name: &[u8]| name.iter().all(|&byte| (b' '..=b'~').contains(&byte) && !b"\\%\";=".contains(&byte));
    let disposition = part.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-disposition"));
    let plain = String::from_utf8_lossy(&part.name);
    let wanted = match &part.filename {
        None => format!("form-data; name=\"{plain}\""),
        Some(filename) => {
            format!("form-data; name=\"{plain}\"; filename=\"{}\"", String::from_utf8_lossy(filename))
        }
    };
    simple(&part.name)
        && part.filename.as_deref().is_none_or(simple)
        && disposition.is_some_and(|(_, value)| value == wanted.as_bytes())
}

/// A form that both accept: the same parts.
pub fn multipart_multer(data: &[u8]) {
    let Some((boundary, mut config, seed, input)) = open(data) else { return };
    config.allow_bare_lf = false;
    config.form_data = true;
    let (ours, end) = receive(&boundary, &config, 0, input, || usize::MAX);
    let preamble = !input.starts_with(format!("--{boundary}").as_bytes());
    if end.is_err() || preamble || !ours.iter().all(is_plain) {
        return;
    }
    let Ok(theirs) = multer(boundary.as_str(), input, 1 + usize::from(seed)) else { return };
    assert_eq!(ours.len(), theirs.len(), "{ours:?}\n{theirs:?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!((&ours.name, &ours.filename, &ours.body), (&theirs.name, &theirs.filename, &theirs.body));
    }
}
