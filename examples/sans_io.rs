//! A WebSocket echo server on plain `std::net`: no async, no runtime, a thread for each connection.
//!
//! It shows the contract. You own the socket and the buffers, the codecs own the protocol: bytes go in as a slice, what
//! came out lies in that slice, and answers are appended to a `Vec` that you write.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use wire_http1::{BodyLen, Event, ServerConnection};
use wire_ws::handshake::{self, RequestLine};
use wire_ws::{Encoder, MessageDecoder, MessageEvent, Payload, Role};

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(std::env::args().nth(1).unwrap_or("127.0.0.1:8081".into()))?;
    println!("listening on ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let mut stream = stream?;
        std::thread::spawn(move || match open(&mut stream).and_then(|rest| echo(&mut stream, rest)) {
            Ok(()) => {}
            Err(error) => eprintln!("{error}"),
        });
    }
    Ok(())
}

/// Answers the opening handshake, with 101 or with why not. Returns what came behind the request.
fn open(stream: &mut TcpStream) -> Result<Vec<u8>, Box<dyn Error>> {
    let (mut http, mut input, mut output) =
        (ServerConnection::new(Default::default()), Vec::new(), Vec::new());
    let (status, behind) = loop {
        match http.decode(&input) {
            Ok(step) if step.event == Some(Event::Head) => {
                let request = http.take_head(Default::default());
                let head = request.view(&input[..step.consumed]);
                let line = RequestLine { method: head.method(), http_11_or_later: true };
                let offer = handshake::accept(&line, head.fields().map(|field| (field.name, field.value)));
                let status = offer.as_ref().map_or_else(|rejection| rejection.status(), |_| 101);
                let mut response = http.encode_head(status, "", BodyLen::Fixed(0), &mut output)?;
                for (name, value) in offer.iter().flat_map(|offer| offer.response_fields(None)) {
                    response.field(name, value)?;
                }
                response.finish()?;
                break (status, input.split_off(step.consumed));
            }
            Ok(step) => drop(input.drain(..step.consumed)),
            Err(error) => {
                http.encode_head(error.status(), "", BodyLen::Fixed(0), &mut output)?.finish()?;
                break (error.status(), Vec::new());
            }
        }
        read(stream, &mut input)?;
    };
    stream.write_all(&output)?;
    if status == 101 { Ok(behind) } else { Err(format!("refused with {status}").into()) }
}

/// Echoes messages until one side closes.
fn echo(stream: &mut TcpStream, mut input: Vec<u8>) -> Result<(), Box<dyn Error>> {
    let (mut decoder, mut encoder) =
        (MessageDecoder::new(Role::Server, &Default::default()), Encoder::server());
    let mut output = Vec::new();
    while !encoder.is_closed() {
        let step = match decoder.decode(&mut input) {
            Ok(step) => step,
            Err(error) => {
                encoder.encode_close(Some(error.close_code()), "", &mut output)?;
                break;
            }
        };
        match step.event {
            Some(MessageEvent::Message { kind, payload: Payload::Input(range) }) => {
                encoder.encode_message(kind, &input[range], &mut output)?;
            }
            Some(MessageEvent::Message { kind, .. }) => {
                encoder.encode_message(kind, decoder.buffer(), &mut output)?
            }
            Some(MessageEvent::Ping { range }) => encoder.encode_pong(&input[range], &mut output)?,
            Some(MessageEvent::Close { code, .. }) => encoder.encode_close(code, "", &mut output)?,
            Some(_) => {}
            None => {
                // All that has arrived is answered: one write, then wait for more.
                stream.write_all(&std::mem::take(&mut output))?;
                read(stream, &mut input)?;
            }
        }
        input.drain(..step.consumed);
    }
    Ok(stream.write_all(&output)?)
}

fn read(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
    let mut chunk = [0; 16 << 10];
    match stream.read(&mut chunk)? {
        0 => Err("the connection ended".into()),
        len => Ok(input.extend_from_slice(&chunk[..len])),
    }
}
