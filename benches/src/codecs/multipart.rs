//! What `wire-multipart` does.

use std::fmt::Write as _;
use std::hint::black_box;

use memchr::memmem;
use wire_multipart::{Boundary, Config, Decoder, Encoder, Event, Part};

use super::Workload;

/// As Chromium makes them.
pub const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
/// Bytes of one read.
pub const PIECE: usize = 64 << 10;
/// A form of one file with this body.
#[must_use]
pub fn upload(boundary: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), body, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
}

/// `piece` again and again.
#[must_use]
pub fn filled(piece: &[u8], size: usize) -> Vec<u8> {
    piece.iter().copied().cycle().take(size).collect()
}

/// Bytes by chance.
#[must_use]
pub fn random(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    testkit::rng::Rng::new(1).fill(&mut bytes);
    bytes
}

/// Ten text fields of a few bytes.
///
/// # Panics
/// There is no memory.
#[must_use]
pub fn short_form() -> Vec<u8> {
    let mut form = String::new();
    for i in 0..10 {
        write!(
            form,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"field-{i}\"\r\n\r\nvalue {i}\r\n"
        )
        .expect("memory");
    }
    write!(form, "--{BOUNDARY}--\r\n").expect("memory");
    form.into_bytes()
}

/// A form of one file of 1 MiB.
fn small_file() -> Vec<u8> {
    upload(BOUNDARY, &random(1 << 20))
}

/// Without a limit that a file of many MiB would pass.
#[must_use]
pub fn config() -> Config {
    let mut config = Config::default();
    config.max_file_size = u64::MAX;
    config
}

/// Decodes a form in pieces of the caller's buffer; what stays unconsumed is presented again where it lies.
///
/// # Panics
/// It is not a form.
pub fn decode(boundary: &Boundary, config: &Config, input: &[u8], piece: usize) -> usize {
    let mut decoder = Decoder::new(boundary, config);
    let (mut start, mut end, mut content) = (0, 0, 0);
    while end < input.len() {
        end = input.len().min(end + piece);
        loop {
            let step = decoder.decode(black_box(&input[start..end])).expect("a form");
            start += step.consumed;
            match step.event {
                Some(Event::Data { len }) => content += len,
                Some(Event::PartBegin) => {
                    black_box(decoder.head().view(&input[start - step.consumed..start]).name());
                }
                Some(Event::PartEnd | Event::End) => {}
                None => break,
            }
        }
    }
    decoder.decode_eof().expect("a whole form");
    content
}

/// The search that no parser can do without, over the same pieces.
#[must_use]
pub fn search(boundary: &str, input: &[u8], piece: usize) -> usize {
    let needle = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(needle.as_bytes());
    input.chunks(piece).filter_map(|piece| finder.find(black_box(piece))).count()
}

#[cfg(feature = "peers")]
pub mod peer {
    //! The same by `multer`.

    use std::convert::Infallible;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use bytes::Bytes;
    use futures_core::Stream;

    /// The pieces of a body, made without a copy.
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

    /// The length of all bodies in a form.
    ///
    /// # Panics
    /// It is not a form.
    #[must_use]
    pub fn multer(boundary: &str, body: &Bytes, piece: usize) -> usize {
        let mut multipart = multer::Multipart::new(Pieces { body: body.clone(), piece }, boundary);
        let mut work = pin!(async {
            let mut content = 0;
            while let Some(mut field) = multipart.next_field().await.expect("a form") {
                std::hint::black_box(field.name());
                while let Some(chunk) = field.chunk().await.expect("a piece") {
                    content += chunk.len();
                }
            }
            content
        });
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(content) = work.as_mut().poll(&mut context) {
                return content;
            }
        }
    }
}

/// All of them.
pub const WORKLOADS: &[Workload] = &[
    ("nothing", |count| assert!(black_box(count) > 0)),
    ("form", |count| {
        let (form, boundary, config) = (short_form(), Boundary::new(BOUNDARY).expect("a boundary"), config());
        (0..count).for_each(|_| assert_eq!(decode(&boundary, &config, &form, PIECE), 70));
    }),
    #[cfg(feature = "peers")]
    ("form-multer", |count| {
        let form = bytes::Bytes::from(short_form());
        (0..count).for_each(|_| assert_eq!(peer::multer(BOUNDARY, &form, PIECE), 70));
    }),
    ("file", |count| {
        let (input, boundary, config) =
            (small_file(), Boundary::new(BOUNDARY).expect("a boundary"), config());
        (0..count).for_each(|_| assert_eq!(decode(&boundary, &config, &input, PIECE), 1 << 20));
    }),
    ("file-memmem", |count| {
        let input = small_file();
        (0..count).for_each(|_| assert_eq!(search(BOUNDARY, &input, PIECE), 1));
    }),
    ("encode", |count| {
        let (boundary, mut out) = (Boundary::new(BOUNDARY).expect("a boundary"), Vec::new());
        for _ in 0..count {
            out.clear();
            let mut encoder = Encoder::new(black_box(boundary));
            for i in 0..10 {
                let name = ["first", "second \"quoted\""][i % 2];
                encoder.encode_part(&Part::text(black_box(name)), b"value", &mut out).expect("a part");
            }
            encoder.encode_end(&mut out).expect("an end");
            black_box(&out);
        }
    }),
    ("bytes", |count| {
        let (form, boundary, config) = (short_form(), Boundary::new(BOUNDARY).expect("a boundary"), config());
        (0..count).for_each(|_| assert_eq!(decode(&boundary, &config, &form, 1), 70));
    }),
];
