//! The codecs at work without std.
//!
//! A program may have one panic handler, and std brings one: a dependency that pulls std in stops this build. The C
//! runtime starts the program and gives it memory, as it would for any embedder in C. The exit code says what failed.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_int, c_void};
use core::panic::PanicInfo;

use wire_compress::{Coding, EncoderConfig, Flush};
use wire_http1::{BodyLen, ServerConnection};
use wire_sse::{EventDecoder, Message, StreamEvent};
use wire_ws::{DataKind, Decoder, Encoder, Role};

// SAFETY: these are the functions of the C standard library, with its signatures.
#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
    fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

struct CAllocator;

#[global_allocator]
static ALLOCATOR: CAllocator = CAllocator;

// SAFETY: memory comes from C's allocator, in blocks of the size and alignment asked for, and goes back to it.
unsafe impl GlobalAlloc for CAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the alignment of a layout is a power of two; a size that is a multiple of it suits every C library.
        unsafe {
            aligned_alloc(layout.align().max(16), layout.size().next_multiple_of(layout.align().max(16)))
                .cast()
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the block came from `alloc`.
        unsafe { free(block.cast()) }
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

/// The personality that the prebuilt `core` and `alloc` name in their unwind tables. Nothing unwinds here.
// SAFETY: no other object of this program defines the symbol; std would, and std must not be here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// What the landing pads of the prebuilt `alloc` end in. Nothing unwinds here.
// SAFETY: no other object of this program defines the symbol; the unwinder would, and it comes with std.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    abort()
}

/// The entry for the C runtime.
// SAFETY: the C runtime calls `main` once, and no other object of this program defines it.
#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, _: *const *const u8) -> c_int {
    let Some(response) = http1() else { return 1 };
    if response != b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello" {
        return 2;
    }
    let Some(echo) = ws() else { return 3 };
    if echo != b"\x81\x05Hello" {
        return 4;
    }
    if compress(b"hello, hello, hello").as_deref() != Some(b"hello, hello, hello") {
        return 5;
    }
    if h2ws() != Some(true) {
        return 6;
    }
    let Some(form) = multipart() else { return 7 };
    if form != b"hello" {
        return 8;
    }
    if sse().as_deref() != Some("Hello") {
        return 9;
    }
    0
}

/// Decodes a chunked request and answers with its body.
fn http1() -> Option<Vec<u8>> {
    let request =
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let mut connection = ServerConnection::new(wire_http1::Config::default());
    let (mut rest, mut body, mut response) = (&request[..], Vec::new(), Vec::new());
    loop {
        let step = connection.decode(rest).ok()?;
        match step.event? {
            wire_http1::Event::Head => {
                let head = connection.head().view(step.payload(rest));
                if head.path() != "/echo" {
                    return None;
                }
            }
            wire_http1::Event::Data { .. } => body.extend_from_slice(step.payload(rest)),
            wire_http1::Event::End => break,
            _ => return None,
        }
        rest = &rest[step.consumed..];
    }
    let len = BodyLen::Fixed(u64::try_from(body.len()).ok()?);
    let mut head = connection.encode_head(200, "", len, &mut response).ok()?;
    head.field("Content-Type", "text/plain").ok()?;
    head.finish().ok()?;
    connection.encode_data(&body, &mut response).ok()?;
    connection.encode_end(&mut response).ok()?;
    connection.next_cycle().then_some(response)
}

/// Encodes a form of one part, decodes it, and returns the part's body.
fn multipart() -> Option<Vec<u8>> {
    let boundary = wire_multipart::Boundary::from_entropy([7; 16]);
    let (mut encoder, mut form) = (wire_multipart::Encoder::new(boundary), Vec::new());
    encoder.encode_part(&wire_multipart::Part::file("a", "b.txt"), b"hello", &mut form).ok()?;
    encoder.encode_end(&mut form).ok()?;
    let mut decoder = wire_multipart::Decoder::new(&boundary, &wire_multipart::Config::default());
    let (mut rest, mut body) = (&form[..], Vec::new());
    loop {
        let step = decoder.decode(rest).ok()?;
        match step.event? {
            wire_multipart::Event::PartBegin => {
                let part = decoder.head().view(step.payload(rest));
                if *part.name() != *b"a" || part.safe_filename()? != "b.txt" {
                    return None;
                }
            }
            wire_multipart::Event::Data { .. } => body.extend_from_slice(step.payload(rest)),
            wire_multipart::Event::PartEnd => {}
            wire_multipart::Event::End => return Some(body),
        }
        rest = &rest[step.consumed..];
    }
}

/// Encodes an event and decodes it.
fn sse() -> Option<String> {
    let mut stream = Vec::new();
    Message::data("Hello").id("1").encode(&mut stream).ok()?;
    let mut decoder = EventDecoder::new(&wire_sse::Config::default());
    let step = decoder.decode(&stream).ok()?;
    (step.event? == StreamEvent::Message && decoder.last_event_id() == "1")
        .then(|| decoder.data().into_owned())
}

/// Decodes the masked message of RFC 6455, section 5.7, and sends it back.
fn ws() -> Option<Vec<u8>> {
    let mut frame = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let step = Decoder::new(Role::Server, &wire_ws::Config::default()).decode(&mut frame).ok()?;
    let wire_ws::Event::Data { kind: DataKind::Text, first: true, last: true, .. } = step.event? else {
        return None;
    };
    let mut echo = Vec::new();
    Encoder::server().encode_message(DataKind::Text, step.payload(&frame), &mut echo).ok()?;
    Some(echo)
}

/// Encodes and decodes.
fn compress(content: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Vec::with_capacity(100);
    let mut encoder = wire_compress::Encoder::new(Coding::Brotli, &EncoderConfig::default(), None).ok()?;
    let encoded = encoder.encode(content, Flush::Finish, &mut wire).ok()?.done;
    let config = wire_compress::Config::default();
    let mut decoder = wire_compress::Decoder::new([&b"br"[..]], &config).ok()??;
    let mut out = Vec::with_capacity(100);
    let decoded = decoder.decode(&wire, &mut out).ok()?.done;
    decoder.decode_eof().ok()?;
    (encoded && decoded).then_some(out)
}

/// Accepts the request of RFC 8441, section 5.1.
fn h2ws() -> Option<bool> {
    let target = wire_h2ws::handshake::Target::parse("wss://server.example.com/chat").ok()?;
    let fields = [("sec-websocket-version", &b"13"[..]), ("sec-websocket-protocol", b"chat, superchat")];
    let offer = wire_h2ws::handshake::accept(&target.request_head(), fields).ok()?;
    Some(offer.select_protocol(&["chat"]) == Some("chat"))
}
