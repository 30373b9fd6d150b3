//! Tables of rules: all files of a directory.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The `[[case]]` entries of all files in a directory of this package; `name` is a case's id and section.
pub(crate) fn load<C: for<'de> Deserialize<'de>>(
    directory: &str,
    name: impl Fn(&C) -> (&String, &String),
) -> Vec<C> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table<C> {
        case: Vec<C>,
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<_> = fs::read_dir(&directory)
        .expect("the directory of rules")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let mut cases: Vec<C> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a readable file");
        let table: Table<C> =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in table.case {
            let (id, section) = name(&case);
            assert!(id.contains('/') && !section.is_empty(), "{id}: {section}");
            assert!(cases.iter().all(|other| name(other).0 != id), "two rules with the id {id}");
            cases.push(case);
        }
    }
    cases
}
