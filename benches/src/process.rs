//! Servers as processes.

use std::fs;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use interop::Result;

/// A server, until it is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a command that says its address in the first line.
    ///
    /// # Errors
    /// It does not.
    pub fn start(command: &mut Command) -> Result<Self> {
        let process = command.stdout(Stdio::piped()).spawn()?;
        let mut server = Self { process, address: ([0; 4], 0).into() };
        let mut line = String::new();
        if let Some(out) = server.process.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        server.address = line.trim().parse().map_err(|_| format!("{command:?} did not start"))?;
        server.wait_until_open()?;
        Ok(server)
    }

    /// Starts a command that listens on this address.
    ///
    /// # Errors
    /// It does not.
    pub fn start_at(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let server = Self { process: command.spawn()?, address };
        server.wait_until_open()?;
        Ok(server)
    }

    fn wait_until_open(&self) -> Result {
        for _ in 0..200 {
            if stays_open(self.address) {
                return Ok(());
            }
            sleep(Duration::from_millis(10));
        }
        Err("a server does not listen".into())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// CPU time of all its threads, which the scheduler counts in nanoseconds.
    ///
    /// # Errors
    /// It has ended, or this is not Linux.
    pub fn cpu(&self) -> Result<Duration> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let line = fs::read_to_string(thread?.path().join("schedstat"))?;
            total += line.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Bytes of memory that it holds.
    ///
    /// # Errors
    /// As [`cpu`](Self::cpu).
    pub fn resident(&self) -> Result<u64> {
        let page = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.process.id()))?;
        let line = page.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("no Rss")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? << 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a connection is not only made, but kept: one server closes the socket that it was given, and listens on its own.
fn stays_open(address: SocketAddr) -> bool {
    let read = || -> io::Result<usize> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        stream.read(&mut [0])
    };
    match read() {
        // A server of HTTP/2 may speak first.
        Ok(len) => len > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// A server that a program knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// The group, a slash, and whose it is.
    pub name: String,
    /// Which is given the name.
    pub program: PathBuf,
}

/// The servers of the programs in this folder.
///
/// # Errors
/// The program `server` is not there.
pub fn servers(programs: &Path) -> Result<Vec<Known>> {
    let mut servers = Vec::new();
    for program in ["server", "server-apart"] {
        let program = programs.join(program);
        if program.ends_with("server") || program.exists() {
            let output = Command::new(&program).output()?;
            let names = String::from_utf8(output.stdout)?;
            servers.extend(names.lines().map(|name| Known { name: name.into(), program: program.clone() }));
        }
    }
    Ok(servers)
}
