//! A reverse proxy on both roles of `wire-http1`: what one connection says is decoded, judged and written anew to another.
//!
//! Every field is validated twice, hop-by-hop fields are dropped (RFC 9110 section 7.6.1), both messages are framed by the
//! codec: what could be read in two ways goes nowhere. Content streams both ways at once; a side that does not read stops the
//! other one. One request is under way at a time. Upgrades are tunnelled if the upstream agrees. No deadlines: a dead client is noticed when written to.
use bytes::{Buf as _, BytesMut};
use clap::Parser as _;
use std::{collections::HashSet, error::Error, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wire_http1::{BodyFraming, BodyLen, ClientConnection, Event, FieldView, HeadView, HeadWriter, Known};
use wire_http1::{ErrorKind, Method, ServerConnection, Version};

#[derive(clap::Parser)]
struct Options {
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8082")]
    listen: String,
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    upstream: String,
}

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;
/// Most bytes that wait to be written before the other side is read no further.
const ENOUGH: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result {
    let options: &'static Options = Box::leak(Box::new(Options::parse()));
    let listener = TcpListener::bind(&options.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (mut stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            let mut proxy = Proxy::default();
            let result = proxy.run(&mut stream, &options.upstream).await;
            let unasked = proxy.client.decode(&[]).is_err_and(|e| e.kind() == ErrorKind::UnsolicitedResponse);
            if let (Err(error), false) = (result, unasked) {
                eprintln!("{peer}: {error}");
                // What the client did wrong, or else the upstream has failed; if nothing was answered yet.
                let other = if proxy.server.head().method() == Method::Connect { 501 } else { 502 };
                let status = proxy.server.decode(&[]).map_or_else(|refused| refused.status(), |_| other);
                proxy.server.set_close();
                let head = proxy.server.encode_head(status, "", BodyLen::Fixed(0), &mut proxy.client_out);
                let _started = head.and_then(HeadWriter::finish);
            }
            // What was written is written out, and read: a close with unread input would reset it away.
            if stream.write_all(&proxy.client_out).await.is_ok() && stream.shutdown().await.is_ok() {
                let rest = async { while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {} };
                let _late = tokio::time::timeout(Duration::from_secs(1), rest).await;
            }
        });
    }
}

#[derive(Default)]
struct Proxy {
    server: ServerConnection,
    client: ClientConnection,
    client_in: BytesMut,
    client_out: Vec<u8>,
    up_in: BytesMut,
    up_out: Vec<u8>,
}

impl Proxy {
    async fn run(&mut self, stream: &mut TcpStream, upstream: &str) -> Result {
        let mut up_stream = TcpStream::connect(upstream).await?;
        let ((mut read, mut write), (mut up_read, mut up_write)) = (stream.split(), up_stream.split());
        loop {
            let (up_more, more) = (self.response()?, self.request(upstream)?); // in this order (RFC 9112 9.2)
            if self.server.is_upgraded() {
                up_write.write_all(&[&self.up_out, &self.client_in[..]].concat()).await?;
                write.write_all(&[&std::mem::take(&mut self.client_out), &self.up_in[..]].concat()).await?;
                return Ok(tokio::io::copy_bidirectional(stream, &mut up_stream).await.map(drop)?);
            }
            let no_more = self.server.request_complete() || !self.server.keep_alive();
            if no_more && self.server.response_complete() {
                if self.client.next_cycle() && self.server.next_cycle() { continue } else { return Ok(()) }
            }
            tokio::select! {
                len = read.read_buf(&mut self.client_in), if more =>
                    if len? == 0 { return Ok(self.server.decode_eof()?) }, // clean between requests
                len = up_read.read_buf(&mut self.up_in), if up_more =>
                    if len? == 0 { self.client.decode_eof()?; if self.client.outstanding() == 0 { return Ok(()) } },
                len = write.write(&self.client_out), if !self.client_out.is_empty() => drop(self.client_out.drain(..len?)),
                len = up_write.write(&self.up_out), if !self.up_out.is_empty() => drop(self.up_out.drain(..len?)),
            }
        }
    }

    /// Moves the request on. Returns whether it needs more bytes of the client.
    fn request(&mut self, upstream: &str) -> Result<bool> {
        let (server, client, out) = (&mut self.server, &mut self.client, &mut self.up_out);
        let mut more = false;
        while !more && out.len() < ENOUGH {
            let step = server.decode(&self.client_in)?;
            let payload = step.payload(&self.client_in);
            match step.event {
                Some(Event::Head) => request_head(&server.head().view(payload), client, out, upstream)?,
                Some(Event::Data { .. }) => client.encode_data(payload, out)?,
                Some(Event::Trailers) => {
                    let fields = server.trailers().view(payload).fields();
                    client.encode_end_with_trailers(fields.map(|field| (field.name, field.value)), out)?;
                }
                Some(Event::End) if !client.request_complete() => client.encode_end(out)?,
                Some(Event::Paused | Event::Upgraded) => return Ok(false),
                Some(Event::End) | None => {}
            }
            self.client_in.advance(step.consumed);
            more = step.event.is_none();
        }
        Ok(more)
    }

    /// Moves the response on. Returns whether it needs more bytes of the upstream.
    fn response(&mut self) -> Result<bool> {
        let (server, client, out) = (&mut self.server, &mut self.client, &mut self.client_out);
        let mut more = false;
        while !more && out.len() < ENOUGH {
            let step = client.decode(&self.up_in)?;
            let payload = step.payload(&self.up_in);
            match step.event {
                Some(Event::Head) => respond(client, payload, server, out)?,
                Some(Event::Data { .. }) if server.response_has_body() => server.encode_data(payload, out)?,
                Some(Event::Trailers) if server.head().accepts_trailers() => {
                    let fields = client.trailers().view(payload).fields();
                    server.encode_end_with_trailers(fields.map(|field| (field.name, field.value)), out)?;
                }
                Some(Event::End) if !server.response_complete() => server.encode_end(out)?,
                Some(Event::Paused | Event::Upgraded) => return Ok(false),
                _ => {} // content and trailers that this client does not get
            }
            self.up_in.advance(step.consumed);
            more = step.event.is_none();
        }
        Ok(more)
    }
}

/// Writes a request head anew: origin-form, the authority as Host (RFC 9112 section 3.2.2), our own hop-by-hop fields.
fn request_head(
    head: &HeadView<'_>,
    client: &mut ClientConnection,
    out: &mut Vec<u8>,
    upstream: &str,
) -> Result {
    let body = match head.head().body() {
        BodyFraming::None => None,
        BodyFraming::Fixed(len) => Some(BodyLen::Fixed(len)),
        BodyFraming::Chunked => Some(BodyLen::Streamed),
    };
    let target = match head.path_and_query() {
        "" if head.method() == "OPTIONS" => "*",
        path if path.starts_with(['/', '*']) => path,
        query => &format!("/{query}"),
    };
    let mut writer = client.encode_head(head.method(), target, body, out)?;
    writer.field("Host", head.authority().unwrap_or(upstream))?;
    let upgrade = head.head().offers_upgrade() && body.is_none();
    end_to_end(head.fields(), upgrade).iter().try_for_each(|field| writer.field(field.name, field.value))?;
    head.head().expects_continue().then(|| writer.field("Expect", "100-continue")).transpose()?;
    head.head().accepts_trailers().then(|| writer.field("TE", "trailers")).transpose()?;
    writer.field("Via", "1.1 wire")?;
    Ok(writer.finish()?)
}

/// Writes a response head anew; an interim one only to a client that knows them.
fn respond(from: &ClientConnection, head: &[u8], to: &mut ServerConnection, out: &mut Vec<u8>) -> Result {
    let head = from.head().view(head);
    // To HEAD, and in a 304, it is the length of content that does not come.
    let length = head.get_known(Known::ContentLength).and_then(|len| str::from_utf8(len).ok()?.parse().ok());
    let body = length.map_or(BodyLen::Streamed, BodyLen::Fixed);
    let mut writer = match head.head().is_interim() {
        true if to.head().version() == Version::Http10 => return Ok(()),
        true => to.encode_interim(head.status(), out)?,
        false => {
            (!from.keep_alive()).then(|| to.set_close()); // so that the client is told
            to.encode_head(head.status(), str::from_utf8(head.reason()).unwrap_or_default(), body, out)?
        }
    };
    let fields = end_to_end(head.fields(), matches!(head.status(), 101 | 426));
    fields.iter().try_for_each(|field| writer.field(field.name, field.value))?;
    Ok(writer.finish()?)
}

/// The fields for the recipient behind this one: neither hop-by-hop, nor named in Connection, nor written anew.
fn end_to_end<'a>(all: impl Iterator<Item = FieldView<'a>> + Clone, upgrade: bool) -> Vec<FieldView<'a>> {
    use Known::*;
    let connection = all.clone().filter(|field| field.known == Some(Connection));
    let options = connection.flat_map(|field| field.value.split(|&byte| byte == b','));
    let named: HashSet<_> = options.map(|option| option.trim_ascii().to_ascii_lowercase()).collect();
    let wanted = |field: &FieldView<'_>| match field.known {
        Some(Upgrade) => upgrade,
        Some(Connection | KeepAlive | ProxyConnection | ProxyAuthorization | TransferEncoding) => false,
        Some(Host | ContentLength | Expect | Te) => false, // written anew
        _ => !named.contains(field.name.to_ascii_lowercase().as_bytes()),
    };
    all.filter(wanted).collect()
}
