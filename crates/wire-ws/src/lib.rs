//! WebSocket (RFC 6455), both roles, as a sans-IO codec.
#![no_std]

extern crate alloc;

mod close;
mod config;
mod decode;
mod encode;
mod error;
pub mod frame;
pub mod handshake;
mod mask;
mod message;
mod utf8;

pub use close::CloseCode;
pub use config::Config;
pub use decode::{DataKind, Decoder, Event, Role, Step};
pub use encode::Encoder;
pub use error::{EncodeError, Error, ErrorKind};
pub use frame::OpCode;
pub use message::{MessageDecoder, MessageEvent, MessageStep, Payload};
