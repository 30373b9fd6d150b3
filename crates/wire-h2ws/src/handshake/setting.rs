//! SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 section 3, RFC 9220 section 3).

/// What a client knows of the server's SETTINGS_ENABLE_CONNECT_PROTOCOL, and its rules.
///
/// A server sends the value 1, in its first SETTINGS at best, and never 0 afterwards. Received by a server it has no
/// effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectProtocol {
    enabled: bool,
}

impl ConnectProtocol {
    /// The setting's identifier, in HTTP/2 and in HTTP/3.
    pub const ID: u16 = 0x8;

    /// Takes a value that arrived. A SETTINGS frame without the setting changes nothing.
    ///
    /// # Errors
    ///
    /// A connection error PROTOCOL_ERROR (H3_SETTINGS_ERROR in HTTP/3): a value that is neither 0 nor 1, or 0 after 1.
    pub fn receive(&mut self, value: u32) -> Result<(), InvalidSetting> {
        match value {
            0 if self.enabled => Err(InvalidSetting::Withdrawn),
            0 => Ok(()),
            1 => {
                self.enabled = true;
                Ok(())
            }
            _ => Err(InvalidSetting::Value),
        }
    }

    /// Whether a client may send extended CONNECT: only once the server said so.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }
}

/// A SETTINGS_ENABLE_CONNECT_PROTOCOL that breaks RFC 8441 section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSetting {
    /// Neither 0 nor 1.
    #[error("SETTINGS_ENABLE_CONNECT_PROTOCOL is neither 0 nor 1")]
    Value,
    /// 0 after 1.
    #[error("SETTINGS_ENABLE_CONNECT_PROTOCOL was withdrawn")]
    Withdrawn,
}
