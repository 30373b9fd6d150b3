//! The laws of a sans-IO decoder, for each coding and for a chain of two.

use std::cell::Cell;

use testkit::codec_laws;
use testkit::laws::Subject;
use wire_compress::{Coding, Config, Decoder, ErrorKind, Flush};

use crate::common;

/// What a stream came to: all that may not depend on how it was cut.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Content(Vec<u8>),
    Failed(ErrorKind),
}

/// A decoder with a certain room at a time. Its events are no part of the law, since before an error as much comes out
/// as was ready: the verdict stands at the end.
struct Decoding {
    decoder: Decoder,
    content: Vec<u8>,
    room: usize,
    quiet: bool,
}

thread_local! {
    /// Whether the decoder of this test is one of two codings.
    static CHAINED: Cell<bool> = const { Cell::new(false) };
}

impl Decoding {
    fn new(codings: &str, room: usize) -> Self {
        CHAINED.set(codings.contains(','));
        let mut config = Config::default();
        config.max_output = 3_000;
        config.max_members = 6;
        Self { decoder: common::decoder(codings, &config), content: Vec::new(), room, quiet: false }
    }

    fn quiet(codings: &str) -> Self {
        let mut config = common::unlimited();
        config.max_members = u32::MAX;
        let decoder = common::decoder(codings, &config);
        Self { decoder, content: Vec::with_capacity(32 << 10), room: 0, quiet: true }
    }
}

impl Subject for Decoding {
    type Event = ();
    type Error = Verdict;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<()>), Verdict> {
        let mut consumed = 0;
        loop {
            let done = if self.quiet {
                self.content.clear();
                let progress = self.decoder.decode(&input[consumed..], &mut self.content);
                let progress = progress.map_err(|error| Verdict::Failed(error.kind()))?;
                consumed += progress.consumed;
                progress.done
            } else {
                let mut out = Vec::with_capacity(self.room);
                let progress = self.decoder.decode(&input[consumed..], &mut out);
                let progress = progress.map_err(|error| Verdict::Failed(error.kind()))?;
                consumed += progress.consumed;
                self.content.extend(out);
                assert!(self.content.len() <= 3_000, "more than the limit came out");
                progress.done
            };
            if done {
                assert_eq!(consumed, input.len());
                return Ok((consumed, None));
            }
        }
    }

    fn decode_eof(&mut self) -> Result<(), Verdict> {
        Err(match self.decoder.decode_eof() {
            Ok(()) => Verdict::Content(self.content.clone()),
            Err(error) => Verdict::Failed(error.kind()),
        })
    }

    fn merge((): &mut (), (): &()) -> bool {
        true
    }

    fn max_unconsumed(&self) -> usize {
        0
    }

    /// Of two faults the one that is met first is reported: which of two codings looks first, and whether the limit is
    /// reached before or behind a corrupt byte that follows it, depends on what arrives together.
    fn same_error(a: &Verdict, b: &Verdict) -> bool {
        let limit = |kind: &ErrorKind| *kind == ErrorKind::OutputTooBig;
        match (a, b) {
            (Verdict::Failed(a), Verdict::Failed(b)) => CHAINED.get() || a == b || limit(a) || limit(b),
            (a, b) => a == b,
        }
    }
}

/// Good content and bad, encoded by `encode`.
fn corpus(encode: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let small = encode(b"Hello, hello, hello, hello!");
    let mut corpus = vec![
        Vec::new(),
        encode(b""),
        encode(b"a"),
        small.clone(),
        encode(&common::json(700)),
        encode(&common::noise(300)),
        // At the limit, and over it.
        encode(&[b'x'; 3_000]),
        encode(&[b'x'; 3_001]),
        // Several, and garbage behind.
        [small.clone(), small.clone(), encode(b"")].concat(),
        [small.clone(), b"garbage behind".to_vec()].concat(),
        [small.clone(), vec![0; 20]].concat(),
        small.repeat(8),
    ];
    corpus.extend((1..small.len()).step_by(5).map(|at| small[..at].to_vec()));
    corpus
}

fn corpus_of(coding: Coding) -> Vec<Vec<u8>> {
    let mut corpus = corpus(|content| common::encode(coding, content));
    // With flushes.
    let mut encoder = wire_compress::Encoder::new(coding, &Default::default(), None).expect("supported");
    let pieces: [(&[u8], Flush); 4] =
        [(b"one, ", Flush::Sync), (b"one, ", Flush::None), (b"two", Flush::Sync), (b"", Flush::Finish)];
    corpus.push(common::encode_pieces(&mut encoder, &pieces, 100));
    corpus
}

/// All fields that a gzip header may have.
fn gzip_corpus() -> Vec<Vec<u8>> {
    let mut corpus = corpus_of(Coding::Gzip);
    let plain = common::encode(Coding::Gzip, b"Hello");
    for flags in 0..=0x20_u8 {
        let mut stream = plain[..10].to_vec();
        stream[3] = flags;
        if flags & 0x04 != 0 {
            stream.extend_from_slice(b"\x03\0abc");
        }
        if flags & 0x08 != 0 {
            stream.extend_from_slice(b"name\0");
        }
        if flags & 0x10 != 0 {
            stream.extend_from_slice(b"comment\0");
        }
        if flags & 0x02 != 0 {
            let mut crc = flate2::Crc::new();
            crc.update(&stream);
            stream.extend_from_slice(&(crc.sum() as u16).to_le_bytes());
        }
        stream.extend_from_slice(&plain[10..]);
        corpus.push(stream);
    }
    corpus
}

/// Raw DEFLATE under the name of the zlib format.
fn deflate_corpus() -> Vec<Vec<u8>> {
    let mut corpus = corpus_of(Coding::Deflate);
    let raw = |content: &[u8]| {
        let zlib = common::encode(Coding::Deflate, content);
        zlib[2..zlib.len() - 4].to_vec()
    };
    corpus.extend([raw(b""), raw(b"Hello, hello, hello"), [raw(b"Hello"), b"x".to_vec()].concat()]);
    // Stored.
    corpus.push(b"\x01\x05\0\xfa\xffHello".to_vec());
    corpus
}

fn zstd_corpus() -> Vec<Vec<u8>> {
    let mut corpus = corpus_of(Coding::Zstd);
    let frame = common::encode(Coding::Zstd, b"Hello");
    let skippable = b"\x50\x2a\x4d\x18\x04\0\0\0skip".to_vec();
    corpus.extend([
        skippable.clone(),
        [skippable.clone(), frame.clone()].concat(),
        [frame.clone(), skippable.clone(), frame.clone()].concat(),
        [frame, skippable.repeat(6)].concat(),
        skippable[..7].to_vec(),
        skippable[..9].to_vec(),
    ]);
    corpus
}

/// Generators of about `n` hostile bytes.
mod hostile {
    use super::{Coding, common};

    /// Content of `n` bytes that does not get smaller.
    pub(super) fn noise(coding: Coding, n: usize) -> Vec<u8> {
        common::encode(coding, &common::noise(n))
    }

    /// Empty members, one behind the other.
    pub(super) fn empty_members(coding: Coding, n: usize) -> Vec<u8> {
        let member = common::encode(coding, b"");
        member.repeat(n / member.len())
    }

    /// A name without end.
    pub(super) fn endless_name(n: usize) -> Vec<u8> {
        [b"\x1f\x8b\x08\x08\0\0\0\0\0\0".to_vec(), vec![b'a'; n]].concat()
    }

    /// Empty blocks, one behind the other.
    pub(super) fn empty_blocks(start: &[u8], n: usize) -> Vec<u8> {
        [start, &b"\0\0\0\xff\xff".repeat(n / 5)].concat()
    }

    /// Skippable frames that hold nothing.
    pub(super) fn skippable(n: usize) -> Vec<u8> {
        b"\x50\x2a\x4d\x18\0\0\0\0".repeat(n / 8)
    }

    /// One that announces much, and then trickles.
    pub(super) fn long_skippable(n: usize) -> Vec<u8> {
        [b"\x50\x2a\x4d\x18\xff\xff\xff\xff".to_vec(), vec![0; n]].concat()
    }
}

/// A window of 32 KiB and the tables of zlib-rs.
const INFLATE: usize = 64 << 10;
/// The window as far as it was filled, twice while it grows, and the tables.
const BROTLI: usize = 5 << 20;

codec_laws! {
    gzip {
        subject: Decoding::new("gzip", 1000),
        quiet: Decoding::quiet("gzip"),
        corpus: gzip_corpus(),
        hostile: [
            noise: |n| hostile::noise(Coding::Gzip, n),
            empty_members: |n| hostile::empty_members(Coding::Gzip, n),
            endless_name: hostile::endless_name,
            empty_blocks: |n| hostile::empty_blocks(b"\x1f\x8b\x08\0\0\0\0\0\0\0", n),
        ],
        size: 1 << 15,
        memory: INFLATE + (32 << 10),
    }
    gzip_one_byte_of_room {
        subject: Decoding::new("gzip", 1),
        quiet: Decoding::quiet("gzip"),
        corpus: gzip_corpus(),
        hostile: [noise: |n| hostile::noise(Coding::Gzip, n)],
        size: 1 << 15,
        memory: INFLATE + (32 << 10),
    }
    deflate {
        subject: Decoding::new("deflate", 1000),
        quiet: Decoding::quiet("deflate"),
        corpus: deflate_corpus(),
        hostile: [
            noise: |n| hostile::noise(Coding::Deflate, n),
            empty_blocks: |n| hostile::empty_blocks(b"\x78\x9c", n),
            empty_blocks_raw: |n| hostile::empty_blocks(b"", n),
        ],
        size: 1 << 15,
        memory: INFLATE + (32 << 10),
    }
    deflate_one_byte_of_room {
        subject: Decoding::new("deflate", 1),
        quiet: Decoding::quiet("deflate"),
        corpus: deflate_corpus(),
        hostile: [noise: |n| hostile::noise(Coding::Deflate, n)],
        size: 1 << 15,
        memory: INFLATE + (32 << 10),
    }
    brotli {
        subject: Decoding::new("br", 1000),
        quiet: Decoding::quiet("br"),
        corpus: corpus_of(Coding::Brotli),
        hostile: [
            noise: |n| hostile::noise(Coding::Brotli, n),
            metadata: |n| [b"\x0b".to_vec(), b"\x0c".repeat(n)].concat(),
        ],
        size: 1 << 15,
        memory: BROTLI,
    }
    brotli_one_byte_of_room {
        subject: Decoding::new("br", 1),
        quiet: Decoding::quiet("br"),
        corpus: corpus_of(Coding::Brotli),
        hostile: [noise: |n| hostile::noise(Coding::Brotli, n)],
        size: 1 << 15,
        memory: BROTLI,
    }
    zstd {
        subject: Decoding::new("zstd", 1000),
        quiet: Decoding::quiet("zstd"),
        corpus: zstd_corpus(),
        hostile: [
            noise: |n| hostile::noise(Coding::Zstd, n),
            empty_members: |n| hostile::empty_members(Coding::Zstd, n),
            skippable: hostile::skippable,
            long_skippable: hostile::long_skippable,
        ],
        size: 1 << 15,
        // What libzstd holds is not of this allocator: see `memory.rs`.
        memory: 40 << 10,
    }
    zstd_one_byte_of_room {
        subject: Decoding::new("zstd", 1),
        quiet: Decoding::quiet("zstd"),
        corpus: zstd_corpus(),
        hostile: [noise: |n| hostile::noise(Coding::Zstd, n)],
        size: 1 << 15,
        memory: 40 << 10,
    }
    chain {
        subject: Decoding::new("br, gzip", 100),
        quiet: Decoding::quiet("br, gzip"),
        corpus: corpus(|content| common::encode(Coding::Gzip, &common::encode(Coding::Brotli, content))),
        hostile: [
            noise: |n| common::encode(Coding::Gzip, &hostile::noise(Coding::Brotli, n)),
        ],
        size: 1 << 15,
        memory: INFLATE + BROTLI,
    }
}
