//! WebSocket over HTTP/2 and HTTP/3: the tables of `h2ws/`. A `section` is that of the RFC whose number stands before it.
//!
//! `h2ws/request.toml` and `h2ws/response.toml` alter a correct request or response: see [`Request`] and [`Response`].
//! `h2ws/url.toml` has URLs, `h2ws/setting.toml` values of SETTINGS_ENABLE_CONNECT_PROTOCOL.

use serde::Deserialize;

use crate::Severity;

/// A header field.
pub type Field = (String, String);

/// A request to open a WebSocket, made from this one by changing or unsetting pseudo-fields, leaving fields out and
/// adding others:
///
/// ```text
/// :method = CONNECT
/// :protocol = websocket
/// :scheme = https
/// :path = /chat
/// :authority = server.example.com
/// sec-websocket-version = 13
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Unique.
    pub id: String,
    /// The section.
    pub section: String,
    /// How much the rule weighs.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about.
    pub about: String,
    method: Option<String>,
    protocol: Option<String>,
    scheme: Option<String>,
    authority: Option<String>,
    path: Option<String>,
    #[serde(default)]
    unset: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    with: Vec<Field>,
    /// Subprotocols that the server speaks, in its order of preference.
    #[serde(default)]
    pub supported: Vec<String>,
    /// The status of the response.
    pub status: u16,
    /// Fields that the response must have.
    #[serde(default)]
    pub response: Vec<Field>,
    /// Names of fields that it must not have.
    #[serde(default)]
    pub response_without: Vec<String>,
}

impl Request {
    /// `:method`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.as_deref().unwrap_or("CONNECT")
    }

    /// `:protocol`.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.pseudo("protocol", self.protocol.as_deref(), "websocket")
    }

    /// `:scheme`.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        self.pseudo("scheme", self.scheme.as_deref(), "https")
    }

    /// `:authority`.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.pseudo("authority", self.authority.as_deref(), "server.example.com")
    }

    /// `:path`.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.pseudo("path", self.path.as_deref(), "/chat")
    }

    /// The other fields.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let version = ("sec-websocket-version".to_owned(), "13".to_owned());
        let version = (!self.without.contains(&version.0)).then_some(version);
        version.into_iter().chain(self.with.iter().cloned()).collect()
    }

    fn pseudo<'a>(&self, name: &str, given: Option<&'a str>, default: &'a str) -> Option<&'a str> {
        (!self.unset.iter().any(|unset| unset == name)).then(|| given.unwrap_or(default))
    }
}

/// A response with these fields alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Unique.
    pub id: String,
    /// The section.
    pub section: String,
    /// What it is about.
    pub about: String,
    /// The status; 200 where it is not given.
    #[serde(default = "ok")]
    pub status: u16,
    /// The fields.
    #[serde(default)]
    pub with: Vec<Field>,
    /// Subprotocols that the client offered.
    #[serde(default)]
    pub offered: Vec<String>,
    /// Names of the extensions that it offered.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Whether the connection is established.
    pub ok: bool,
    /// The subprotocol in use then.
    pub protocol: Option<String>,
}

/// A URL, and the pseudo-fields of its request; without them it is to be refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Url {
    /// Unique.
    pub id: String,
    /// The URL.
    pub url: String,
    /// `:scheme`.
    pub scheme: Option<String>,
    /// `:authority`.
    pub authority: Option<String>,
    /// `:path`.
    pub path: Option<String>,
}

/// Values of the setting, in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Unique.
    pub id: String,
    /// What arrives.
    pub values: Vec<u32>,
    /// Whether all of them are legal; otherwise the last is not.
    pub ok: bool,
    /// Whether extended CONNECT may then be used.
    #[serde(default)]
    pub enabled: bool,
}

/// All of `h2ws/`.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Requests that a server reads.
    pub requests: Vec<Request>,
    /// Responses that a client reads.
    pub responses: Vec<Response>,
    /// URLs that a client connects to.
    pub urls: Vec<Url>,
    /// Settings that a client receives.
    pub settings: Vec<Setting>,
}

/// Reads the tables.
///
/// # Panics
///
/// Where a table is malformed.
#[must_use]
pub fn tables() -> Tables {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Table {
        request: Vec<Request>,
        response: Vec<Response>,
        url: Vec<Url>,
        setting: Vec<Setting>,
    }
    fn parse(table: &str) -> Table {
        toml::from_str(table).unwrap_or_else(|e| panic!("{e}"))
    }
    Tables {
        requests: parse(include_str!("../h2ws/request.toml")).request,
        responses: parse(include_str!("../h2ws/response.toml")).response,
        urls: parse(include_str!("../h2ws/url.toml")).url,
        settings: parse(include_str!("../h2ws/setting.toml")).setting,
    }
}

fn ok() -> u16 {
    200
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn every_entry_is_named_once() {
        fn unique<'a>(ids: impl Iterator<Item = &'a String>) -> usize {
            let mut seen = HashSet::new();
            ids.inspect(|id| assert!(seen.insert((*id).clone()), "{id} twice")).count()
        }
        let tables = super::tables();
        let entries = unique(tables.requests.iter().map(|entry| &entry.id))
            + unique(tables.responses.iter().map(|entry| &entry.id))
            + unique(tables.urls.iter().map(|entry| &entry.id))
            + unique(tables.settings.iter().map(|entry| &entry.id));
        assert!(entries > 110, "{entries}");
    }
}
