//! What every program of servers is: `PROGRAM NAME` listens on a free port of the loopback, says which, and serves on one
//! thread until it is killed. `PROGRAM` alone lists the names.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use interop::Result;

/// Serves on this listener, which does not block.
pub type Serve = fn(TcpListener) -> Result;

/// The program of these servers.
#[must_use]
pub fn main(servers: &[(&str, Serve)]) -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        servers.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    match serve(servers, &name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fact) => {
            eprintln!("server {name}: {fact}");
            ExitCode::FAILURE
        }
    }
}

fn serve(servers: &[(&str, Serve)], name: &str) -> Result {
    let (_, serve) =
        servers.iter().find(|(other, _)| *other == name).ok_or_else(|| format!("no server {name}"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    serve(listener)
}
