//! Negotiation of permessage-deflate (RFC 7692 sections 5 and 7.1): `ws/negotiation.toml`.

use serde::Deserialize;

use super::{Severity, parse};

/// How an endpoint is set up for compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeflateSetup {
    /// Whether it would use context takeover; not where it is not given.
    pub takeover: bool,
    /// Whether its peer may; where it is not given, yes.
    pub peer_takeover: bool,
    /// Its own largest window: 15 where it is not given.
    pub max_window_bits: u8,
    /// Its peer's: 15 where it is not given.
    pub peer_max_window_bits: u8,
}

impl Default for DeflateSetup {
    fn default() -> Self {
        Self { takeover: false, peer_takeover: true, max_window_bits: 15, peer_max_window_bits: 15 }
    }
}

/// What a client offers, and what a server must answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeflateOffer {
    /// Unique.
    pub id: String,
    /// The section of RFC 7692.
    pub section: String,
    /// How much the rule weighs.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about.
    pub about: String,
    /// The lines of the request's `Sec-WebSocket-Extensions`.
    pub offered: Vec<String>,
    /// How the server is set up.
    #[serde(default)]
    pub config: DeflateSetup,
    /// The response's `Sec-WebSocket-Extensions`; `None`: there must be none.
    pub response: Option<String>,
}

/// What a server answers to the offer of a client, and what the client must make of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeflateAnswer {
    /// Unique.
    pub id: String,
    /// The section of RFC 7692.
    pub section: String,
    /// What it is about.
    pub about: String,
    /// The lines of the response's `Sec-WebSocket-Extensions`.
    pub answered: Vec<String>,
    /// How the client is set up, which decides what it offered.
    #[serde(default)]
    pub config: DeflateSetup,
    /// Whether the connection is established.
    pub ok: bool,
    /// What is agreed on; `None`: no compression.
    pub params: Option<DeflateAgreed>,
}

/// What is agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeflateAgreed {
    /// The server uses no context takeover.
    pub server_no_takeover: bool,
    /// The client uses no context takeover.
    pub client_no_takeover: bool,
    /// The server's window.
    pub server_bits: u8,
    /// The client's window.
    pub client_bits: u8,
}

/// All offers and answers.
///
/// # Panics
///
/// Where the table is malformed.
#[must_use]
pub fn negotiations() -> (Vec<DeflateOffer>, Vec<DeflateAnswer>) {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        offer: Vec<DeflateOffer>,
        answer: Vec<DeflateAnswer>,
    }
    let table = parse::<Table>(include_str!("../../ws/negotiation.toml"));
    (table.offer, table.answer)
}
