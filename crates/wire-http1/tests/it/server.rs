//! The server that the rule table describes: it answers 200 to each request once it has read all of it and echoes the
//! content, and 501 to CONNECT. As a decoder it is the subject of the laws.

use testkit::laws::Subject;
use wire_http1::{BodyLen, Config, Error, Event, HeadWriter, Method, ServerConnection, Version};

/// One thing that came out, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Head(Box<Head>),
    Data(Vec<u8>),
    Trailers {
        fields: Vec<(String, Vec<u8>)>,
        dropped: usize,
    },
    End,
    /// The request was answered and the connection closes.
    Closed,
}

/// A head, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) version: Version,
    pub(crate) expects_continue: bool,
    pub(crate) offers_upgrade: bool,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
}

/// The server. Quiet, it keeps no copies.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) connection: ServerConnection,
    pub(crate) closed: bool,
    /// What was answered, final responses only.
    pub(crate) statuses: Vec<u16>,
    refused: bool,
    quiet: bool,
    bound: usize,
    connect: bool,
    body: Vec<u8>,
    output: Vec<u8>,
}

impl Server {
    pub(crate) fn new(config: Config) -> Self {
        let bound = (config.max_target + config.max_field_section + 267).max(config.max_trailer_section);
        Self {
            connection: ServerConnection::new(config),
            closed: false,
            statuses: Vec::new(),
            refused: false,
            quiet: false,
            bound,
            connect: false,
            body: Vec::new(),
            output: Vec::new(),
        }
    }

    pub(crate) fn quiet(config: Config) -> Self {
        Self { quiet: true, ..Self::new(config) }
    }

    fn answer(&mut self) {
        let status = if self.connect { 501 } else { 200 };
        let length = BodyLen::Fixed(self.body.len() as u64);
        self.output.clear();
        let head = self.connection.encode_head(status, "", length, &mut self.output);
        head.and_then(HeadWriter::finish).expect("a head");
        if self.connection.response_has_body() {
            self.connection.encode_data(&self.body, &mut self.output).expect("content");
        }
        self.connection.encode_end(&mut self.output).expect("an end");
        if !self.quiet {
            self.statuses.push(status);
        }
        self.closed = !self.connection.next_cycle();
    }

    /// Answers a refused request; panics if the codec would keep the connection.
    fn refuse(&mut self, error: Error) {
        if self.refused {
            return;
        }
        self.output.clear();
        let head = self.connection.encode_head(error.status(), "", BodyLen::Fixed(0), &mut self.output);
        head.and_then(HeadWriter::finish).expect("a head behind an error");
        assert!(
            self.output.ends_with(b"Connection: close\r\n\r\n"),
            "a refused request closes the connection"
        );
        self.connection.encode_end(&mut self.output).expect("an end");
        assert!(!self.connection.next_cycle(), "a refused request closes the connection");
        self.statuses.push(error.status());
        (self.closed, self.refused) = (true, true);
    }

    fn seen(&mut self, event: Event, payload: &[u8]) -> Seen {
        match event {
            Event::Head => {
                let head = self.connection.head();
                self.connect = head.method() == Method::Connect;
                self.body.clear();
                if self.quiet {
                    return Seen::End;
                }
                let view = head.view(payload);
                Seen::Head(Box::new(Head {
                    method: view.method().into(),
                    target: view.target().into(),
                    path: view.path().into(),
                    query: view.query().map(Into::into),
                    authority: view.authority().map(Into::into),
                    version: view.version(),
                    expects_continue: head.expects_continue(),
                    offers_upgrade: head.offers_upgrade(),
                    fields: view.fields().map(|field| (field.name.into(), field.value.into())).collect(),
                }))
            }
            Event::Data { .. } if self.quiet => Seen::End,
            Event::Data { .. } => {
                self.body.extend_from_slice(payload);
                Seen::Data(payload.into())
            }
            Event::Trailers if self.quiet => Seen::End,
            Event::Trailers => {
                let trailers = self.connection.trailers();
                let view = trailers.view(payload);
                Seen::Trailers {
                    fields: view.fields().map(|field| (field.name.into(), field.value.into())).collect(),
                    dropped: trailers.dropped(),
                }
            }
            Event::End => {
                self.answer();
                if self.closed { Seen::Closed } else { Seen::End }
            }
            Event::Paused | Event::Upgraded => unreachable!("answered at once, and never upgraded"),
        }
    }
}

impl Subject for Server {
    type Event = Seen;
    type Error = Error;

    fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Seen>), Error> {
        if self.closed && !self.refused {
            // A closing server reads and forgets what the client still sends.
            return Ok((input.len(), None));
        }
        let step = self.connection.decode(input).inspect_err(|&error| self.refuse(error))?;
        let event = step.event.map(|event| self.seen(event, step.payload(input)));
        Ok((step.consumed, event))
    }

    fn decode_eof(&mut self) -> Result<(), Error> {
        if self.closed && !self.refused {
            return Ok(());
        }
        self.connection.decode_eof()
    }

    fn merge(last: &mut Seen, next: &Seen) -> bool {
        match (last, next) {
            (Seen::Data(last), Seen::Data(next)) => {
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
