//! A reverse proxy on both roles of `wire-http1`: what one connection says is decoded, judged and written anew to another.
//! Every field is validated twice, hop-by-hop fields stay behind, both messages are framed by the codec: what could be read in two
//! ways goes nowhere. Content streams both ways at once; a side that does not read stops the other one. WebSockets are tunnelled.
use clap::Parser as _;
use std::{error::Error, time::Duration};
use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpListener, net::TcpStream};
use wire_http1::{BodyFraming, BodyLen, ClientConnection, EncodeError, ErrorKind, Event};
use wire_http1::{HeadWriter, HopByHop, Known, Method, Reader, ServerConnection, Version};

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
            let Proxy { server, client, down: out, answer, .. } = &mut proxy;
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

#[derive(Default)]
struct Proxy {
    server: Reader<ServerConnection>,
    client: Reader<ClientConnection>,
    down: Vec<u8>,
    up: Vec<u8>,
    /// What Connection named in each head, for the trailers behind it.
    request_hops: HopByHop,
    response_hops: HopByHop,
    answer: Option<u16>, // the status of a request that does not go on
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
                up_write.write_all(&[&self.up, &self.server.buffer[..]].concat()).await?;
                let first = [&std::mem::take(&mut self.down), &self.client.buffer[..]].concat();
                write.write_all(&first).await?;
                return Ok(tokio::io::copy_bidirectional(stream, &mut up_stream).await.map(drop)?);
            }
            if server.response_complete() && (server.request_complete() || !server.keep_alive()) {
                if client.next_cycle() && server.next_cycle() { continue } else { return Ok(()) }
            }
            tokio::select! {
                result = async { server.decode_eof() }, if ended && more => return Ok(result?), // clean between requests
                len = up_read.read_buf(&mut self.client.buffer), if up_more =>
                    if len? == 0 { client.decode_eof()?; if client.outstanding() == 0 { return Ok(()) } },
                len = write.write(&self.down), if !self.down.is_empty() => drop(self.down.drain(..len?)),
                // What the upstream does not read goes nowhere; its answer may still come.
                len = up_write.write(&self.up), if !self.up.is_empty() =>
                    drop(self.up.drain(..len.unwrap_or(self.up.len()))),
                // Also while nothing is needed: an error tells that the client is gone, an end that it has said everything.
                len = read.read_buf(&mut self.server.buffer), if !ended && (more || self.server.buffer.len() < ENOUGH) =>
                    ended = len? == 0,
            }
        }
    }

    /// Moves the request on. Returns whether it needs more bytes of the client.
    fn request(&mut self, upstream: &str) -> Result<bool> {
        while self.up.len() < ENOUGH {
            let Some((event, bytes)) = self.server.next()? else { return Ok(true) };
            let (server, client, out) = (&self.server.connection, &mut self.client.connection, &mut self.up);
            let trailers = || self.request_hops.forwarded(server.trailers().view(&bytes));
            match event {
                Event::Head => self.request_head(&bytes, upstream)?,
                Event::Data { .. } => client.encode_data(&bytes, out)?,
                Event::Trailers => client.encode_end_with_trailers(trailers(), out)?,
                Event::End if !client.request_complete() => client.encode_end(out)?,
                Event::End => {}
                Event::Paused | Event::Upgraded => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Moves the response on. Returns whether it needs more bytes of the upstream.
    fn response(&mut self) -> Result<bool> {
        while self.down.len() < ENOUGH {
            let Some((event, bytes)) = self.client.next()? else { return Ok(true) };
            let (client, server, out) =
                (&self.client.connection, &mut self.server.connection, &mut self.down);
            let trailers = || self.response_hops.forwarded(client.trailers().view(&bytes));
            let wanted = server.head().accepts_trailers();
            match event {
                Event::Head => self.response_head(&bytes)?,
                Event::End if !server.response_complete() => server.encode_end(out)?,
                Event::Paused | Event::Upgraded => return Ok(false),
                _ if !server.response_has_body() => {} // content that this client does not get
                Event::Data { .. } => server.encode_data(&bytes, out)?,
                Event::Trailers if wanted => server.encode_end_with_trailers(trailers(), out)?,
                Event::Trailers | Event::End => {}
            }
        }
        Ok(false)
    }

    /// Writes a request head anew: origin-form, the authority as Host (RFC 9112 section 3.2.2), our own hop-by-hop fields.
    fn request_head(&mut self, bytes: &[u8], upstream: &str) -> Result {
        let head = self.server.connection.head().view(bytes);
        let method = head.head().method();
        // Counted down; at 0 the request has arrived (RFC 9110 section 7.6.2). There are no tunnels.
        let counted = matches!(method, Method::Options | Method::Trace);
        let forwards = number(head.get_known(Known::MaxForwards)).filter(|_| counted);
        if method == Method::Connect || forwards == Some(0) {
            self.answer = Some(if method == Method::Options { 200 } else { 501 });
            return Err("answered here".into());
        }
        let length = number(head.get_known(Known::ContentLength)).map(BodyLen::Fixed);
        let body = length.or((head.head().body() == BodyFraming::Chunked).then_some(BodyLen::Streamed));
        let target = match head.path_and_query() {
            "" if method == Method::Options => "*",
            path if path.starts_with(['/', '*']) => path,
            query => &format!("/{query}"),
        };
        let writer = self.client.connection.encode_head(head.method(), target, body, &mut self.up);
        self.answer = matches!(writer, Err(EncodeError::ChunkedToHttp10)).then_some(411); // it wants a length
        let mut writer = writer?;
        writer.field("Host", head.authority().unwrap_or(upstream))?;
        forwards.map(|left| writer.field("Max-Forwards", (left - 1).to_string())).transpose()?;
        self.request_hops = HopByHop::new(*head);
        forwards.inspect(|_| self.request_hops.insert("max-forwards"));
        self.request_hops.forwarded(*head).try_for_each(|(name, value)| writer.field(name, value))?;
        let mut offers = head.get_all_known(Known::Upgrade).flat_map(|list| list.split(|&byte| byte == b','));
        let websocket = offers.any(|offer| offer.trim_ascii().eq_ignore_ascii_case(b"websocket"));
        let upgrade = head.head().offers_upgrade() && body.is_none() && websocket;
        upgrade.then(|| writer.field("Upgrade", "websocket")).transpose()?;
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
            true => to.encode_interim(head.status(), &mut self.down)?,
            false => to.encode_head(head.status(), reason, body, &mut self.down)?,
        };
        self.response_hops = HopByHop::new(*head);
        self.response_hops.forwarded(*head).try_for_each(|(name, value)| writer.field(name, value))?;
        match (head.status(), head.get_known(Known::Upgrade)) {
            (101, Some(name)) if !name.eq_ignore_ascii_case(b"websocket") => return Err("not offered".into()),
            (101 | 426, Some(protocols)) => writer.field("Upgrade", protocols)?,
            _ => {}
        }
        Ok(writer.finish()?)
    }
}

fn number(value: Option<&[u8]>) -> Option<u64> {
    str::from_utf8(value?).ok()?.parse().ok()
}
