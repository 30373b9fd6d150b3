//! A client's opening handshake: one request, one response, and what follows it.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncRead, AsyncWrite};
use wire_http1::{ClientConnection as Http, EncodeError, Event};
#[cfg(feature = "ws-deflate")]
use wire_ws::deflate::{DeflateOffer, DeflateParams};
use wire_ws::handshake::{self, Key};

use super::Settings;
use super::client::{Client, ConnectError};
use crate::io::{Lease, ReadBuffer, WriteBuffer};

/// What of the body of a rejection is kept.
pub(super) const MAX_BODY: usize = 16 << 10;
/// Largest field section of a response: no handshake needs more, and a server must not fill the memory of its client.
pub(super) const MAX_FIELD_SECTION: u32 = 16 << 10;

pub(super) struct Opening {
    http: Http,
    output: WriteBuffer,
    input: ReadBuffer,
    key: Key,
    protocols: Vec<String>,
    #[cfg(feature = "ws-deflate")]
    offer: Option<DeflateOffer>,
    #[cfg(feature = "ws-deflate")]
    agreed: Option<DeflateParams>,
    /// The final head, if it is a 101.
    accepted: Option<Response<()>>,
    /// If it is another, with as much of the body as has come.
    rejected: Option<Response<Vec<u8>>>,
    /// Why the request could not be written. The response may be there all the same.
    unwritten: Option<io::Error>,
}

impl Opening {
    /// Encodes the request.
    #[cfg_attr(
        not(feature = "ws-deflate"),
        expect(unused_variables, reason = "only compression is asked for")
    )]
    pub(super) fn new(client: &Client, settings: &Settings, key: &Key) -> Result<Self, ConnectError> {
        let mut limits = wire_http1::Config::default();
        limits.max_field_section = MAX_FIELD_SECTION as usize;
        let (mut http, mut output) = (Http::new(limits), WriteBuffer::default());
        let protocols: Vec<&str> = client.protocols.iter().map(String::as_str).collect();
        let own = handshake::request_fields(key, &protocols).map_err(ConnectError::Protocol)?;
        let out = output.tail();
        let mut head = http.encode_head("GET", &client.target, None, out)?;
        head.field("Host", &client.authority)?;
        for (name, value) in own {
            head.field(name, value.as_bytes())?;
        }
        #[cfg(feature = "ws-deflate")]
        let offer = settings.deflate.map(|config| config.offer());
        #[cfg(feature = "ws-deflate")]
        if let Some(offer) = &offer {
            head.field("Sec-WebSocket-Extensions", offer.value())?;
        }
        for (name, value) in &client.fields {
            let added = match reserved(name) {
                Some(name) => Err(EncodeError::CodecField(name)),
                None => head.field(name, value),
            };
            added.map_err(|error| ConnectError::Field { name: name.clone(), error })?;
        }
        head.finish()?;
        http.encode_end(out)?;
        Ok(Self {
            http,
            output,
            input: ReadBuffer::default(),
            key: *key,
            protocols: client.protocols.clone(),
            #[cfg(feature = "ws-deflate")]
            offer,
            #[cfg(feature = "ws-deflate")]
            agreed: None,
            accepted: None,
            rejected: None,
            unwritten: None,
        })
    }

    /// Writes the request and reads the response. Ready with the head of a 101 that is right.
    pub(super) fn poll<Io: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
    ) -> Poll<Result<Response<()>, ConnectError>> {
        if let Poll::Ready(Err(error)) = self.output.poll_write(cx, io, &mut false) {
            self.output = WriteBuffer::default();
            self.unwritten = Some(error);
        }
        loop {
            if let Some(opened) = self.decode().transpose() {
                return Poll::Ready(opened);
            }
            let Poll::Ready(read) = self.input.poll_fill(cx, io, usize::MAX) else {
                self.input.park();
                return Poll::Pending;
            };
            match read {
                Ok(0) => {
                    if let Some(rejection) = self.rejection() {
                        return Poll::Ready(Err(rejection));
                    }
                    let error = self.unwritten.take().map(ConnectError::Io);
                    let error = error.or_else(|| self.http.decode_eof().err().map(ConnectError::Http));
                    return Poll::Ready(Err(
                        error.unwrap_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
                    ));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(self.rejection().unwrap_or(ConnectError::Io(error)))),
            }
        }
    }

    /// Decodes what has come. `None`: more input is needed.
    fn decode(&mut self) -> Result<Option<Response<()>>, ConnectError> {
        loop {
            let step = match self.http.decode(self.input.bytes()) {
                Ok(step) => step,
                Err(error) => return Err(self.rejection().unwrap_or(ConnectError::Http(error))),
            };
            match step.event {
                Some(Event::Head) if !self.http.head().is_interim() => self.head(step.consumed)?,
                Some(Event::Data { len }) => {
                    let payload = self.input.take_payload(step.consumed, len);
                    if let Some(body) = self.rejected.as_mut().map(Response::body_mut) {
                        let room = MAX_BODY.saturating_sub(body.len());
                        body.extend_from_slice(&payload[..len.min(room)]);
                        if len >= room {
                            return self.rejection().map_or(Ok(None), Err);
                        }
                    }
                    continue;
                }
                Some(Event::Upgraded) => {
                    self.input.consume(step.consumed);
                    return Ok(self.accepted.take());
                }
                Some(Event::End) if self.rejected.is_some() => return self.rejection().map_or(Ok(None), Err),
                _ => {}
            }
            self.input.consume(step.consumed);
            if step.event.is_none() {
                return Ok(None);
            }
        }
    }

    /// The final head.
    fn head(&mut self, consumed: usize) -> Result<(), ConnectError> {
        let view = self.http.head().view(&self.input.bytes()[..consumed]);
        let unfit = |error| ConnectError::Io(io::Error::new(io::ErrorKind::InvalidData, error));
        let response: Response<()> = view.to_http_response(()).map_err(unfit)?;
        if !self.http.head().switches() {
            self.rejected = Some(response.map(|()| Vec::new()));
            return Ok(());
        }
        let fields = view.fields().map(|field| (field.name, field.value));
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        #[cfg(feature = "ws-deflate")]
        let offered: &[&str] = if self.offer.is_some() { &["permessage-deflate"] } else { &[] };
        #[cfg(not(feature = "ws-deflate"))]
        let offered = &[];
        handshake::verify_offered(view.status(), fields, &self.key, &protocols, offered)?;
        #[cfg(feature = "ws-deflate")]
        if let Some(offer) = &self.offer {
            self.agreed = offer.verify(view.get_all("Sec-WebSocket-Extensions"))?;
        }
        self.accepted = Some(response);
        Ok(())
    }

    /// The answer that is none of a WebSocket, with as much of its body as has come.
    fn rejection(&mut self) -> Option<ConnectError> {
        Some(ConnectError::Rejected(Box::new(self.rejected.take()?.map(Bytes::from))))
    }

    /// There is no more time.
    pub(super) fn timed_out(&mut self) -> ConnectError {
        self.rejection().unwrap_or(ConnectError::TimedOut)
    }

    /// The compression that was agreed on.
    #[cfg(feature = "ws-deflate")]
    pub(super) fn agreed(&self) -> Option<DeflateParams> {
        self.agreed
    }

    /// What came behind the response.
    pub(super) fn into_rest(mut self) -> Lease {
        self.input.take_rest()
    }
}

/// The fields of the handshake, which are not the caller's.
pub(super) fn reserved(name: &str) -> Option<&'static str> {
    [
        "Upgrade",
        "Host",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
    ]
    .into_iter()
    .find(|reserved| name.eq_ignore_ascii_case(reserved))
}
