//! The contract of a sans-IO decoder as laws that run.
//!
//! A codec's test crate implements [`Subject`] for its decoder and calls [`codec_laws!`](crate::codec_laws). The laws:
//!
//! | law | what fails it |
//! |---|---|
//! | splits | any two-way split, byte-by-byte arrival or random chunks give other events than the whole input at once |
//! | progress | `consumed > input.len()`, or events without end that consume nothing |
//! | untouched rest | a byte behind `consumed` was modified |
//! | bounded rest | more stays unconsumed without an event than the codec documents |
//! | replay | an error is not returned again, or changes |
//! | mutations | a mutated corpus entry panics, or breaks one of the laws above |
//! | memory | the peak on a hostile input passes the documented bound |
//! | linear time | doubling a hostile input more than doubles the time, or trickling it byte by byte is quadratic |
//!
//! Round trips (`decode(encode(x)) == x`) need the codec's own types and stand in its own tests.

use std::fmt::Debug;
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::alloc;
use crate::rng::Rng;

/// One decoder under test.
pub trait Subject {
    /// What came out, owned, with its payload, so that transcripts of different runs compare.
    type Event: Clone + PartialEq + Debug;
    /// The codec's error.
    type Error: Clone + PartialEq + Debug;

    /// Decodes once: the consumed length, and the event if there is one.
    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Self::Event>), Self::Error>;

    /// The end of the input.
    fn decode_eof(&mut self) -> Result<(), Self::Error>;

    /// Joins `next` onto `last` where both are pieces of one payload, so that transcripts do not depend on the
    /// pieces in which a payload arrived. Returns whether it joined.
    fn merge(last: &mut Self::Event, next: &Self::Event) -> bool;

    /// Most bytes that may stay unconsumed without an event (documented by the codec).
    fn max_unconsumed(&self) -> usize;

    /// Whether errors carry an offset or another detail that may legally depend on the split. The default compares
    /// errors whole.
    fn same_error(a: &Self::Error, b: &Self::Error) -> bool {
        a == b
    }
}

/// Everything a decoder said about one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript<E, R> {
    /// Events, pieces of one payload joined.
    pub events: Vec<E>,
    /// The error that ended it, or what the end of input said.
    pub end: Result<(), R>,
}

/// Events in a row that may consume nothing (`End` after a body of length zero, say) before it counts as no progress.
const MAX_IDLE_EVENTS: usize = 4;

/// Feeds `input` in pieces of the lengths that `chunk` yields (0 is taken as 1), checking progress, the untouched and
/// bounded rest, and that errors replay.
pub fn run<S: Subject>(
    subject: &mut S,
    input: &[u8],
    mut chunk: impl FnMut() -> usize,
) -> Transcript<S::Event, S::Error> {
    let mut events: Vec<S::Event> = Vec::new();
    let mut buffer: Vec<u8> = Vec::new();
    let mut start = 0; // consumed prefix of `buffer`, dropped when it is the larger part: keeps trickling linear
    let mut fed = 0;
    while fed < input.len() {
        let piece = chunk().clamp(1, input.len() - fed);
        if start > buffer.len() / 2 {
            buffer.drain(..start);
            start = 0;
        }
        buffer.extend_from_slice(&input[fed..fed + piece]);
        fed += piece;
        let mut idle = 0;
        loop {
            let rest = &mut buffer[start..];
            let before = rest.len();
            match subject.decode(rest) {
                Ok((consumed, event)) => {
                    assert!(consumed <= before, "consumed {consumed} of {before} bytes");
                    start += consumed;
                    let Some(event) = event else {
                        let left = before - consumed;
                        let bound = subject.max_unconsumed();
                        assert!(left <= bound, "{left} bytes left unconsumed, documented bound {bound}");
                        break;
                    };
                    idle = if consumed == 0 { idle + 1 } else { 0 };
                    assert!(idle <= MAX_IDLE_EVENTS, "no progress: {event:?} again and again");
                    if !events.last_mut().is_some_and(|last| S::merge(last, &event)) {
                        events.push(event);
                    }
                }
                Err(error) => {
                    let again = subject.decode(&mut buffer[start..]);
                    assert_eq!(again.as_ref().err(), Some(&error), "an error must replay");
                    assert_eq!(
                        subject.decode_eof().err().as_ref(),
                        Some(&error),
                        "an error must replay at the end"
                    );
                    return Transcript { events, end: Err(error) };
                }
            }
        }
        let unread = input.len() - fed;
        let untouched = buffer.len() - start;
        // What was not consumed must still be what was sent.
        assert_eq!(
            &buffer[start..],
            &input[input.len() - unread - untouched..input.len() - unread],
            "the unconsumed rest was modified"
        );
    }
    Transcript { events, end: subject.decode_eof() }
}

fn assert_same<S: Subject>(
    got: &Transcript<S::Event, S::Error>,
    whole: &Transcript<S::Event, S::Error>,
    input: &[u8],
    how: &str,
) {
    let same_end = match (&got.end, &whole.end) {
        (Ok(()), Ok(())) => true,
        (Err(a), Err(b)) => S::same_error(a, b),
        _ => false,
    };
    assert!(
        got.events == whole.events && same_end,
        "{how} changes the result\n input: {:?}\n whole: {whole:?}\n split: {got:?}",
        String::from_utf8_lossy(input)
    );
}

/// Every two-way split, byte by byte, and random chunks give the transcript of the whole input at once.
pub fn splits<S: Subject>(make: impl Fn() -> S, input: &[u8]) {
    let whole = run(&mut make(), input, || usize::MAX);
    for at in 1..input.len() {
        let mut first = true;
        let got = run(&mut make(), input, || if std::mem::take(&mut first) { at } else { usize::MAX });
        assert_same::<S>(&got, &whole, input, &format!("a split at {at}"));
    }
    assert_same::<S>(&run(&mut make(), input, || 1), &whole, input, "byte by byte");
    for seed in 0..8 {
        let mut rng = Rng::new(seed);
        let got = run(&mut make(), input, || 1 + rng.below(7));
        assert_same::<S>(&got, &whole, input, &format!("random chunks of seed {seed}"));
    }
}

/// Mutated copies of `input` never panic, and byte-by-byte arrival gives the same transcript.
pub fn mutations<S: Subject>(make: impl Fn() -> S, input: &[u8], rounds: u64) {
    const INTERESTING: &[u8] = b"\0\t\n\r \"%,-/0:;=\x7f\x80\xc0\xff";
    for seed in 0..rounds {
        let mut rng = Rng::new(seed ^ input.len() as u64);
        let mut bytes = input.to_vec();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len() + 1);
            let new = if rng.below(2) == 0 {
                INTERESTING[rng.below(INTERESTING.len())]
            } else {
                rng.next_u64() as u8
            };
            match rng.below(4) {
                0 => bytes.insert(at, new),
                1 if at < bytes.len() => bytes[at] = new,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        let whole = run(&mut make(), &bytes, || usize::MAX);
        let trickled = run(&mut make(), &bytes, || 1);
        assert_same::<S>(&trickled, &whole, &bytes, "byte by byte");
        let got = run(&mut make(), &bytes, || 1 + rng.below(16));
        assert_same::<S>(&got, &whole, &bytes, "random chunks");
    }
}

/// Feeds without looking: the cost is the decoder's alone.
fn drive<S: Subject>(subject: &mut S, input: &mut [u8], chunk: usize) {
    let (mut start, mut end) = (0, 0);
    while end < input.len() {
        end = (end + chunk).min(input.len());
        loop {
            match subject.decode(&mut input[start..end]) {
                Ok((consumed, event)) => {
                    start += consumed;
                    if event.is_none() {
                        break;
                    }
                }
                Err(_) => return,
            }
        }
    }
}

fn best_time<S: Subject>(make: &impl Fn() -> S, input: &[u8], chunk: usize) -> Duration {
    // CPU time of this thread, and the least of several runs: noise only ever adds.
    (0..7)
        .map(|_| {
            let (mut subject, mut bytes) = (make(), input.to_vec());
            let start = ThreadTime::now();
            drive(&mut subject, &mut bytes, chunk);
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

/// Doubling a hostile input at most doubles the time, fed whole and byte by byte. `hostile(n)` makes about `n` bytes.
///
/// Noise is met by repeating: quadratic behaviour (a factor of four) fails every attempt.
pub fn linear_time<S: Subject>(make: impl Fn() -> S, hostile: impl Fn(usize) -> Vec<u8>, size: usize) {
    let (small, large) = (hostile(size), hostile(size * 2));
    for chunk in [usize::MAX / 2, 1] {
        let mut factors = Vec::new();
        let linear = (0..12).any(|_| {
            let (a, b) = (best_time(&make, &small, chunk), best_time(&make, &large, chunk));
            let factor = b.as_secs_f64() / a.as_secs_f64().max(1e-6);
            factors.push(factor);
            factor < 2.6
        });
        assert!(
            linear,
            "not linear in chunks of {chunk}: doubling the input took {factors:.1?} times as long"
        );
    }
}

/// The peak of what decoding `input` allocates stays within `bound` bytes, fed whole and in small chunks.
pub fn bounded_memory<S: Subject>(make: impl Fn() -> S, input: &[u8], bound: usize) {
    for chunk in [usize::MAX / 2, 7] {
        let mut bytes = input.to_vec();
        let ((), usage) = alloc::measure(|| drive(&mut make(), &mut bytes, chunk));
        assert!(usage.peak <= bound, "peak of {} bytes, documented bound {bound}", usage.peak);
    }
}

/// Turns the laws into tests of a module of the given name, and installs the counting allocator (so: once per test
/// binary; name several subjects in one call).
///
/// - `subject`: an expression that makes a fresh decoder;
/// - `corpus`: inputs, valid and not, a few hundred bytes each, `Vec<Vec<u8>>`;
/// - `hostile`: named generators `fn(usize) -> Vec<u8>` of about that many bytes;
/// - `size`: the length given to them for the time law;
/// - `memory`: most bytes that decoding a hostile input of 1 MiB may hold at once.
///
/// The subject's events must not keep payloads in the memory and time laws: [`Subject::decode`] is called as is, so
/// give `quiet` an expression whose events carry no copies.
#[macro_export]
macro_rules! codec_laws {
    ($(
        $name:ident {
            subject: $subject:expr,
            quiet: $quiet:expr,
            corpus: $corpus:expr,
            hostile: [$($hostile_name:ident: $hostile:expr),+ $(,)?],
            size: $size:expr,
            memory: $memory:expr $(,)?
        }
    )+) => {
        #[global_allocator]
        static COUNTING: $crate::alloc::Counting = $crate::alloc::Counting;

        $(mod $name {
            use super::*;

            #[test]
            fn splits() {
                for input in $corpus {
                    $crate::laws::splits(|| $subject, &input);
                }
            }

            #[test]
            fn mutations() {
                for input in $corpus {
                    $crate::laws::mutations(|| $subject, &input, 300);
                }
            }

            $(mod $hostile_name {
                use super::*;

                #[test]
                fn linear_time() {
                    $crate::laws::linear_time(|| $quiet, $hostile, $size);
                }

                #[test]
                fn bounded_memory() {
                    $crate::laws::bounded_memory(|| $quiet, &($hostile)(1 << 20), $memory);
                }
            })+
        })+
    };
}
