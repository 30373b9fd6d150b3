//! The client that the rule table describes: it writes all its requests, then reads one response after the other. As a
//! decoder it is the subject of the laws.

use testkit::laws::Subject;
use wire_http1::{BodyLen, ClientConnection, Config, EncodeError, Error, Event, RequestWriter, Version};

/// One thing that came out, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Head(Box<Head>),
    Data(Vec<u8>),
    Trailers {
        fields: Vec<(String, Vec<u8>)>,
        dropped: usize,
    },
    End,
    /// Bytes of another protocol.
    Other(Vec<u8>),
}

/// A response head, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) reason: Vec<u8>,
    pub(crate) version: Version,
    pub(crate) interim: bool,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
}

/// Writes a request without content: a method, then `upgrade` or `close`; or one with content, which is `unfinished`.
pub(crate) fn write(
    connection: &mut ClientConnection,
    request: &str,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut words = request.split(' ');
    let method = words.next().expect("a method");
    let options: Vec<_> = words.collect();
    if options.contains(&"close") {
        connection.set_close();
    }
    let target = if method == "CONNECT" { "a:1" } else { "/" };
    let unfinished = options.contains(&"unfinished");
    let mut head = connection.encode_head(method, target, unfinished.then_some(BodyLen::Streamed), out)?;
    head.field("Host", "a:1")?;
    if options.contains(&"upgrade") {
        head.field("Upgrade", "x")?;
    }
    RequestWriter::finish(head)?;
    if unfinished { connection.encode_data(b"x", out) } else { connection.encode_end(out) }
}

/// The client. Quiet, it keeps no copies.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) connection: ClientConnection,
    quiet: bool,
    bound: usize,
}

impl Client {
    pub(crate) fn new<'a>(config: Config, requests: impl IntoIterator<Item = &'a str>) -> Self {
        let bound = (config.max_reason + config.max_field_section + 15).max(config.max_trailer_section);
        let (mut connection, mut out) = (ClientConnection::new(config), Vec::new());
        for request in requests {
            write(&mut connection, request, &mut out).expect("a request");
        }
        Self { connection, quiet: false, bound }
    }

    pub(crate) fn quiet(config: Config) -> Self {
        Self { quiet: true, ..Self::new(config, ["GET"; 50]) }
    }

    /// What follows the end of the input: the end of content that ended with it.
    pub(crate) fn behind_eof(&mut self) -> Option<Heard> {
        let step = self.connection.decode(&[]).ok()?;
        (step.event == Some(Event::End)).then_some(Heard::End)
    }

    fn heard(&self, event: Event, payload: &[u8]) -> Heard {
        let owned = |field: wire_http1::FieldView<'_>| (field.name.to_owned(), field.value.to_owned());
        match event {
            _ if self.quiet => Heard::End,
            Event::Head => {
                let view = self.connection.head().view(payload);
                Heard::Head(Box::new(Head {
                    status: view.status(),
                    reason: view.reason().into(),
                    version: view.version(),
                    interim: view.head().is_interim(),
                    fields: view.fields().map(owned).collect(),
                }))
            }
            Event::Data { .. } => Heard::Data(payload.into()),
            Event::Trailers => {
                let trailers = self.connection.trailers();
                Heard::Trailers {
                    fields: trailers.view(payload).fields().map(owned).collect(),
                    dropped: trailers.dropped(),
                }
            }
            Event::End => Heard::End,
            Event::Paused | Event::Upgraded => unreachable!("met before"),
        }
    }
}

impl Subject for Client {
    type Event = Heard;
    type Error = Error;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Heard>), Error> {
        loop {
            let step = self.connection.decode(input)?;
            let event = match step.event {
                Some(Event::Paused) if self.connection.next_cycle() => continue,
                // What follows a response that closes is nobody's.
                Some(Event::Paused) => return Ok((input.len(), None)),
                Some(Event::Upgraded) if input.is_empty() => return Ok((0, None)),
                Some(Event::Upgraded) => return Ok((input.len(), Some(Heard::Other(input.to_vec())))),
                event => event.map(|event| self.heard(event, step.payload(input))),
            };
            return Ok((step.consumed, event));
        }
    }

    fn decode_eof(&mut self) -> Result<(), Error> {
        self.connection.decode_eof()
    }

    fn merge(last: &mut Heard, next: &Heard) -> bool {
        match (last, next) {
            (Heard::Data(last), Heard::Data(next)) | (Heard::Other(last), Heard::Other(next)) => {
                last.extend_from_slice(next);
                true
            }
            _ => false,
        }
    }

    fn max_unconsumed(&self) -> usize {
        self.bound
    }
}
