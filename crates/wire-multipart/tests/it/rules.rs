//! The rule tables against the codec: each entry whole, at every split, and byte by byte.

use conformance::http1::expand;
use conformance::multipart::{BoundaryCase, Case, boundary_cases, cases};
use testkit::laws;
use wire_multipart::{Boundary, Config};

use crate::form::{Form, Part, parts};

fn config(case: &Case) -> Config {
    let mut config = Config::default();
    config.allow_bare_lf = case.allow_bare_lf;
    config.form_data = !case.other_type;
    for (name, &limit) in &case.limits {
        let size = usize::try_from(limit).expect("a limit");
        match name.as_str() {
            "max_parts" => config.max_parts = size,
            "max_total_field_bytes" => config.max_total_field_bytes = size,
            "max_preamble" => config.max_preamble = size,
            "max_text_size" => config.max_text_size = limit,
            "max_file_size" => config.max_file_size = limit,
            name => {
                let name = name.strip_prefix("part:").expect("a limit of the table");
                config.part_sizes.insert(name.into(), limit);
            }
        }
    }
    config
}

fn form(case: &Case) -> Form {
    let mut form = Form::new(&case.boundary, &config(case));
    form.skipped.clone_from(&case.skipped);
    form
}

fn check(case: &Case) {
    let (id, input) = (&case.id, case.bytes());
    let transcript = laws::run(&mut form(case), &input, || usize::MAX);
    let (seen, complete) = parts(&transcript.events);

    let error = transcript.end.err();
    assert_eq!(error.map(|error| format!("{:?}", error.kind())), case.refused, "{id}: {transcript:?}");
    assert!(case.offset.is_none() || error.map(|error| error.offset()) == case.offset, "{id}: {error:?}");
    assert_eq!(complete, case.refused.is_none() || case.complete, "{id}: {transcript:?}");
    assert_eq!(seen.len(), case.count.unwrap_or(case.parts.len()), "{id}: {transcript:?}");
    for (seen, wanted) in seen.iter().zip(&case.parts) {
        compare(id, seen, wanted);
    }

    if input.len() < 1000 {
        laws::splits(|| form(case), &input);
    } else {
        let trickled = laws::run(&mut form(case), &input, || 1);
        assert!(trickled == transcript, "{id}, byte by byte: {trickled:?}");
    }
}

fn compare(id: &str, seen: &Part, wanted: &conformance::multipart::Part) {
    let same = |what: &str, got: Option<&Vec<u8>>, wanted: &Option<String>| {
        if let Some(wanted) = wanted {
            assert_eq!(got, Some(&expand(wanted)), "{id}: {what}");
        }
    };
    same("name", Some(&seen.name), &wanted.name);
    same("raw name", Some(&seen.raw_name), &wanted.raw_name);
    assert_eq!(seen.filename, wanted.filename.as_deref().map(expand), "{id}: file name");
    same("raw file name", seen.raw_filename.as_ref(), &wanted.raw_filename);
    if let Some(safe) = &wanted.safe_filename {
        assert_eq!(seen.safe_filename.as_deref().unwrap_or_default(), safe, "{id}: safe file name");
    }
    same("content type", seen.content_type.as_ref(), &wanted.content_type);
    if let Some(fields) = &wanted.fields {
        let seen: Vec<_> =
            seen.fields.iter().map(|(name, value)| [name.as_bytes(), b": ", value].concat()).collect();
        assert_eq!(seen, fields.iter().map(|field| expand(field)).collect::<Vec<_>>(), "{id}: fields");
    }
    same("body", Some(&seen.body), &wanted.body);
}

fn check_boundary(case: &BoundaryCase) {
    let got = Boundary::from_content_type(expand(&case.value));
    let (boundary, error) = (got.ok(), got.err());
    assert_eq!(boundary.as_ref().map(Boundary::as_str), case.boundary.as_deref(), "{}: {got:?}", case.id);
    assert_eq!(error.map(|error| format!("{error:?}")), case.refused, "{}", case.id);
    if let Some(boundary) = boundary {
        assert_eq!(Boundary::from_content_type(boundary.content_type("form-data")), Ok(boundary));
    }
}

/// All of them, whatever fails.
fn all<C: std::panic::RefUnwindSafe>(cases: &[C], check: impl Fn(&C) + std::panic::RefUnwindSafe) {
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| std::panic::catch_unwind(|| check(case)).err())
        .map(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
        .collect();
    assert!(failures.is_empty(), "{} rules fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_decoder_reacts_as_the_table_says() {
    all(&cases(), check);
}

#[test]
fn boundaries_are_what_the_table_says() {
    all(&boundary_cases(), check_boundary);
}

#[test]
fn other_types_are_asked_for_by_name() {
    let boundary = Boundary::from_multipart("Multipart/ByteRanges; boundary=\"a b\"", "byteranges");
    assert_eq!(boundary, Boundary::new("a b"));
    assert!(Boundary::from_multipart("multipart/form-data; boundary=a", "byteranges").is_err());
}
