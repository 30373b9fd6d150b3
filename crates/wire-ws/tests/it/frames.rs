//! Frames by hand, without the encoder under test.

/// Fixed: what a key does is tested elsewhere.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One frame with FIN, RSV and opcode as given in `first`, masked where `masked`, length in its shortest form.
pub(crate) fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, masked, payload.len() as u64);
    if masked {
        out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        out.extend_from_slice(payload);
    }
    out
}

/// A header that declares `len` bytes, with the key where `masked`.
pub(crate) fn header(first: u8, masked: bool, len: u64) -> Vec<u8> {
    let bit = u8::from(masked) << 7;
    let mut out = vec![first];
    match len {
        0..=125 => out.push(bit | len as u8),
        126..=0xffff => {
            out.push(bit | 126);
            out.extend((len as u16).to_be_bytes());
        }
        _ => {
            out.push(bit | 127);
            out.extend(len.to_be_bytes());
        }
    }
    if masked {
        out.extend(KEY);
    }
    out
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
/// First and middle fragments, and the last.
pub(crate) const TEXT_FIRST: u8 = 0x01;
pub(crate) const BINARY_FIRST: u8 = 0x02;
pub(crate) const MORE: u8 = 0x00;
pub(crate) const LAST: u8 = 0x80;
