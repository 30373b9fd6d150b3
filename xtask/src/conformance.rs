//! The runners that hold vectors against codecs and server: every package below `conformance/`.

use interop::Result;

use crate::run;
use crate::workspace::Workspace;

pub(crate) fn run_all(workspace: &Workspace) -> Result {
    let mut test = workspace.cargo(&["test"]);
    let mut any = false;
    for package in workspace.below("conformance").filter(|package| package.name != "interop") {
        test.args(["--package", &package.name]);
        any = true;
    }
    if any { run(&mut test) } else { Err("there is no conformance runner yet".into()) }
}
