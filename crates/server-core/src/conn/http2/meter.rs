//! Counts what a client sends that carries nothing, frame header by frame header, as the bytes pass by.
//!
//! `h2` answers PINGs and SETTINGS, applies WINDOW_UPDATEs, drops PRIORITYs and cancels what is reset, as fast as they
//! come and for as long as they come. Each is cheap for the client and costs us: so each is paid for from a budget, which
//! grows back with time and with progress.
//!
//! A WINDOW_UPDATE is free where it may answer a piece of content that we sent: some clients acknowledge each DATA frame by
//! itself, however short, to its stream and to the connection. A piece counts when all of it is out, so that a client that
//! grants its window byte by byte earns nothing by it; but on a WebSocket, where each write counts as a response.

use std::time::{Duration, Instant};

const HEADER: usize = 9;

/// What frames cost, and what brings it back.
const CONTROL: u32 = 1;
const RESET: u32 = 4;
const PER_SECOND: u32 = 32;
const PER_RESPONSE: u32 = 16;
const CONTENT_UNIT: u64 = 4 << 10;
const PER_CONTENT_UNIT: u32 = 16;
/// WINDOW_UPDATEs that may answer a piece of content.
const PER_PIECE: u32 = 2;

/// RFC 9113 section 6.
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
    pub(super) const CONTINUATION: u8 = 9;
    pub(super) const END_HEADERS: u8 = 4;
    pub(super) const ACK: u8 = 1;
}

#[derive(Debug)]
pub(super) struct Meter {
    header: [u8; HEADER],
    have: usize,
    /// Bytes of the current frame's payload that are still to come.
    payload: usize,
    kind: u8,
    /// A field section has begun and not ended.
    in_head: bool,
    /// How many have begun.
    heads: u64,
    budget: u32,
    max: u32,
    content: u64,
    /// Frames of this round.
    frames: u32,
    /// WINDOW_UPDATEs that are free.
    owed: u32,
    refilled: Instant,
    /// The client has acknowledged our SETTINGS.
    settled: bool,
}

impl Meter {
    pub(super) fn new(max: u32, now: Instant) -> Self {
        Self {
            header: [0; HEADER],
            have: 0,
            payload: 0,
            kind: kind::DATA,
            in_head: false,
            heads: 0,
            budget: max,
            max,
            content: 0,
            frames: 0,
            owed: 0,
            refilled: now,
            settled: false,
        }
    }

    /// These bytes were received, behind the preface. False: the budget is overspent.
    pub(super) fn received(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let len = self.payload.min(bytes.len());
                self.payload -= len;
                bytes = &bytes[len..];
                if self.kind == kind::DATA {
                    self.content(len as u64);
                }
                continue;
            }
            let len = (HEADER - self.have).min(bytes.len());
            self.header[self.have..self.have + len].copy_from_slice(&bytes[..len]);
            self.have += len;
            bytes = &bytes[len..];
            if self.have == HEADER {
                self.have = 0;
                if !self.begin_frame() {
                    return false;
                }
            }
        }
        true
    }

    fn begin_frame(&mut self) -> bool {
        self.frames += 1;
        let [a, b, c, kind, flags, ..] = self.header;
        self.payload = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.kind = kind;
        let cost = match kind {
            kind::DATA if self.payload > 0 => 0,
            kind::HEADERS | kind::CONTINUATION => {
                self.heads += u64::from(kind == kind::HEADERS);
                self.in_head = flags & kind::END_HEADERS == 0;
                0
            }
            kind::RST_STREAM => RESET,
            kind::SETTINGS if flags & kind::ACK != 0 => {
                self.settled = true;
                CONTROL
            }
            kind::GOAWAY => 0,
            kind::WINDOW_UPDATE if self.owed > 0 => {
                self.owed -= 1;
                0
            }
            // PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, what is unknown.
            _ => CONTROL,
        };
        self.budget.checked_sub(cost).map(|left| self.budget = left).is_some()
    }

    pub(super) fn begin_round(&mut self) {
        self.frames = 0;
    }

    /// How many frames have begun in this round.
    pub(super) fn frames(&self) -> u32 {
        self.frames
    }

    /// Content went by, in either direction.
    pub(super) fn content(&mut self, len: u64) {
        self.content += len;
        if self.content >= CONTENT_UNIT {
            let units = self.content / CONTENT_UNIT;
            self.content %= CONTENT_UNIT;
            self.refill(saturated(units).saturating_mul(PER_CONTENT_UNIT));
        }
    }

    /// So many pieces of content went out.
    pub(super) fn sent(&mut self, pieces: u64) {
        self.owed = self.owed.saturating_add(saturated(pieces).saturating_mul(PER_PIECE));
    }

    /// So many responses have ended.
    pub(super) fn responded(&mut self, count: u64) {
        self.refill(saturated(count).saturating_mul(PER_RESPONSE));
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.refilled).as_secs();
        if seconds > 0 {
            self.refilled += Duration::from_secs(seconds);
            self.refill(saturated(seconds).saturating_mul(PER_SECOND));
        }
    }

    fn refill(&mut self, more: u32) {
        self.budget = self.budget.saturating_add(more).min(self.max);
    }

    /// Whether our SETTINGS are what the client goes by.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// The number of the request head, or of the trailers, that have begun to arrive and not ended.
    pub(super) fn head(&self) -> Option<u64> {
        let in_frame = self.payload > 0 && matches!(self.kind, kind::HEADERS | kind::CONTINUATION);
        (self.in_head || in_frame).then_some(self.heads)
    }
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![(len >> 16) as u8, (len >> 8) as u8, len as u8, kind, flags, 0, 0, 0, 1];
        frame.resize(HEADER + len, 0xff);
        frame
    }

    /// However the bytes are split, the same frames are counted.
    #[test]
    fn counts_frames_across_any_split() {
        let bytes =
            [frame(1, 4, 20), frame(0, 0, 300), frame(6, 0, 8), frame(3, 0, 4), frame(8, 0, 4)].concat();
        for step in 1..=bytes.len() {
            let mut meter = Meter::new(100, Instant::now());
            assert!(bytes.chunks(step).all(|piece| meter.received(piece)));
            assert_eq!(meter.budget, 100 - 1 - 4 - 1, "step {step}");
            assert_eq!(meter.head(), None);
        }
    }

    #[test]
    fn overspent_by_control_frames_and_refilled_by_progress() {
        let start = Instant::now();
        let mut meter = Meter::new(40, start);
        let ping = frame(6, 0, 8);
        assert!((0..40).all(|_| meter.received(&ping)));
        meter.responded(1);
        assert!((0..PER_RESPONSE).all(|_| meter.received(&ping)));
        meter.tick(start + Duration::from_millis(1999));
        assert!((0..PER_SECOND).all(|_| meter.received(&ping)));
        meter.content(CONTENT_UNIT);
        assert!((0..PER_CONTENT_UNIT).all(|_| meter.received(&ping)));
        assert!(!meter.received(&ping));
        meter.responded(1000);
        assert_eq!(meter.budget, 40, "no more than at the start");
    }

    #[test]
    fn a_head_lasts_until_its_last_frame() {
        let mut meter = Meter::new(9, Instant::now());
        meter.received(&frame(1, 0, 5));
        assert_eq!(meter.head(), Some(1));
        meter.received(&frame(9, 4, 5)[..11]);
        assert_eq!(meter.head(), Some(1));
        meter.received(&[0; 3]);
        assert_eq!(meter.head(), None);
        meter.received(&frame(1, 4, 5)[..11]);
        assert_eq!(meter.head(), Some(2));
    }
}
