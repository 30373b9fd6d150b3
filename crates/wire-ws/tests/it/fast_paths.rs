//! Frames that are wholly there take shorter ways through the decoder, by their length. What comes out is the same as
//! byte by byte, and what is not consumed stays as it was.

use wire_ws::{Config, Decoder, Error, Event, Role};

use crate::frames::{BINARY, TEXT, frame};

/// Lengths about the borders of the ways and of the header's forms.
const LENGTHS: [usize; 14] = [0, 1, 20, 124, 125, 126, 127, 200, 1023, 1024, 8191, 8192, 8193, 0x1_0001];

/// The payload that came out, whether the message ended, and the error.
type Outcome = (Vec<u8>, bool, Option<Error>);

fn decode(role: Role, config: &Config, input: &[u8], at_once: usize) -> Outcome {
    let mut decoder = Decoder::new(role, config);
    let (mut buffer, mut payload, mut ended) = (input.to_vec(), Vec::new(), false);
    let (mut start, mut end) = (0, 0);
    loop {
        let unread = &mut buffer[start..end];
        match decoder.decode(unread) {
            Ok(step) => {
                if let Some(Event::Data { last, .. }) = step.event {
                    payload.extend_from_slice(step.payload(unread));
                    ended |= last;
                }
                start += step.consumed;
                if step.event.is_none() {
                    if end == buffer.len() {
                        assert_eq!(buffer[start..], input[start..], "what is not consumed was modified");
                        return (payload, ended, None);
                    }
                    end = buffer.len().min(end.saturating_add(at_once));
                }
            }
            Err(error) => {
                assert_eq!(buffer[start..], input[start..], "what is not consumed was modified");
                return (payload, ended, Some(error));
            }
        }
    }
}

fn check(first: u8, payload: &[u8], limit: Option<u64>) -> Outcome {
    let mut outcomes = [Role::Server, Role::Client].map(|role| {
        let mut config = Config::default();
        if let Some(limit) = limit {
            config.max_message_size = limit;
        }
        let input = frame(first, role == Role::Server, payload);
        let whole = decode(role, &config, &input, usize::MAX);
        assert_eq!(whole, decode(role, &config, &input, 1), "{} bytes, limit {limit:?}", payload.len());
        whole
    });
    std::mem::take(&mut outcomes[0])
}

#[test]
fn messages_of_every_length() {
    for len in LENGTHS {
        let ascii = b"plain words ".iter().copied().cycle().take(len).collect::<Vec<_>>();
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
        assert_eq!(check(BINARY, &bytes, None), (bytes.clone(), true, None));
        assert_eq!(check(TEXT, &ascii, None), (ascii.clone(), true, None));
        let mut mixed = "κόσμε 🦀 ".repeat(len / 16 + 1);
        mixed.truncate(mixed.floor_char_boundary(len));
        let mixed = [mixed.as_bytes(), &ascii[mixed.len()..]].concat();
        assert_eq!(check(TEXT, &mixed, None), (mixed.clone(), true, None));
        // Invalid at each of these bytes, or cut short at the end.
        for at in [0, 1, 63, 64, 127, 4000, len.saturating_sub(1)] {
            for bad in [0xff, 0xf0] {
                let mut broken = ascii.clone();
                let Some(byte) = broken.get_mut(at) else { continue };
                *byte = bad;
                let (good, ended, error) = check(TEXT, &broken, None);
                assert!(
                    error.is_some() && !ended && broken.starts_with(&good),
                    "{len} bytes, {bad:x} at {at}"
                );
            }
        }
    }
}

#[test]
fn limits_hold_on_every_way() {
    for len in LENGTHS {
        let payload = vec![b'x'; len];
        assert_eq!(check(BINARY, &payload, Some(len as u64)), (payload.clone(), true, None));
        if len > 0 {
            let (good, _, error) = check(BINARY, &payload, Some(len as u64 - 1));
            assert_eq!(
                (good, error.map(|error| error.close_code().get())),
                (vec![], Some(1009)),
                "{len} bytes"
            );
        }
    }
}
