//! A reverse proxy on both roles of `wire-http1`: what one connection says is decoded, judged and written anew to another.
//!
//! Every field is validated twice, hop-by-hop fields and trailers stay behind (RFC 9110 section 7.6.1), both messages are framed by
//! the codec: what could be read in two ways goes nowhere. Content streams both ways at once; a side that does not read stops the
//! other one. One request is under way at a time. WebSockets are tunnelled if the upstream agrees. No deadlines.
use clap::Parser as _;
use std::{collections::HashSet, error::Error, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wire_http1::{BodyFraming, BodyLen, ClientConnection, EncodeError, ErrorKind, Event, FieldView, Fields};
use wire_http1::{HeadWriter, Known, Method, Reader, ServerConnection, Version};

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
            let Proxy { server, client, client_out: out, answer, .. } = &mut proxy;
            let cut = server.connection.response_started() && !server.connection.response_complete();
            let unasked = client.next().is_err_and(|e| e.kind() == ErrorKind::UnsolicitedResponse);
            if let (Err(error), false) = (result, unasked) {
                eprintln!("{peer}: {error}");
                // What the client did wrong, or what does not go on, or else the upstream has failed.
                let status = server.next().map_or_else(|refused| refused.status(), |_| answer.unwrap_or(502));
                server.connection.set_close();
                let head = server.connection.encode_head(status, "", BodyLen::Fixed(0), out);
                let _started = head.and_then(HeadWriter::finish);
            }
            // What was written is written out, and read: a close with unread input would reset it away.
            let written = stream.write_all(out).await.is_ok();
            if cut && server.connection.head().version() == Version::Http10 {
                let _reset = stream.set_zero_linger(); // or the end would look like the content's
            } else if written && stream.shutdown().await.is_ok() {
                let rest = async { while matches!(stream.read(&mut [0; 4096]).await, Ok(1..)) {} };
                let _late = tokio::time::timeout(Duration::from_secs(1), rest).await;
            }
        });
    }
}

type Names = HashSet<Vec<u8>>;

#[derive(Default)]
struct Proxy {
    server: Reader<ServerConnection>,
    client: Reader<ClientConnection>,
    client_out: Vec<u8>,
    up_out: Vec<u8>,
    /// What Connection named in each head, for the trailers behind it.
    request_hops: Names,
    response_hops: Names,
    /// The status of a request that does not go on.
    answer: Option<u16>,
}

impl Proxy {
    async fn run(&mut self, stream: &mut TcpStream, upstream: &str) -> Result {
        let mut up_stream = TcpStream::connect(upstream).await?;
        let ((mut read, mut write), (mut up_read, mut up_write)) = (stream.split(), up_stream.split());
        let mut ended = false;
        loop {
            let (up_more, more) = (self.response()?, self.request(upstream)?); // in this order (RFC 9112 9.2)
            let (server, client) = (&mut self.server.connection, &mut self.client.connection);
            if server.is_upgraded() {
                up_write.write_all(&[&self.up_out, &self.server.buffer[..]].concat()).await?;
                write
                    .write_all(&[&std::mem::take(&mut self.client_out), &self.client.buffer[..]].concat())
                    .await?;
                return Ok(tokio::io::copy_bidirectional(stream, &mut up_stream).await.map(drop)?);
            }
            if server.response_complete() && (server.request_complete() || !server.keep_alive()) {
                if client.next_cycle() && server.next_cycle() { continue } else { return Ok(()) }
            }
            tokio::select! {
                result = async { server.decode_eof() }, if ended && more => return Ok(result?), // clean between requests
                len = up_read.read_buf(&mut self.client.buffer), if up_more =>
                    if len? == 0 { client.decode_eof()?; if client.outstanding() == 0 { return Ok(()) } },
                len = write.write(&self.client_out), if !self.client_out.is_empty() => drop(self.client_out.drain(..len?)),
                // What the upstream does not read goes nowhere; its answer may still come.
                len = up_write.write(&self.up_out), if !self.up_out.is_empty() =>
                    drop(self.up_out.drain(..len.unwrap_or(self.up_out.len()))),
                // Also while nothing is needed: an error tells that the client is gone, an end that it has said everything.
                len = read.read_buf(&mut self.server.buffer), if !ended && (more || self.server.buffer.len() < ENOUGH) =>
                    ended = len? == 0,
            }
        }
    }

    /// Moves the request on. Returns whether it needs more bytes of the client.
    fn request(&mut self, upstream: &str) -> Result<bool> {
        while self.up_out.len() < ENOUGH {
            let Some((event, bytes)) = self.server.next()? else { return Ok(true) };
            let (server, client) = (&self.server.connection, &mut self.client.connection);
            match event {
                Event::Head => self.request_head(&bytes, upstream)?,
                Event::Data { .. } => client.encode_data(&bytes, &mut self.up_out)?,
                Event::Trailers => {
                    let trailers = end_to_end(server.trailers().view(&bytes), &self.request_hops);
                    client.encode_end_with_trailers(trailers, &mut self.up_out)?;
                }
                Event::End if !client.request_complete() => client.encode_end(&mut self.up_out)?,
                Event::End => {}
                Event::Paused | Event::Upgraded => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Moves the response on. Returns whether it needs more bytes of the upstream.
    fn response(&mut self) -> Result<bool> {
        while self.client_out.len() < ENOUGH {
            let Some((event, bytes)) = self.client.next()? else { return Ok(true) };
            let (server, client) = (&mut self.server.connection, &self.client.connection);
            match event {
                Event::Head => self.response_head(&bytes)?,
                Event::End if !server.response_complete() => server.encode_end(&mut self.client_out)?,
                Event::Paused | Event::Upgraded => return Ok(false),
                _ if !server.response_has_body() => {} // content that this client does not get
                Event::Data { .. } => server.encode_data(&bytes, &mut self.client_out)?,
                Event::Trailers if server.head().accepts_trailers() => {
                    let trailers = end_to_end(client.trailers().view(&bytes), &self.response_hops);
                    server.encode_end_with_trailers(trailers, &mut self.client_out)?;
                }
                Event::Trailers | Event::End => {}
            }
        }
        Ok(false)
    }

    /// Writes a request head anew: origin-form, the authority as Host (RFC 9112 section 3.2.2), our own hop-by-hop fields.
    fn request_head(&mut self, bytes: &[u8], upstream: &str) -> Result {
        let head = self.server.connection.head().view(bytes);
        let method = head.head().method();
        // It is counted down for these two; at 0 the request has arrived (RFC 9110 section 7.6.2). There are no tunnels.
        let counted = matches!(method, Method::Options | Method::Trace);
        let forwards = number(head.get_known(Known::MaxForwards)).filter(|_| counted);
        self.answer = match (method, forwards) {
            (Method::Connect, _) | (Method::Trace, Some(0)) => Some(501),
            (Method::Options, Some(0)) => Some(200),
            _ => None,
        };
        let length = number(head.get_known(Known::ContentLength)).map(BodyLen::Fixed);
        let body = length.or((head.head().body() == BodyFraming::Chunked).then_some(BodyLen::Streamed));
        let target = match head.path_and_query() {
            "" if method == Method::Options => "*",
            path if path.starts_with(['/', '*']) => path,
            query => &format!("/{query}"),
        };
        let writer = self.client.connection.encode_head(head.method(), target, body, &mut self.up_out);
        if matches!(writer, Err(EncodeError::ChunkedToHttp10)) {
            self.answer = Some(411); // that server wants a length (RFC 9112 section 6.1)
        }
        let mut writer = writer?;
        writer.field("Host", head.authority().unwrap_or(upstream))?;
        let hops = &mut self.request_hops;
        *hops = list(&head, Known::Connection);
        if let Some(forwards) = forwards {
            writer.field("Max-Forwards", forwards.checked_sub(1).ok_or("Max-Forwards: 0")?.to_string())?;
            hops.insert(b"max-forwards".into());
        }
        end_to_end(*head, hops).try_for_each(|(name, value)| writer.field(name, value))?;
        let websocket = list(&head, Known::Upgrade).contains(&b"websocket"[..]);
        if head.head().offers_upgrade() && body.is_none() && websocket {
            writer.field("Upgrade", "websocket")?;
        }
        head.head().expects_continue().then(|| writer.field("Expect", "100-continue")).transpose()?;
        head.head().accepts_trailers().then(|| writer.field("TE", "trailers")).transpose()?;
        writer.field("Via", if head.version() == Version::Http10 { "1.0 wire" } else { "1.1 wire" })?;
        Ok(writer.finish()?)
    }

    /// Writes a response head anew; an interim one only to a client that knows them.
    fn response_head(&mut self, bytes: &[u8]) -> Result {
        let (head, to) = (self.client.connection.head().view(bytes), &mut self.server.connection);
        // To HEAD, and in a 304, it is the length of content that does not come.
        let body = number(head.get_known(Known::ContentLength)).map_or(BodyLen::Streamed, BodyLen::Fixed);
        let reason = str::from_utf8(head.reason()).unwrap_or_default();
        (!self.client.connection.keep_alive()).then(|| to.set_close()); // so that the client is told
        let mut writer = match head.head().is_interim() {
            true if to.head().version() == Version::Http10 => return Ok(()),
            true => to.encode_interim(head.status(), &mut self.client_out)?,
            false => to.encode_head(head.status(), reason, body, &mut self.client_out)?,
        };
        self.response_hops = list(&head, Known::Connection);
        let mut fields = end_to_end(*head, &self.response_hops);
        fields.try_for_each(|(name, value)| writer.field(name, value))?;
        match (head.status(), head.get_known(Known::Upgrade)) {
            (101, Some(name)) if !name.eq_ignore_ascii_case(b"websocket") => return Err("not offered".into()),
            (101 | 426, Some(protocols)) => writer.field("Upgrade", protocols)?,
            _ => {}
        }
        Ok(writer.finish()?)
    }
}

/// The fields for the recipient behind this one: neither hop-by-hop, nor named in Connection, nor written anew.
fn end_to_end<'a>(all: Fields<'a>, hops: &Names) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    use Known::*;
    let wanted = |field: &FieldView<'_>| match field.known {
        Some(Connection | KeepAlive | ProxyConnection | ProxyAuthorization | TransferEncoding) => false,
        Some(Host | ContentLength | Expect | Te | Upgrade | Http2Settings) => false, // written anew, or not at all
        _ => !hops.contains(field.name.to_ascii_lowercase().as_bytes()),
    };
    all.fields().filter(wanted).map(|field| (field.name, field.value))
}

/// The elements of a list, in lower case.
fn list(all: &Fields<'_>, name: Known) -> Names {
    let elements = all.get_all_known(name).flat_map(|value| value.split(|&byte| byte == b','));
    elements.map(|element| element.trim_ascii().to_ascii_lowercase()).collect()
}

fn number(value: Option<&[u8]>) -> Option<u64> {
    str::from_utf8(value?).ok()?.parse().ok()
}
