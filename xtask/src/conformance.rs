//! The rule tables, replayed against whatever they rule: the tests of every member that reads them.

use interop::Result;

use crate::run;
use crate::workspace::Workspace;

pub(crate) fn run_all(workspace: &Workspace) -> Result {
    let mut test = workspace.cargo(&["test", "--tests", "--package", "conformance"]);
    let mut any = false;
    for package in workspace.users("conformance") {
        test.args(["--package", &package.name]);
        any = true;
    }
    if any { run(&mut test) } else { Err("nobody reads the rule tables".into()) }
}
