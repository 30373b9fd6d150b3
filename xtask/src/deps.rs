//! The arrows of the architecture: a codec depends on no runtime, on no other codec, and not on the server.

use interop::Result;

use crate::workspace::Workspace;

/// The one codec that may build on another; and what h2, which its sessions are built on, brings: IO traits and codecs,
/// no runtime. Without the feature `session` it has none of them.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("wire-h2ws", "wire-ws"),
    ("wire-h2ws", "tokio"),
    ("wire-h2ws", "tokio-util"),
    ("wire-h2ws", "futures-core"),
    ("wire-h2ws", "futures-sink"),
];

pub(crate) fn run(workspace: &Workspace) -> Result {
    let codecs = workspace.codecs();
    if codecs.is_empty() {
        return Err("there is no codec to check".into());
    }
    let mut broken = Vec::new();
    for codec in &codecs {
        let tree = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--all-features"];
        let output = workspace.cargo(&tree).args(["--target", "all", "--package", codec]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let tree = String::from_utf8(output.stdout)?;
        let found = forbidden(codec, &tree, &codecs);
        println!("{codec}: {}", if found.is_empty() { "ok".to_owned() } else { found.join(", ") });
        broken.extend(found.iter().map(|name| format!("{codec} depends on {name}")));
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ").into()) }
}

/// The packages in the output of `cargo tree` that this codec must not have.
fn forbidden<'a>(codec: &str, tree: &'a str, codecs: &[&str]) -> Vec<&'a str> {
    let runtime = |name: &str| {
        let async_io = ["tokio", "futures", "async-", "mio", "smol", "hyper", "tower"];
        async_io.iter().any(|prefix| name.starts_with(prefix)) || name == "server-core"
    };
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let mut found: Vec<_> = names
        .filter(|name| *name != codec && (runtime(name) || codecs.contains(name)))
        .filter(|name| !EXCEPTIONS.contains(&(codec, name)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::forbidden;

    const CODECS: &[&str] = &["wire-http1", "wire-ws", "wire-h2ws"];

    #[test]
    fn a_clean_tree_passes() {
        let tree = "wire-ws v0.1.0 (/x/wire-ws)\nsha1 v0.11.0\nsimdutf8 v0.1.5\nwire-ws v0.1.0 (*)\n";
        assert!(forbidden("wire-ws", tree, CODECS).is_empty());
    }

    #[test]
    fn runtimes_and_other_codecs_are_found() {
        let tree = "wire-ws v0.1.0\nbytes v1.0.0\ntokio-util v0.7.0\nfutures-core v0.3.0\ntokio v1.0.0\nwire-http1 v0.1.0";
        assert_eq!(forbidden("wire-ws", tree, CODECS), ["futures-core", "tokio", "tokio-util", "wire-http1"]);
    }

    #[test]
    fn one_codec_may_build_on_one_other() {
        let tree = "wire-h2ws v0.1.0\nwire-ws v0.1.0\nwire-http1 v0.1.0\ntokio v1.0.0\nmio v1.0.0";
        assert_eq!(forbidden("wire-h2ws", tree, CODECS), ["mio", "wire-http1"]);
    }
}
