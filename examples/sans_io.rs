//! A WebSocket echo server on plain `std::net`: no async, no runtime, a thread for each connection.
//!
//! You own the socket and the buffers, the codecs own the protocol: bytes go in as a slice, what came out lies in that
//! slice, and answers are appended to a `Vec` that you write.
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use wire_http1::{self as http1, BodyLen, ServerConnection};
use wire_ws::handshake::{self, RequestLine};
use wire_ws::{Decoder, Encoder, Event, Role};

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(std::env::args().nth(1).unwrap_or("127.0.0.1:8081".into()))?;
    println!("listening on ws://{}", listener.local_addr()?);
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || serve(stream).unwrap_or_else(|error| eprintln!("{error}")));
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    // HTTP: decode one head; answer 101, or why not.
    let (mut http, mut input, mut out) = (ServerConnection::new(Default::default()), Vec::new(), Vec::new());
    let status = loop {
        match http.decode(&input) {
            Ok(step) if step.event == Some(http1::Event::Head) => {
                let request = http.take_head(Default::default());
                let head = request.view(step.payload(&input));
                let http_11_or_later = request.version() == http1::Version::Http11;
                let line = RequestLine { method: head.method(), http_11_or_later };
                let offer = handshake::accept(&line, head.fields().map(|field| (field.name, field.value)));
                let (status, fields) = match &offer {
                    Ok(_) if request.body().has_content() => (400, Vec::new()),
                    Ok(offer) => (101, offer.response_fields(None).collect()),
                    Err(rejection) => (rejection.status(), rejection.response_fields().to_vec()),
                };
                http.set_close(); // one exchange, unless it becomes a WebSocket
                let mut response = http.encode_head(status, "", BodyLen::Fixed(0), &mut out)?;
                fields.into_iter().try_for_each(|(name, value)| response.field(name, value))?;
                response.finish()?;
                input.drain(..step.consumed);
                break status;
            }
            Ok(_) => receive(&mut stream, &mut input)?,
            Err(error) => {
                http.encode_head(error.status(), "", BodyLen::Fixed(0), &mut out)?.finish()?;
                break error.status();
            }
        }
    };
    // WebSocket: what came behind the request is its first input.
    let (mut decoder, mut encoder) = (Decoder::new(Role::Server, &Default::default()), Encoder::server());
    while status == 101 && !encoder.is_closed() {
        let refuse = |error: wire_ws::Error| encoder.encode_close(Some(error.close_code()), "", &mut out);
        let Ok(step) = decoder.decode(&mut input).map_err(refuse) else { break };
        let payload = step.payload(&input); // the tail of what was consumed
        match step.event {
            Some(Event::Data { kind, last, .. }) => encoder.encode_fragment(kind, payload, last, &mut out)?,
            Some(Event::Ping { .. }) => encoder.encode_pong(payload, &mut out)?,
            Some(Event::Close { code, .. }) => encoder.encode_close(code, "", &mut out)?,
            Some(_) => {}
            None => {
                // All that has arrived is answered: one write, then wait for more.
                stream.write_all(&std::mem::take(&mut out))?;
                receive(&mut stream, &mut input)?;
            }
        }
        input.drain(..step.consumed);
    }
    stream.write_all(&out)?;
    // Closed with input unread, the connection would be reset, and the client might lose what was written.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let _ = std::io::copy(&mut stream.take(1 << 20), &mut std::io::sink());
    Ok(())
}

fn receive(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
    let mut chunk = [0; 16 << 10];
    let len = stream.read(&mut chunk)?;
    input.extend_from_slice(&chunk[..len]);
    if len == 0 { Err("the connection ended".into()) } else { Ok(()) }
}
