//! Server-sent events (HTML Living Standard section 9.2): what a server sends, and what a client makes of it. [`cases`]
//! loads `sse/*.toml`.

use serde::Deserialize;

use crate::Severity;
use crate::http1::expand;
use crate::load::load;

/// One rule of the event stream: the bytes of a response body, to their end, and what comes of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique name, `topic/what`.
    pub id: String,
    /// The section of the HTML Living Standard.
    pub section: String,
    /// What stands behind it.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about, where the name does not say it.
    #[serde(default)]
    pub note: Option<String>,
    /// The stream; see [`Case::bytes`].
    pub input: String,
    /// The events that are dispatched, in order.
    #[serde(default)]
    pub events: Vec<Event>,
    /// The last event id at the end of the stream.
    #[serde(default)]
    pub last_event_id: String,
    /// The last reconnection time that was set, in milliseconds.
    pub retry: Option<u64>,
    /// The limit that is passed at the end, `data`, `event` or `id`: each is 32 bytes.
    pub limit: Option<String>,
}

/// One event that is dispatched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its data.
    pub data: String,
    /// Its type.
    #[serde(default = "message")]
    pub event: String,
    /// Its last event id.
    #[serde(default)]
    pub id: String,
}

impl Case {
    /// The input as bytes: each character up to U+00FF is one byte, and `{{text*count}}` stands for `count` times `text`.
    ///
    /// # Panics
    ///
    /// When the table is malformed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        expand(&self.input)
    }
}

/// All rules of event streams, in the order of the files' names.
///
/// # Panics
///
/// When a file cannot be read, is malformed, or two rules have the same id.
#[must_use]
pub fn cases() -> Vec<Case> {
    load("sse", |case: &Case| (&case.id, &case.section))
}

fn message() -> String {
    "message".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_loads_and_is_consistent() {
        let cases = cases();
        assert!(cases.len() >= 60, "{} rules", cases.len());
        for case in &cases {
            assert!(case.id.contains('/') && case.section.starts_with("9.2"), "{}", case.id);
            let last = case.events.last().map_or("", |event| &event.id);
            assert!(
                !case.last_event_id.is_empty() || last.is_empty() || case.id.contains("reset"),
                "{}",
                case.id
            );
        }
    }
}
