//! Targets for wire-sse. The first byte of an input chooses how the rest is cut.

use wire_sse::{Config, EventDecoder, Message, StreamEvent};

/// What a client learns from a stream.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Type, data, id.
    events: Vec<(String, String, String)>,
    retry: Option<u128>,
    last_event_id: String,
}

/// Any bytes to a decoder, at once and in pieces: what the algorithm of the standard makes of them, word for word. With
/// limits: the same up to an error that replays. And what a decoder gives, the encoder can write.
pub fn sse_decoder(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let expected = reference(data);
    let config = Config::default();
    assert_eq!(decode(&config, data, usize::MAX), Ok(expected));
    assert_eq!(decode(&config, data, 1 + usize::from(choice)), decode(&config, data, usize::MAX));
    let mut tight = config;
    (tight.max_data, tight.max_event_type, tight.max_id) = (24, 16, 8);
    assert_eq!(decode(&tight, data, 1 + usize::from(choice)), decode(&tight, data, usize::MAX));
}

fn decode(config: &Config, data: &[u8], cut: usize) -> Result<Outcome, (wire_sse::Error, usize)> {
    let mut decoder = EventDecoder::new(config);
    let mut outcome = Outcome::default();
    for mut input in data.chunks(cut.min(data.len()).max(1)) {
        loop {
            let step = decoder.decode(input).map_err(|error| {
                assert_eq!(decoder.decode(input), Err(error));
                assert_eq!(decoder.decode_eof(), Err(error));
                (error, outcome.events.len())
            })?;
            input = &input[step.consumed..];
            match step.event {
                Some(StreamEvent::Message) => {
                    let event = (decoder.event_type(), decoder.data(), decoder.last_event_id());
                    written_again(&event.0, &event.1, &event.2);
                    outcome.events.push((event.0.into_owned(), event.1.into_owned(), event.2.into_owned()));
                }
                Some(StreamEvent::Retry(time)) => outcome.retry = Some(time.as_millis()),
                None => break,
            }
        }
        assert!(input.is_empty());
    }
    decoder.decode_eof().expect("there was no error");
    outcome.last_event_id = decoder.last_event_id().into_owned();
    Ok(outcome)
}

fn written_again(event: &str, data: &str, id: &str) {
    let mut out = Vec::new();
    Message::data(data).event(event).id(id).encode(&mut out).expect("it came out of a stream");
    let again = reference(&out);
    assert_eq!(again.events, [(event.to_owned(), data.to_owned(), id.to_owned())]);
}

/// The algorithm of section 9.2.6, on a whole stream.
fn reference(data: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data));
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<_> = text.split('\n').collect();
    // What stands behind the last line end is no line.
    lines.pop();
    let mut outcome = Outcome::default();
    let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
    for line in lines {
        if line.is_empty() {
            outcome.last_event_id.clone_from(&id);
            if let Some(data) = data.strip_suffix('\n') {
                let event = if event.is_empty() { "message" } else { &event };
                outcome.events.push((event.to_owned(), data.to_owned(), id.clone()));
            }
            data.clear();
            event.clear();
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut event),
            "data" => data = data + value + "\n",
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                outcome.retry = Some(value.parse().unwrap_or(u128::MAX).min(u64::MAX.into()));
            }
            _ => {}
        }
    }
    outcome
}
