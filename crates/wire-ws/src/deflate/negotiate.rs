//! Negotiation (RFC 7692 sections 5 and 7.1): pure functions over values of `Sec-WebSocket-Extensions`.

use alloc::format;
use alloc::string::String;

use crate::Role;
use crate::handshake::{Extension, Extensions, ResponseError};

const NAME: &str = "permessage-deflate";

/// What an endpoint asks for and can accept, in either role.
///
/// ```
/// let mut config = wire_ws::deflate::DeflateConfig::default();
/// config.takeover = true;
/// config.level = 1;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeflateConfig {
    /// Whether messages that are sent refer to those before them. Default: no.
    ///
    /// It compresses small messages that are alike to a fraction, and costs about 372 KiB for each connection.
    /// Without, a compressor is borrowed from the thread for each message.
    pub takeover: bool,
    /// Whether messages that are received may refer to those before them. Default: yes.
    ///
    /// It costs the window for each connection: see the [module](crate::deflate).
    pub peer_takeover: bool,
    /// Largest window to compress with, as the base-2 logarithm of its bytes: 9 to 15. Default: 15.
    pub max_window_bits: u8,
    /// Largest window that the peer may compress with: 9 to 15. Default: 15.
    ///
    /// A peer that does not agree to less gets no compression.
    pub peer_max_window_bits: u8,
    /// Compression level of zlib, 1 (fast) to 9 (small). Default: 6.
    pub level: u8,
    /// Least size in bytes of a message that is compressed. Default: 64.
    ///
    /// Below, little is gained without context takeover. Fragmented messages are compressed whatever their size,
    /// which is not known.
    pub min_size: usize,
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self {
            takeover: false,
            peer_takeover: true,
            max_window_bits: 15,
            peer_max_window_bits: 15,
            level: 6,
            min_size: 64,
        }
    }
}

/// What both sides agreed on, and how this side compresses under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeflateParams {
    /// The server's messages do not refer to those before them (section 7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client's messages do not refer to those before them (section 7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The server's largest window (section 7.1.2.1): 9 to 15, or 8 to a client.
    pub server_max_window_bits: u8,
    /// The client's largest window (section 7.1.2.2): 9 to 15, or 8 to a client, which then compresses nothing.
    pub client_max_window_bits: u8,
    /// As [`DeflateConfig::level`].
    pub level: u8,
    /// As [`DeflateConfig::min_size`].
    pub min_size: usize,
}

impl Default for DeflateParams {
    /// What `permessage-deflate` alone stands for: context takeover, and the largest window both ways.
    fn default() -> Self {
        let DeflateConfig { level, min_size, .. } = DeflateConfig::default();
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            level,
            min_size,
        }
    }
}

impl DeflateParams {
    /// What binds the compressor of `sender`: whether there is no takeover, and the window.
    pub(crate) fn of_sender(&self, sender: Role) -> (bool, u8) {
        match sender {
            Role::Server => (self.server_no_context_takeover, self.server_max_window_bits.clamp(8, 15)),
            Role::Client => (self.client_no_context_takeover, self.client_max_window_bits.clamp(8, 15)),
        }
    }
}

/// An offer that a server accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// What is agreed on.
    pub params: DeflateParams,
    /// The value of the response's `Sec-WebSocket-Extensions`.
    pub response: String,
}

impl DeflateConfig {
    /// A server's choice: the first offer that is correct and can be met (section 5.1), among the values of the
    /// request's `Sec-WebSocket-Extensions` ([`Offer::extensions`](crate::handshake::Offer::extensions)), one for
    /// each line. `None`: no compression, and no such field in the response.
    ///
    /// Declined (section 7): unknown or duplicate parameters; values where there must be none, none where there
    /// must be, and those that are not 8 to 15 without leading zeros; `server_max_window_bits=8`, since zlib makes
    /// no such window; and where [`peer_max_window_bits`](Self::peer_max_window_bits) is less than 15, offers
    /// without `client_max_window_bits`, which the client could not be held to.
    pub fn accept<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>) -> Option<Agreed> {
        // A value is correct by its grammar, or the request would have been rejected.
        let offers = values.into_iter().flat_map(|value| Extensions::new(value).flatten());
        offers.filter(|extension| extension.name == NAME).find_map(|offer| self.accept_one(&offer))
    }

    fn accept_one(&self, offer: &Extension<'_>) -> Option<Agreed> {
        let offer = Params::parse(offer, true)?;
        let own = self.max_window_bits.clamp(9, 15);
        let peer = self.peer_max_window_bits.clamp(9, 15);
        let server_bits = own.min(offer.server_bits.unwrap_or(15));
        let client_bits = match offer.client_bits {
            None if peer < 15 => return None,
            None => 15,
            // A hint, which need not be taken (section 7.1.2.2). That of 8 is not: compressors that are asked for it
            // are known to use 2^9, and an answer must not be more than the hint.
            Some(Some(8)) if peer < 15 => return None,
            Some(None | Some(8)) => peer,
            Some(Some(hint)) => hint.min(peer),
        };
        if server_bits < 9 {
            return None;
        }
        let params = DeflateParams {
            server_no_context_takeover: offer.server_no_takeover || !self.takeover,
            // Also a hint: it spares the memory of what would never be referred to.
            client_no_context_takeover: offer.client_no_takeover || !self.peer_takeover,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
            level: self.level,
            min_size: self.min_size,
        };
        let answer = Params {
            server_no_takeover: params.server_no_context_takeover,
            client_no_takeover: params.client_no_context_takeover,
            // Accepting the parameter is answering it, whatever the value.
            server_bits: (offer.server_bits.is_some() || server_bits < 15).then_some(server_bits),
            client_bits: (client_bits < 15).then_some(Some(client_bits)),
        };
        Some(Agreed { params, response: answer.write() })
    }

    /// A client's offer. Its [`value`](DeflateOffer::value) goes into the request's `Sec-WebSocket-Extensions`.
    #[must_use]
    pub fn offer(&self) -> DeflateOffer {
        let own = self.max_window_bits.clamp(9, 15);
        let peer = self.peer_max_window_bits.clamp(9, 15);
        let offer = Params {
            server_no_takeover: !self.peer_takeover,
            client_no_takeover: !self.takeover,
            server_bits: (peer < 15).then_some(peer),
            client_bits: Some((own < 15).then_some(own)),
        };
        DeflateOffer { config: *self, offer }
    }
}

/// What a client offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeflateOffer {
    config: DeflateConfig,
    offer: Params,
}

impl DeflateOffer {
    /// The value to send, such as `permessage-deflate; client_max_window_bits`.
    #[must_use]
    pub fn value(&self) -> String {
        self.offer.write()
    }

    /// Checks the values of the response's `Sec-WebSocket-Extensions`, one for each line (see
    /// [`verify_offered`](crate::handshake::verify_offered)). `None`: the server does not compress, nor may the
    /// client.
    ///
    /// # Errors
    ///
    /// [`ResponseError::Extension`]: something that was not offered, or an answer that does not fit the offer
    /// (section 7.1): parameters that are unknown, duplicate, or have a wrong value; more than what
    /// `server_max_window_bits` or `server_no_context_takeover` asked for.
    pub fn verify<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<DeflateParams>, ResponseError> {
        let mut answer = None;
        for extension in values.into_iter().flat_map(Extensions::new) {
            let extension = extension.map_err(|_| ResponseError::Extension)?;
            let params = Params::parse(&extension, false).filter(|_| extension.name == NAME);
            if answer.replace(params.ok_or(ResponseError::Extension)?).is_some() {
                return Err(ResponseError::Extension);
            }
        }
        answer.map(|answer| self.verify_one(&answer).ok_or(ResponseError::Extension)).transpose()
    }

    fn verify_one(&self, answer: &Params) -> Option<DeflateParams> {
        let own = self.config.max_window_bits.clamp(9, 15);
        let server_bits = match (self.offer.server_bits, answer.server_bits) {
            (Some(_), None) => return None,
            (Some(offered), Some(answered)) if answered > offered => return None,
            (_, answered) => answered.unwrap_or(15),
        };
        if self.offer.server_no_takeover && !answer.server_no_takeover {
            return None;
        }
        Some(DeflateParams {
            server_no_context_takeover: answer.server_no_takeover,
            // What the client said of itself it keeps to, whether the server repeats it or not.
            client_no_context_takeover: answer.client_no_takeover || !self.config.takeover,
            server_max_window_bits: server_bits,
            client_max_window_bits: own.min(answer.client_bits.flatten().unwrap_or(15)),
            level: self.config.level,
            min_size: self.config.min_size,
        })
    }
}

/// The parameters of one offer or answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Params {
    server_no_takeover: bool,
    client_no_takeover: bool,
    server_bits: Option<u8>,
    /// It may come without a value, in an offer.
    client_bits: Option<Option<u8>>,
}

impl Params {
    /// `None` where anything is wrong by itself (section 7).
    fn parse(extension: &Extension<'_>, offer: bool) -> Option<Self> {
        let mut params = Self::default();
        for param in extension.params() {
            let value = param.value();
            let bits = value.as_deref().map(window_bits);
            let duplicate = match (param.name, bits) {
                ("server_no_context_takeover", None) => {
                    core::mem::replace(&mut params.server_no_takeover, true)
                }
                ("client_no_context_takeover", None) => {
                    core::mem::replace(&mut params.client_no_takeover, true)
                }
                ("server_max_window_bits", Some(Some(bits))) => params.server_bits.replace(bits).is_some(),
                ("client_max_window_bits", Some(Some(bits))) => {
                    params.client_bits.replace(Some(bits)).is_some()
                }
                ("client_max_window_bits", None) if offer => params.client_bits.replace(None).is_some(),
                _ => return None,
            };
            if duplicate {
                return None;
            }
        }
        Some(params)
    }

    fn write(&self) -> String {
        let mut value = String::from(NAME);
        if self.server_no_takeover {
            value.push_str("; server_no_context_takeover");
        }
        if self.client_no_takeover {
            value.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_bits {
            value.push_str(&format!("; server_max_window_bits={bits}"));
        }
        match self.client_bits {
            None => {}
            Some(None) => value.push_str("; client_max_window_bits"),
            Some(Some(bits)) => value.push_str(&format!("; client_max_window_bits={bits}")),
        }
        value
    }
}

/// A decimal number of 8 to 15 without leading zeros (section 7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    match value.as_bytes() {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}
