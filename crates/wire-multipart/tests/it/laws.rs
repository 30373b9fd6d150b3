//! The laws of a sans-IO decoder, with default limits and with limits so wide that only the work itself counts.

use wire_multipart::Config;

use crate::form::Form;

const LONG: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

fn wide() -> Config {
    let mut config = Config::default();
    config.max_parts = usize::MAX;
    config.max_fields = usize::MAX;
    config.max_field_section = 16 << 20;
    config.max_total_field_bytes = usize::MAX;
    config.max_text_size = u64::MAX;
    config.max_file_size = u64::MAX;
    config.max_preamble = usize::MAX;
    config.max_epilogue = usize::MAX;
    config.max_padding = usize::MAX;
    config
}

fn lenient() -> Config {
    let mut config = wide();
    config.allow_bare_lf = true;
    config
}

/// A recipient that skips every part.
fn skipping(boundary: &str) -> Form {
    let mut form = Form::quiet(boundary, &wide());
    form.skips_all = true;
    form
}

/// Inputs of every kind, right and wrong; all rules of the table are replayed at every split elsewhere.
fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<Vec<u8>> = [
        "preamble\r\n--b \r\nContent-Disposition: form-data; name=\"a\\\"b\"\r\n\r\nx\r\n--\r\n-b\r\r\n--b\t\r\n\
            content-disposition:form-data;name=c; filename=\"C:\\x%22\"\r\nContent-Type: text/plain\r\n\r\n\r\n--b--\r\nepilogue",
        "--b\r\nX: y\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\r\n\r\n--\r\n--b-- \r\n",
        "--b\nContent-Disposition: form-data; name=\"a\"\n\nx\r\n--c\n--b--\n",
        "--b--",
    ]
    .iter()
    .map(|input| input.as_bytes().to_vec())
    .collect();
    corpus.extend(
        conformance::multipart::cases()
            .iter()
            .filter(|case| case.boundary == "b")
            .step_by(5)
            .map(conformance::multipart::Case::bytes)
            .filter(|bytes| bytes.len() < 200),
    );
    corpus
}

/// A part of `boundary` whose body is `piece` again and again, up to about `size` bytes.
fn body(boundary: &str, piece: &str, size: usize) -> Vec<u8> {
    let pieces = piece.repeat(size / piece.len());
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{pieces}\r\n--{boundary}--\r\n"
    )
    .into_bytes()
}

/// `before`, then `piece` up to about `size` bytes, then `behind`.
fn hostile(before: &str, piece: &str, behind: &str, size: usize) -> Vec<u8> {
    [before, &piece.repeat(size / piece.len()), behind].concat().into_bytes()
}

const TINY: &str = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
const NAME: &str = "--b\r\nContent-Disposition: form-data; name=\"";
const LINE: &str = "--b\r\nContent-Disposition: form-data; name=a\r\n";

testkit::codec_laws! {
    defaults {
        subject: Form::new("b", &Config::default()),
        quiet: Form::quiet("b", &Config::default()),
        corpus: corpus(),
        hostile: [
            preamble: |n| hostile("", "x", "", n),
            parts: |n| hostile("", TINY, "--b--", n),
            fields: |n| hostile("", &format!("{LINE}X: {}\r\n\r\n\r\n", "y".repeat(4000)), "--b--", n),
            endless_fields: |n| hostile(LINE, "X: y\r\n", "", n),
            endless_line: |n| hostile(LINE, "y", "", n),
            padding: |n| hostile("--b", " ", "", n),
            epilogue: |n| hostile("--b--\r\n", "x", "", n),
            text: |n| body("b", "x", n),
        ],
        size: 64 * 1024,
        memory: 2 * 1024,
    }
    unlimited {
        subject: Form::new("b", &wide()),
        quiet: Form::quiet("b", &wide()),
        corpus: corpus(),
        hostile: [
            preamble: |n| hostile("", "x", "\r\n--b--", n),
            preamble_of_near_boundaries: |n| hostile("", "\r\n--", "\r\n--b--", n),
            parts: |n| hostile("", TINY, "--b--", n),
            fields: |n| hostile("", &format!("{LINE}X: {}\r\n\r\n\r\n", "y".repeat(10_000)), "--b--", n),
            endless_fields: |n| hostile(LINE, "X: y\r\n", "\r\n", n),
            endless_line: |n| hostile(LINE, "y", ":\r\n\r\n", n),
            line_of_cr: |n| hostile(LINE, "\r", "\n\r\n", n),
            long_name: |n| hostile(NAME, "y", "\"\r\n\r\n", n),
            name_of_backslashes: |n| hostile(NAME, "\\", "\"\r\n\r\n", n),
            name_of_escaped_quotes: |n| hostile(NAME, "\\\"", "\"\r\n\r\n", n),
            name_of_percents: |n| hostile(NAME, "%22", "\"\r\n\r\n", n),
            parameters: |n| hostile(NAME, "a\";x=\"", "\"\r\n\r\n", n),
            semicolons: |n| hostile("--b\r\nContent-Disposition: form-data; name=a", ";", "\r\n\r\n", n),
            padding: |n| hostile("--b", " ", "\r\n", n),
            epilogue: |n| hostile("--b--\r\n", "x", "", n),
            cr: |n| body("b", "\r", n),
            lf: |n| body("b", "\n", n),
            crlf: |n| body("b", "\r\n", n),
            dashes: |n| body("b", "-", n),
            near_boundaries: |n| body("b", "\r\n--", n),
        ],
        size: 32 * 1024,
        // The table of fields: 16 bytes for each of at least 3, doubled as it grows.
        memory: 12 << 20,
    }
    long_boundary {
        subject: Form::new(LONG, &wide()),
        quiet: Form::quiet(LONG, &wide()),
        corpus: [body(LONG, "\r\n------WebKitFormBoundary7MA4YWxkTrZu0g", 200)],
        hostile: [
            cr: |n| body(LONG, "\r", n),
            dashes: |n| body(LONG, "-", n),
            near_boundaries: |n| body(LONG, "\r\n------WebKitFormBoundary7MA4YWxkTrZu0g", n),
            near_boundaries_from_behind: |n| body(LONG, "\n------WebKitFormBoundary7MA4YWxkTrZu0gW", n),
        ],
        size: 64 * 1024,
        memory: 2 * 1024,
    }
    skipped {
        subject: skipping("b"),
        quiet: skipping("b"),
        corpus: corpus(),
        hostile: [
            text: |n| body("b", "x", n),
            near_boundaries: |n| body("b", "\r\n--", n),
        ],
        size: 64 * 1024,
        memory: 2 * 1024,
    }
    bare_lf {
        subject: Form::new("b", &lenient()),
        quiet: Form::quiet("b", &lenient()),
        corpus: corpus(),
        hostile: [
            lf: |n| body("b", "\n", n),
            near_boundaries: |n| hostile("--b\nContent-Disposition: form-data; name=a\n\n", "\n--", "\n--b--", n),
        ],
        size: 32 * 1024,
        memory: 2 * 1024,
    }
}
