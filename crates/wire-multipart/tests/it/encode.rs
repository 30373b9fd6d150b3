//! What the encoders write, to the byte.

use std::iter;

use wire_multipart::{Boundary, ByteRangesEncoder, EncodeError, Encoder, Part};

fn encoder() -> Encoder {
    Encoder::new(Boundary::new("b").expect("a boundary"))
}

fn head(part: &Part<'_>) -> Result<String, EncodeError> {
    let mut out = Vec::new();
    encoder().encode_part_head(part, &mut out)?;
    Ok(String::from_utf8(out).expect("UTF-8"))
}

#[test]
fn names_are_quoted_as_browsers_do() {
    let wanted =
        |disposition: &str| Ok(format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"));
    assert_eq!(head(&Part::text("a")), wanted("name=\"a\""));
    assert_eq!(head(&Part::text("")), wanted("name=\"\""));
    assert_eq!(head(&Part::text("ä\\\"%22\t")), wanted("name=\"ä\\%22%22\t\""));
    // Line breaks become CRLF in names, and stay as they are in file names.
    assert_eq!(head(&Part::text("\na\rb\r\nc\n\r")), wanted("name=\"%0D%0Aa%0D%0Ab%0D%0Ac%0D%0A%0D%0A\""));
    let file = Part::file("a", "\nb\r\"").content_type("x/y; z=\"w\"");
    assert_eq!(head(&file), wanted("name=\"a\"; filename=\"%0Ab%0D%22\"\r\nContent-Type: x/y; z=\"w\""));
    let file = Part::file("a", "");
    assert_eq!(head(&file), wanted("name=\"a\"; filename=\"\"\r\nContent-Type: application/octet-stream"));
}

#[test]
fn what_no_recipient_may_accept_is_not_written() {
    assert_eq!(head(&Part::text("a\0")), Err(EncodeError::InvalidName));
    assert_eq!(head(&Part::text("a\x7f\n")), Err(EncodeError::InvalidName));
    assert_eq!(head(&Part::file("a", "\x1b")), Err(EncodeError::InvalidName));
    assert_eq!(head(&Part::text("a").content_type("a/b\r\nX: y")), Err(EncodeError::InvalidContentType));
    let (mut encoder, mut out) = (encoder(), Vec::new());
    encoder.encode_part_head(&Part::text("\0"), &mut out).expect_err("a control");
    assert!(out.is_empty());
    encoder.encode_part(&Part::text("a"), b"x", &mut out).expect("a part");
    assert!(out.starts_with(b"--b\r\n"), "the refused one has left nothing behind");
}

#[test]
fn nothing_follows_the_end() {
    let (mut encoder, mut out) = (encoder(), Vec::new());
    encoder.encode_end(&mut out).expect("an end");
    assert_eq!(out, b"--b--\r\n");
    assert_eq!(encoder.encode_end(&mut out), Err(EncodeError::AlreadyComplete));
    assert_eq!(encoder.encode_part_head(&Part::text("a"), &mut out), Err(EncodeError::AlreadyComplete));
    assert_eq!(out, b"--b--\r\n");
    assert_eq!(encoder.content_length([]), Ok(7), "of a whole form, whatever was written");
}

#[test]
fn lengths_do_not_wrap() {
    let part = Part::text("a");
    assert_eq!(encoder().content_length([(&part, u64::MAX)]), Err(EncodeError::TooLong));
    assert_eq!(encoder().content_length([(&part, u64::MAX), (&part, 5)]), Err(EncodeError::TooLong));
    assert!(encoder().content_length([(&part, u64::MAX / 2)]).is_ok());
    assert_eq!(encoder().content_length([(&Part::text("\0"), 1)]), Err(EncodeError::InvalidName));
}

#[test]
fn ranges() {
    let boundary = Boundary::new("b").expect("a boundary");
    let mut ranges = ByteRangesEncoder::new(boundary, "", None).expect("an encoder");
    let mut out = Vec::new();
    for range in [0..0, 5..5] {
        assert_eq!(ranges.encode_range_head(range.clone(), &mut out), Err(EncodeError::InvalidRange));
        assert_eq!(ranges.content_length(iter::once(range)), Err(EncodeError::InvalidRange));
    }
    ranges.encode_range_head(7..u64::MAX, &mut out).expect("a range");
    ranges.encode_range_head(0..1, &mut out).expect("a range");
    ranges.encode_end(&mut out).expect("an end");
    assert_eq!(
        String::from_utf8(out).expect("ASCII"),
        "--b\r\nContent-Range: bytes 7-18446744073709551614/*\r\n\r\n\r\n--b\r\nContent-Range: bytes 0-0/*\r\n\r\n\r\n--b--\r\n"
    );
    assert_eq!(ranges.content_length(iter::once(0..u64::MAX)), Err(EncodeError::TooLong));

    let ranges = ByteRangesEncoder::new(boundary, "a/b", Some(10)).expect("an encoder");
    assert!(ranges.content_length(iter::once(0..10)).is_ok());
    assert_eq!(ranges.content_length(iter::once(0..11)), Err(EncodeError::InvalidRange));
    assert!(ByteRangesEncoder::new(boundary, "a\r\nb", None).is_err());
}

#[test]
fn boundaries_of_entropy() {
    let boundary = Boundary::from_entropy([0xa5; 16]);
    assert_eq!(boundary.as_str(), "wire-multipart-a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5");
    assert_eq!(boundary.content_type("form-data"), format!("multipart/form-data; boundary={boundary}"));
    let quoted = Boundary::new("a:b").expect("a boundary");
    assert_eq!(quoted.content_type("form-data"), "multipart/form-data; boundary=\"a:b\"");
    #[cfg(feature = "getrandom")]
    assert_ne!(Boundary::random().expect("entropy"), Boundary::random().expect("entropy"));
}
