//! Looks at the frames that arrive before h2 does (RFC 9113 section 4.1): counts those that h2 answers without limit
//! (section 10.5), sees a GOAWAY when it comes, and holds a server to SETTINGS_ENABLE_CONNECT_PROTOCOL.
//!
//! It judges no frame's grammar: h2 does.

use std::time::Duration;

use super::Config;
use crate::handshake::{ConnectProtocol, InvalidSetting};

/// The scanner of one direction.
#[derive(Debug)]
pub(super) struct Guard {
    /// Bytes of the preface that have not come.
    preface: usize,
    header: [u8; HEADER],
    /// How much of `header` has come.
    have: usize,
    /// How much of the payload has not come.
    left: usize,
    /// The start of a GOAWAY, or the current entry of a SETTINGS.
    field: [u8; 8],
    filled: usize,
    is_server: bool,
    setting: ConnectProtocol,
    go_away: Option<(u32, u32)>,
    resets: Budget,
    control: Budget,
}

/// Why a session is ended by the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    Flood,
    Setting(InvalidSetting),
}

const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;

impl Guard {
    pub(super) fn new(is_server: bool, config: &Config) -> Self {
        Self {
            preface: if is_server { 24 } else { 0 },
            header: [0; HEADER],
            have: 0,
            left: 0,
            field: [0; 8],
            filled: 0,
            is_server,
            setting: ConnectProtocol::default(),
            go_away: None,
            resets: Budget::new(config.max_resets),
            control: Budget::new(config.max_control_frames),
        }
    }

    /// Looks at what arrives.
    pub(super) fn scan(&mut self, mut input: &[u8], now: Duration) -> Result<(), Violation> {
        let skip = self.preface.min(input.len());
        self.preface -= skip;
        input = &input[skip..];
        while !input.is_empty() {
            if self.have < HEADER {
                let len = (HEADER - self.have).min(input.len());
                self.header[self.have..self.have + len].copy_from_slice(&input[..len]);
                self.have += len;
                input = &input[len..];
                if self.have < HEADER {
                    return Ok(());
                }
                let [a, b, c, kind, flags, ..] = self.header;
                self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.filled = 0;
                self.count(kind, flags, now)?;
            }
            let (payload, rest) = input.split_at(self.left.min(input.len()));
            self.left -= payload.len();
            input = rest;
            match self.header[3] {
                GOAWAY => self.fields::<8>(payload)?,
                SETTINGS if !self.is_server => self.fields::<6>(payload)?,
                _ => {}
            }
            if self.left == 0 {
                self.have = 0;
            }
        }
        Ok(())
    }

    /// The last stream and the code of a GOAWAY that arrived; of several the latest.
    pub(super) fn take_go_away(&mut self) -> Option<(u32, u32)> {
        self.go_away.take()
    }

    /// A head or a piece of data went one way or the other.
    pub(super) fn progress(&mut self) {
        self.control.refund();
    }

    /// A stream ended without a reset.
    pub(super) fn stream_complete(&mut self) {
        self.resets.refund();
    }

    fn count(&mut self, kind: u8, flags: u8, now: Duration) -> Result<(), Violation> {
        let fits = match kind {
            RST_STREAM => !self.is_server || self.resets.spend(now),
            // Bounded by flow control, concurrency and h2; or answered by nothing.
            DATA | HEADERS | PUSH_PROMISE | WINDOW_UPDATE | CONTINUATION => true,
            SETTINGS | PING if flags & ACK != 0 => true,
            _ => self.control.spend(now),
        };
        if fits { Ok(()) } else { Err(Violation::Flood) }
    }

    /// Collects fields of `N` bytes.
    fn fields<const N: usize>(&mut self, payload: &[u8]) -> Result<(), Violation> {
        for &byte in payload {
            if self.filled == N && N == 8 {
                // Debug data.
                return Ok(());
            }
            self.field[self.filled] = byte;
            self.filled += 1;
            if self.filled == N {
                let [a, b, c, d, e, f, g, h] = self.field;
                if N == 8 {
                    let last = u32::from_be_bytes([a & 0x7f, b, c, d]);
                    self.go_away = Some((last, u32::from_be_bytes([e, f, g, h])));
                } else {
                    if u16::from_be_bytes([a, b]) == ConnectProtocol::ID {
                        let value = u32::from_be_bytes([c, d, e, f]);
                        self.setting.receive(value).map_err(Violation::Setting)?;
                    }
                    self.filled = 0;
                }
            }
        }
        Ok(())
    }
}

/// So much may be spent at once; it comes back within [`Budget::PERIOD`], and by refunds.
#[derive(Debug)]
struct Budget {
    limit: u32,
    spent: u32,
    /// Up to when time was counted.
    since: Duration,
}

impl Budget {
    const PERIOD: Duration = Duration::from_secs(60);

    fn new(limit: u32) -> Self {
        Self { limit, spent: 0, since: Duration::ZERO }
    }

    /// Spends one, if there is one.
    fn spend(&mut self, now: Duration) -> bool {
        if self.spent == 0 {
            self.since = now;
        }
        let each = Self::PERIOD / self.limit.max(1);
        let back = now.saturating_sub(self.since).as_nanos() / each.as_nanos().max(1);
        if back > 0 {
            self.spent = self.spent.saturating_sub(u32::try_from(back).unwrap_or(u32::MAX));
            // What is left of a step counts on; so nothing is lost where calls come often.
            let steps = u32::try_from(back).unwrap_or(u32::MAX);
            self.since = if self.spent == 0 { now } else { self.since + each * steps };
        }
        self.spent += 1;
        self.spent <= self.limit
    }

    fn refund(&mut self) {
        self.spent = self.spent.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&len[1..], &[kind, flags, 0, 0, 0, 0], payload].concat()
    }

    #[test]
    fn a_budget_comes_back_with_time_and_refunds() {
        let mut budget = Budget::new(60);
        let at = Duration::from_secs;
        assert!((0..60).all(|_| budget.spend(at(5))));
        assert!(!budget.spend(at(5)));
        budget.refund();
        budget.refund();
        assert!(budget.spend(at(5)));
        assert!(!budget.spend(at(5)));
        assert!((0..9).all(|_| budget.spend(at(15))));
        assert!(!budget.spend(at(15)));
        assert!((0..60).all(|_| budget.spend(at(1_000))));
        assert!(!Budget::new(0).spend(at(1)));
    }

    #[test]
    fn frames_are_found_wherever_the_input_is_cut() {
        let wire = [
            frame(SETTINGS, 0, &[0, 3, 0, 0, 0, 9, 0, 8, 0, 0, 0, 1]),
            frame(DATA, 0, &[6; 40]),
            frame(PING, 0, &[0; 8]),
            frame(PING, ACK, &[0; 8]),
            frame(GOAWAY, 0, b"\x80\0\0\x07\0\0\0\x02because"),
        ]
        .concat();
        for step in 1..=wire.len() {
            let mut guard = Guard::new(false, &Config::default());
            for piece in wire.chunks(step) {
                guard.scan(piece, Duration::ZERO).expect("harmless");
            }
            assert!(guard.setting.is_enabled());
            assert_eq!(guard.control.spent, 3, "SETTINGS, PING and GOAWAY");
            assert_eq!(guard.take_go_away(), Some((7, 2)));
            let off = frame(SETTINGS, 0, &[0, 8, 0, 0, 0, 0]);
            let withdrawn = Violation::Setting(InvalidSetting::Withdrawn);
            assert_eq!(guard.scan(&off, Duration::ZERO), Err(withdrawn));
        }
    }
}
