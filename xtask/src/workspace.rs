//! What cargo knows of this workspace.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use interop::Result;
use serde_json::Value;

/// The workspace this program was built from.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    packages: Vec<Package>,
}

/// A member.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) features: Vec<String>,
    folder: PathBuf,
    needs: Vec<String>,
}

impl Workspace {
    pub(crate) fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let mut cargo = cargo(&root);
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
        let output = cargo.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err("cargo metadata failed".into());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let text =
            |value: &Value| value.as_str().map(str::to_owned).ok_or("cargo metadata has changed its shape");
        let mut packages = Vec::new();
        for package in metadata["packages"].as_array().into_iter().flatten() {
            let manifest = PathBuf::from(text(&package["manifest_path"])?);
            let folder = manifest
                .parent()
                .and_then(|folder| folder.strip_prefix(&root).ok())
                .ok_or("a stray member")?;
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            let needs = dependencies
                .map(|dependency| text(&dependency["name"]))
                .collect::<std::result::Result<_, _>>()?;
            let features = package["features"].as_object().into_iter().flat_map(|features| features.keys());
            packages.push(Package {
                name: text(&package["name"])?,
                features: features.cloned().collect(),
                folder: folder.to_owned(),
                needs,
            });
        }
        Ok(Self { target: text(&metadata["target_directory"])?.into(), root, packages })
    }

    /// cargo, in the root of the workspace.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = cargo(&self.root);
        cargo.args(args);
        cargo
    }

    /// The members below a folder.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(move |package| package.folder.starts_with(folder))
    }

    /// The names of the codecs: the sans-IO crates, which is all of `wire-*` but the C ABI over them.
    pub(crate) fn codecs(&self) -> Vec<&str> {
        let names = self.below("crates").map(|package| package.name.as_str());
        names.filter(|name| name.starts_with("wire-") && *name != "wire-ffi").collect()
    }

    /// The members that depend on this package in any way.
    pub(crate) fn users<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.iter().filter(move |package| package.needs.iter().any(|needed| needed == name))
    }

    /// Builds the servers for release, and says where `echo` is; the others are beside it.
    pub(crate) fn build_echo(&self) -> Result<PathBuf> {
        let mut build = self.cargo(&["build", "--release"]);
        crate::run(
            build.args(["echo", "proxy", "static", "wscat"].iter().flat_map(|name| ["--example", name])),
        )?;
        Ok(self.target.join("release/examples/echo"))
    }
}

fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}
