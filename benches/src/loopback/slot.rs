//! One slot: a fresh server on one core, a load on another, and what they used.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime};

use interop::Result;
use wire_benches::process::{Known, Server, servers};

use crate::cells::Load;

/// What came of a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Operations per second.
    pub(crate) rate: f64,
    /// CPU time of the server per operation, in nanoseconds.
    pub(crate) cpu: f64,
    /// Share of both cores that neither server nor load used, but somebody else did.
    pub(crate) foreign: f64,
}

/// The programs and the cores.
pub(crate) struct Machine {
    programs: PathBuf,
    scratch: PathBuf,
    server_core: usize,
    load_core: usize,
}

const NGINX: &str = "nginx";

const TICK: Duration = Duration::from_millis(10);

impl Machine {
    /// `programs` is the folder where the servers and the loads lie.
    pub(crate) fn new(programs: &Path) -> Result<Self> {
        let cores = available_parallelism()?.get();
        if cores < 2 {
            return Err("server and load need a core each".into());
        }
        let scratch = programs.join("loopback-scratch");
        fs::create_dir_all(&scratch)?;
        fs::write(scratch.join("pipeline.lua"), include_str!("pipeline.lua"))?;
        let site = scratch.join("site");
        fs::create_dir_all(&site)?;
        for (name, len) in [("1k.bin", 1 << 10), ("32k.bin", 32 << 10), ("1m.bin", 1 << 20)] {
            fs::write(site.join(name), vec![b'x'; len])?;
            // The date that the cell of 304 asks for.
            let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200);
            fs::File::options().write(true).open(site.join(name))?.set_modified(modified)?;
        }
        Ok(Self { programs: programs.to_owned(), scratch, server_core: cores - 1, load_core: 0 })
    }

    /// The servers that there are.
    pub(crate) fn servers(&self) -> Result<Vec<Known>> {
        let mut servers = servers(&self.programs)?;
        if Command::new(NGINX).arg("-v").stderr(Stdio::null()).status().is_ok() {
            let names = ["http/nginx", "files/nginx"];
            servers.extend(names.map(|name| Known { name: name.into(), program: NGINX.into() }));
        }
        Ok(servers)
    }

    fn on(core: usize, program: &Path) -> Command {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &core.to_string()]).arg(program);
        command
    }

    fn start(&self, server: &Known) -> Result<Server> {
        if server.program == Path::new(NGINX) {
            return self.start_nginx();
        }
        let mut command = Self::on(self.server_core, &server.program);
        Server::start(command.arg(&server.name).current_dir(&self.scratch))
    }

    fn start_nginx(&self) -> Result<Server> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let configuration = include_str!("nginx.conf").replace("ADDRESS", &address.to_string());
        fs::write(self.scratch.join("nginx.conf"), configuration)?;
        let mut command = Self::on(self.server_core, Path::new(NGINX));
        command.args(["-e", "stderr", "-c", "nginx.conf", "-p"]).arg(&self.scratch);
        Server::start_at(&mut command, address)
    }

    /// Runs one slot of about this time (whole seconds with wrk).
    pub(crate) fn run(&self, server: &Known, load: &Load, time: Duration) -> Result<Slot> {
        let server = self.start(server)?;
        let (busy, own) = (self.busy()?, children_cpu()?);
        let (start, cpu) = (Instant::now(), server.cpu()?);
        let (operations, elapsed) = self.load(server.address(), load, time)?;
        let (wall, cpu) = (start.elapsed(), server.cpu()? - cpu);
        let own = children_cpu()? - own + cpu;
        let foreign = (self.busy()? - busy).saturating_sub(own);
        if operations < 1.0 {
            return Err("not one operation".into());
        }
        Ok(Slot {
            rate: operations / elapsed.as_secs_f64(),
            cpu: cpu.as_secs_f64() * 1e9 / operations,
            foreign: foreign.as_secs_f64() / wall.as_secs_f64() / 2.0,
        })
    }

    /// Operations, and the time that they took.
    fn load(&self, address: SocketAddr, load: &Load, time: Duration) -> Result<(f64, Duration)> {
        let output = match *load {
            Load::Wrk { connections, pipeline, target, field } => {
                let mut wrk = Self::on(self.load_core, Path::new("wrk"));
                wrk.args(["--threads", "1", "--connections", &connections.to_string()]);
                wrk.args(["--duration", &format!("{}s", time.as_secs().max(1))]);
                if pipeline > 1 {
                    wrk.arg("--script").arg(self.scratch.join("pipeline.lua"));
                }
                wrk.args(field.into_iter().flat_map(|field| ["--header", field]));
                wrk.arg(format!("http://{address}{target}"));
                if pipeline > 1 {
                    wrk.args(["--", &pipeline.to_string()]);
                }
                wrk.output()?
            }
            Load::Http2 { connections, streams } => {
                let mut h2load = Self::on(self.load_core, Path::new("h2load"));
                h2load.args(["--clients", &connections.to_string(), "-m", &streams.to_string()]);
                h2load.args(["--duration", &format!("{}ms", time.as_millis())]);
                h2load.arg(format!("http://{address}/hello")).output()?
            }
            Load::Http2WebSocket { sockets, len } => {
                let mut command = Self::on(self.load_core, &self.programs.join("h2ws-load"));
                command.arg(address.to_string());
                command.args([sockets, len].map(|number| number.to_string()));
                command.arg(time.as_millis().to_string()).output()?
            }
            Load::WebSocket { connections, in_flight, len, content } => {
                let mut command = Self::on(self.load_core, &self.programs.join("ws-load"));
                command.arg(address.to_string());
                command.args([connections, in_flight, len].map(|number| number.to_string()));
                command.args([content, &time.as_millis().to_string()]).output()?
            }
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let outcome = match load {
            Load::Wrk { .. } => wrk_outcome(&text),
            Load::Http2 { .. } => h2load_outcome(&text, time),
            Load::Http2WebSocket { .. } | Load::WebSocket { .. } => {
                text.trim().split_once(' ').and_then(|(count, time)| {
                    Some((count.parse().ok()?, Duration::from_nanos(time.parse().ok()?)))
                })
            }
        };
        outcome.ok_or_else(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)).into())
    }

    /// Busy time of both cores.
    fn busy(&self) -> Result<Duration> {
        let stat = fs::read_to_string("/proc/stat")?;
        let mut ticks = 0;
        for core in [self.server_core, self.load_core] {
            let name = format!("cpu{core}");
            let line = stat.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '));
            let fields: Vec<u32> =
                line.unwrap_or_default().split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
            // user, nice, system, idle, iowait, irq, softirq, steal
            ticks += fields.iter().take(8).sum::<u32>() - fields[3] - fields[4];
        }
        Ok(TICK * ticks)
    }
}

/// `18200 requests in 1.00s` of wrk, unless there were errors.
fn wrk_outcome(text: &str) -> Option<(f64, Duration)> {
    let (count, time) = text.lines().find_map(|line| line.split_once(" requests in "))?;
    let (time, _) = time.split_once(',')?;
    let seconds = match time.strip_suffix("ms") {
        Some(milliseconds) => milliseconds.parse::<f64>().ok()? / 1e3,
        None => time.strip_suffix('s')?.parse().ok()?,
    };
    let clean = !text.contains("Socket errors") && !text.contains("Non-2xx");
    clean.then_some((count.trim().parse().ok()?, Duration::from_secs_f64(seconds)))
}

/// `requests: 18200 total, 18200 started, 18200 done, 18200 succeeded, ..` of h2load, unless one failed.
fn h2load_outcome(text: &str, time: Duration) -> Option<(f64, Duration)> {
    let counts = text.lines().find_map(|line| line.strip_prefix("requests: "))?;
    let count = |what: &str| {
        counts.split(", ").find_map(|count| count.strip_suffix(what)?.trim().parse::<f64>().ok())
    };
    let clean = ["failed", "errored", "timeout"].into_iter().all(|what| count(what) == Some(0.0));
    clean.then_some((count("succeeded")?, time))
}

/// CPU time of the children that have ended, such as loads.
fn children_cpu() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("a strange /proc/self/stat")?;
    let fields: Vec<_> = fields.split(' ').collect();
    Ok(TICK * (fields[13].parse::<u32>()? + fields[14].parse::<u32>()?))
}

#[cfg(test)]
mod tests {
    use super::wrk_outcome;

    #[test]
    fn wrk_is_understood() {
        let text =
            "Running 1s test\n  1 threads and 64 connections\n  60931 requests in 1.10s, 8.13MB read\n";
        let (count, time) = wrk_outcome(text).expect("an outcome");
        assert_eq!((count, time.as_millis()), (60931.0, 1100));
        assert!(wrk_outcome(&format!("{text}  Non-2xx or 3xx responses: 5")).is_none());
        assert!(wrk_outcome("unable to connect").is_none());
    }
}
