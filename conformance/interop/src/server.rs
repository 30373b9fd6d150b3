//! One `echo` process: started on a free port, watched through `/proc`, stopped by its own id.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::http::Conn;
use crate::report::{Result, ensure};

/// How long the server may take to say that it listens.
const START: Duration = Duration::from_secs(10);

/// A running server, killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    addrs: Vec<SocketAddr>,
    tls: Vec<SocketAddr>,
    stdout: Receiver<String>,
    log: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts `echo` with these arguments, on a free port of the loopback unless they say `--listen`, and waits until it
    /// has named every listener, those with TLS included.
    pub fn start(echo: &Path, args: &[&str]) -> Result<Self> {
        let mut server = Self::spawn(echo, args)?;
        let count = |flag: &str| args.iter().filter(|arg| **arg == flag).count();
        for _ in 0..count("--listen").max(1) + count("--listen-tls") {
            let line = match server.stdout.recv_timeout(START) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => return Err("it did not say that it listens".into()),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = server.wait(START)?;
                    return Err(format!("it ended at its start ({status}): {}", server.log()).into());
                }
            };
            let named = |prefix| line.strip_prefix(prefix).and_then(|addr: &str| addr.parse().ok());
            match (named("listening on http://"), named("listening on https://")) {
                (Some(addr), _) => server.addrs.push(addr),
                (_, Some(addr)) => server.tls.push(addr),
                _ => return Err(format!("not the line that names a listener: {line:?}").into()),
            }
        }
        Ok(server)
    }

    /// Starts `echo` without waiting for anything: for arguments that make it end. With TLS only where they say so.
    pub fn spawn(echo: &Path, args: &[&str]) -> Result<Self> {
        let mut command = Command::new(echo);
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        // Alone among the servers it listens with TLS by itself, on a port that there is once.
        if echo.ends_with("echo") && !args.contains(&"--listen-tls") {
            command.arg("--no-tls");
        }
        command.args(args).env_remove("RUST_LOG").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", echo.display()))?;
        let (lines, stdout) = channel();
        let (out, mut err) = (child.stdout.take(), child.stderr.take());
        thread::spawn(move || {
            for line in
                out.into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(std::io::Result::ok)
            {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let log = thread::spawn(move || {
            let mut log = Vec::new();
            // What was read before an error is still the log.
            let _ = err.as_mut().map(|err| err.read_to_end(&mut log));
            String::from_utf8_lossy(&log).into_owned()
        });
        Ok(Self { child, addrs: Vec::new(), tls: Vec::new(), stdout, log: Some(log) })
    }

    /// The first listener.
    ///
    /// # Panics
    /// When the server was only spawned.
    pub fn addr(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// The first listener with TLS, if there is one.
    pub fn tls(&self) -> Option<SocketAddr> {
        self.tls.first().copied()
    }

    /// All listeners without TLS, in the order of the arguments.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// The address of a path on the first listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// Sends it a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) -> Result {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status()?;
        ensure!(status.success(), "kill -s {name}: {status}");
        Ok(())
    }

    /// Waits until it has ended: until its standard output is closed, then for its status.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        match self.stdout.recv_timeout(limit) {
            Ok(line) => Err(format!("a line on stdout that names no listener: {line:?}").into()),
            Err(RecvTimeoutError::Disconnected) => Ok(self.child.wait()?),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("it still runs after {} ms", limit.as_millis()).into())
            }
        }
    }

    /// Everything it wrote to standard error. Ends it if it still runs.
    pub fn log(&mut self) -> String {
        self.kill();
        self.log.take().and_then(|log| log.join().ok()).unwrap_or_default()
    }

    /// Asks it to stop, and holds it to a clean end: exit code 0, and no panic in its log.
    pub fn stop(mut self) -> Result {
        self.signal("TERM")?;
        let status = self.wait(Duration::from_secs(10))?;
        ensure!(status.code() == Some(0), "it ended with {status}");
        let log = self.log();
        ensure!(!log.contains("panicked"), "its log tells of a panic: {log}");
        Ok(())
    }

    /// A fresh look at `/stats`.
    pub fn stats(&self) -> Result<Value> {
        Conn::open(self.addr())?.stats()
    }

    /// A number of `/proc/PID/status`, such as `VmRSS` or `VmHWM` (KiB), or `Threads`.
    pub fn status(&self, field: &str) -> Result<u64> {
        self.proc_number("status", field)
    }

    /// A number of `/proc/PID/smaps_rollup`, such as `Rss` or `Pss`, in KiB.
    pub fn rollup(&self, field: &str) -> Result<u64> {
        self.proc_number("smaps_rollup", field)
    }

    /// Makes `VmHWM` start again from what is resident now.
    pub fn reset_peak(&self) -> Result {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    /// The number of open descriptors.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    fn proc_number(&self, file: &str, field: &str) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?;
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("/proc/PID/{file} has no number {field}").into())
    }

    fn kill(&mut self) {
        // It may have ended already; then there is nothing to kill and the status is at hand.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
