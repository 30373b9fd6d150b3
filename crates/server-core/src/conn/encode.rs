//! A WebSocket's messages on their way into its output: copied where they are small, by reference where they are large.

use wire_ws::{DataKind, EncodeError, Encoder, OpCode};

use crate::io::WriteBuffer;
use crate::ws::{Message, Outgoing, PreparedMessage};

/// Queues a message. Not `by_reference`, it goes through the encoder whatever its size, which masks or compresses.
#[inline]
pub(super) fn encode(
    message: &Outgoing<'_>,
    encoder: &mut Encoder,
    by_reference: bool,
    output: &mut WriteBuffer,
) -> Result<(), EncodeError> {
    let (kind, payload) = match message {
        Outgoing::Message(message) if by_reference && WriteBuffer::takes_reference(message.as_bytes()) => {
            return encode_reference(message, encoder, output);
        }
        Outgoing::Message(message) => (message.kind(), message.as_bytes()),
        Outgoing::Ref(message) => (message.kind(), message.as_bytes()),
        Outgoing::Prepared(prepared) => return encode_prepared(prepared, encoder, output),
    };
    encoder.encode_message(kind, payload, output.tail())
}

#[inline(never)]
fn encode_reference(
    message: &Message,
    encoder: &mut Encoder,
    output: &mut WriteBuffer,
) -> Result<(), EncodeError> {
    let opcode = match message.kind() {
        DataKind::Text => OpCode::Text,
        DataKind::Binary => OpCode::Binary,
    };
    let payload = message.clone().into_bytes();
    let header = encoder.encode_header(opcode, true, payload.len() as u64)?;
    output.tail().extend_from_slice(header.as_bytes());
    output.push_reference(payload);
    Ok(())
}

#[inline(never)]
fn encode_prepared(
    prepared: &PreparedMessage,
    encoder: &mut Encoder,
    output: &mut WriteBuffer,
) -> Result<(), EncodeError> {
    match encoder.prepared_frame(prepared.message())? {
        Some(frame) if WriteBuffer::takes_reference(frame) => output.push_reference(prepared.slice(frame)),
        Some(frame) => output.tail().extend_from_slice(frame),
        // Masked, and so a copy of its own.
        None => encoder.encode_prepared(prepared.message(), output.tail())?,
    }
    Ok(())
}
