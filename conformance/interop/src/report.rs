//! One line per check, and a tally at the end.

use std::fmt;

/// Whatever a check has to say about its failure.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a check returns: silence, or the fact that broke it.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Returns from a check with a formatted fact unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        let holds: bool = $condition;
        if !holds {
            return Err(format!($($message)+).into());
        }
    };
}
pub(crate) use ensure;

/// What happened so far. Every check prints its line as soon as it is known.
#[derive(Debug, Default)]
pub struct Report {
    passed: usize,
    skipped: usize,
    failed: Vec<String>,
}

impl Report {
    /// Runs one check and prints `ok NAME` or `FAILED NAME: fact`.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Result) {
        self.record(name, check());
    }

    /// Takes the outcome of a check that ran elsewhere.
    pub fn record(&mut self, name: &str, outcome: Result) {
        match outcome {
            Ok(()) => {
                println!("ok {name}");
                self.passed += 1;
            }
            Err(fact) => {
                let line = format!("FAILED {name}: {fact}");
                println!("{line}");
                self.failed.push(line);
            }
        }
    }

    /// Says that a client was not there, which the caller has asked to tolerate.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("skipped {name}: {why}");
        self.skipped += 1;
    }

    /// The number of checks that held.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// The number of checks that did not.
    pub fn failed(&self) -> usize {
        self.failed.len()
    }

    /// Whether at least one check ran and none failed.
    pub fn is_success(&self) -> bool {
        self.failed.is_empty() && self.passed > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.failed {
            writeln!(f, "{line}")?;
        }
        let (passed, failed, skipped) = (self.passed, self.failed.len(), self.skipped);
        write!(f, "interop: {passed} held, {failed} did not, {skipped} clients skipped")
    }
}
