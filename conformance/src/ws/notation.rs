//! The notation of frames: words to bytes, and to what an endpoint makes of them.

use super::Event;

/// One frame as written in a table.
#[derive(Default)]
pub(super) struct Frame {
    raw: bool,
    opcode: u8,
    more: bool,
    rsv: u8,
    masked: Option<bool>,
    /// Bytes in which the length stands beyond the second byte.
    length_bytes: Option<u8>,
    declare: Option<u64>,
    key: [u8; 4],
    payload: Vec<u8>,
}

impl Frame {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut frame = Self { key: [0x37, 0xfa, 0x21, 0x3d], ..Self::default() };
        let mut words = words(text)?.into_iter();
        match words.next().ok_or("empty")? {
            "raw" => frame.raw = true,
            "cont" => frame.opcode = 0,
            "text" => frame.opcode = 1,
            "bin" => frame.opcode = 2,
            "close" => frame.opcode = 8,
            "ping" => frame.opcode = 9,
            "pong" => frame.opcode = 10,
            word => {
                let number = word.strip_prefix("op").and_then(|n| n.parse().ok());
                frame.opcode = number.filter(|n| *n < 16).ok_or_else(|| format!("what is `{word}`?"))?;
            }
        }
        for word in words {
            match word {
                "more" => frame.more = true,
                "rsv1" => frame.rsv |= 4,
                "rsv2" => frame.rsv |= 2,
                "rsv3" => frame.rsv |= 1,
                "masked" => frame.masked = Some(true),
                "unmasked" => frame.masked = Some(false),
                "len16" => frame.length_bytes = Some(2),
                "len64" => frame.length_bytes = Some(8),
                _ => {
                    if let Some(len) = word.strip_prefix("declare=") {
                        frame.declare = Some(len.parse().map_err(|e| format!("{word}: {e}"))?);
                    } else if let Some(key) = word.strip_prefix("key=") {
                        let key = hex(key)?;
                        frame.key = key.try_into().map_err(|_| format!("{word}: four bytes, please"))?;
                    } else {
                        frame.payload.extend(payload(word)?);
                    }
                }
            }
        }
        Ok(frame)
    }

    pub(super) fn write(&self, to_server: bool, out: &mut Vec<u8>) {
        if self.raw {
            out.extend_from_slice(&self.payload);
            return;
        }
        let masked = self.masked.unwrap_or(to_server);
        let mask_bit = u8::from(masked) << 7;
        let len = self.declare.unwrap_or(self.payload.len() as u64);
        out.push(u8::from(!self.more) << 7 | self.rsv << 4 | self.opcode);
        let least = match len {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        match self.length_bytes.unwrap_or(least) {
            0 => out.push(mask_bit | len as u8),
            2 => {
                out.push(mask_bit | 126);
                out.extend((len as u16).to_be_bytes());
            }
            _ => {
                out.push(mask_bit | 127);
                out.extend(len.to_be_bytes());
            }
        }
        if masked {
            out.extend(self.key);
            out.extend(self.payload.iter().zip(self.key.iter().cycle()).map(|(byte, key)| byte ^ key));
        } else {
            out.extend_from_slice(&self.payload);
        }
    }

    pub(super) fn event(self) -> Option<Event> {
        Some(match self.opcode {
            1 => Event::Text(self.payload),
            2 => Event::Binary(self.payload),
            8 => match self.payload.split_first_chunk() {
                Some((&code, reason)) => Event::Close(Some(u16::from_be_bytes(code)), reason.to_vec()),
                None => Event::Close(None, Vec::new()),
            },
            9 => Event::Ping(self.payload),
            10 => Event::Pong(self.payload),
            _ => return None,
        })
    }
}

/// Splits at spaces that are not within quotes.
fn words(text: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '\'';
            c == ' ' && !quoted
        });
        if end.is_none() && quoted {
            return Err("a quote is open".to_owned());
        }
        let (word, next) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = next.trim_start();
    }
    Ok(words)
}

/// `'text'`, `x00ff`, `3*x00`, `1000`.
fn payload(word: &str) -> Result<Vec<u8>, String> {
    if let Some(text) = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')) {
        Ok(text.as_bytes().to_vec())
    } else if let Some(digits) = word.strip_prefix('x') {
        hex(digits)
    } else if let Some((times, word)) = word.split_once('*') {
        let times = times.parse().map_err(|e| format!("{times}: {e}"))?;
        Ok(payload(word)?.repeat(times))
    } else {
        let code: u16 = word.parse().map_err(|e| format!("{word}: {e}"))?;
        Ok(code.to_be_bytes().to_vec())
    }
}

fn hex(digits: &str) -> Result<Vec<u8>, String> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return Err(format!("{digits}: pairs of hexadecimal digits, please"));
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|e| format!("{digits}: {e}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation() {
        let frame = |text: &str, to_server| {
            let mut out = Vec::new();
            Frame::parse(text).map(|frame| {
                frame.write(to_server, &mut out);
                out
            })
        };
        assert_eq!(frame("text 'a b' x21", false), Ok(b"\x81\x04a b!".to_vec()));
        assert_eq!(frame("text more 2*'ab'", false), Ok(b"\x01\x04abab".to_vec()));
        assert_eq!(frame("close 1000 'x'", false), Ok(b"\x88\x03\x03\xe8x".to_vec()));
        assert_eq!(frame("op3 rsv1 rsv3 len16", false), Ok(b"\xd3\x7e\x00\x00".to_vec()));
        assert_eq!(frame("bin declare=65536 x00", false), Ok(b"\x82\x7f\0\0\0\0\0\x01\0\0\0".to_vec()));
        assert_eq!(frame("ping key=01020304 x0101", true), Ok(b"\x89\x82\x01\x02\x03\x04\x00\x03".to_vec()));
        assert_eq!(frame("raw 'GET'", true), Ok(b"GET".to_vec()));
        for bad in [
            "",
            "what",
            "op16",
            "text 'open",
            "text x0",
            "text xzz",
            "text 70000",
            "text y*x00",
            "text key=00",
        ] {
            assert!(frame(bad, true).is_err(), "{bad}");
        }
    }
}
