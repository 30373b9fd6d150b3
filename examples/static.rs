//! A static file server for a site: `cargo run --release --example static -- DIR`.
//!
//! `--help` has the flags; the README beside this file says what is answered.

mod tls;

use std::io::{self, IsTerminal as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use http::{HeaderValue, Response};
use http_body::Body as _;
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::{Config, Http2Config, Listener as _, Request, Server};
use server_files::{FileBody, Files};
use tokio::signal::unix::{SignalKind, signal};

use crate::tls::Certificate;

/// Static file server
#[derive(Parser)]
#[command(name = "static")]
struct Options {
    /// Directory whose files are served
    #[arg(value_name = "DIR")]
    root: PathBuf,
    /// Another directory for the paths below PATH; may be repeated
    #[arg(long, value_name = "PATH=DIR")]
    mount: Vec<String>,
    /// Address to listen on in cleartext; may be repeated; port 0 picks a free port [default: 127.0.0.1:8080, if there is
    /// no --listen-tls]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Address to listen on with TLS; may be repeated
    #[arg(long, value_name = "ADDR")]
    listen_tls: Vec<String>,
    #[command(flatten)]
    certificate: Certificate,
    /// Threads; 1 is a single-threaded runtime
    #[arg(long, value_name = "N", default_value_t = cores(), value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// List directories that have no index.html
    #[arg(long)]
    index: bool,
    /// File served with 200 where nothing is found, for single-page applications
    #[arg(long, value_name = "FILE")]
    spa: Option<String>,
    /// File that is the content of every 404
    #[arg(long, value_name = "FILE")]
    not_found: Option<String>,
    /// Keep open files, up to 4096, and believe them for a second
    #[arg(long)]
    cache: bool,
    /// Serve NAME.zst, NAME.br or NAME.gz, where they lie, to clients that take them
    #[arg(long)]
    precompressed: bool,
    /// Follow symbolic links that lead to what is below DIR
    #[arg(long)]
    follow_links: bool,
    /// Serve names that begin with a dot
    #[arg(long)]
    hidden: bool,
    /// Cache-Control for paths that fit PATTERN, where * is any characters; may be repeated, the first that fits counts
    #[arg(long, value_name = "PATTERN=VALUE")]
    cache_control: Vec<String>,
    /// No line for each request
    #[arg(long)]
    quiet: bool,
}

fn cores() -> u16 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().try_into().unwrap_or(u16::MAX))
}

/// As many descriptors as the system allows, one for each connection and each file.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where that is not allowed, the limit stays as it is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn main() -> ExitCode {
    let options = Options::parse();
    raise_descriptor_limit();
    let level = if options.quiet { "warn" } else { "info" };
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(level.parse().expect("a level"))
                .from_env_lossy(),
        )
        .init();
    let mut runtime = if options.workers == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(options.workers.into());
        builder
    };
    let result =
        runtime.enable_all().build().map_err(|error| format!("cannot start: {error}")).and_then(|runtime| {
            let result = runtime.block_on(run(&options));
            runtime.shutdown_background();
            result
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("static: {message}");
            ExitCode::FAILURE
        }
    }
}

fn files(options: &Options) -> Result<Files, String> {
    let mut files = Files::builder(&options.root)
        .listing(options.index)
        .precompressed(options.precompressed)
        .follow_links(options.follow_links)
        .hidden(options.hidden);
    for mount in &options.mount {
        let (path, root) = mount.split_once('=').ok_or(format!("--mount {mount}: not PATH=DIR"))?;
        files = files.mount(path, root);
    }
    for rule in &options.cache_control {
        let (pattern, value) =
            rule.split_once('=').ok_or(format!("--cache-control {rule}: not PATTERN=VALUE"))?;
        let value =
            HeaderValue::from_str(value).map_err(|error| format!("--cache-control {rule}: {error}"))?;
        files = files.cache_control(pattern, value);
    }
    if let Some(path) = &options.spa {
        files = files.fallback(path);
    }
    if let Some(path) = &options.not_found {
        files = files.not_found(path);
    }
    if options.cache {
        files = files.cache(4096, Duration::from_secs(1));
    }
    files.build().map_err(|error| error.to_string())
}

async fn run(options: &Options) -> Result<(), String> {
    let files = files(options)?;
    let (plain, secure) = if options.listen.is_empty() && options.listen_tls.is_empty() {
        (bind(&["127.0.0.1:8080".to_owned()])?, Vec::new())
    } else {
        (bind(&options.listen)?, bind(&options.listen_tls)?)
    };
    let tls = if secure.is_empty() { None } else { Some(options.certificate.acceptor()?) };
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;

    let handler = move |request: Request| {
        let files = files.clone();
        async move { answer(&files, request).await }
    };
    let mut config = Config::default();
    config.http2 = Some(Http2Config::default());
    let server = Server::with_config(handler, TokioTimer, config);
    for listener in plain {
        announce("http", &listener)?;
        let server = server.clone();
        tokio::spawn(async move { ended(serve(&server, listener).await) });
    }
    for (listener, tls) in secure.into_iter().zip(tls.iter().cycle()) {
        announce("https", &listener)?;
        let (server, listener) = (server.clone(), tls.listener(listener));
        tokio::spawn(async move { ended(serve(&server, listener).await) });
    }

    let mut signals = async || tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} };
    signals().await;
    server.shutdown();
    tokio::select! {
        () = server.closed() => Ok(()),
        () = signals() => Err("stopped by a second signal".to_owned()),
    }
}

fn bind(names: &[String]) -> Result<Vec<TokioListener>, String> {
    let mut listeners = Vec::new();
    for name in names {
        let addresses: Vec<SocketAddr> =
            name.to_socket_addrs().map_err(|error| format!("cannot listen on {name}: {error}"))?.collect();
        for address in addresses {
            let listener = TokioListener::bind(address);
            listeners.push(listener.map_err(|error| format!("cannot listen on {address}: {error}"))?);
        }
    }
    Ok(listeners)
}

fn announce(scheme: &str, listener: &TokioListener) -> Result<(), String> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut out = io::stdout();
    writeln!(out, "listening on {scheme}://{address}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot say where it listens: {error}"))
}

fn ended(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "listener failed");
    }
}

/// The answer, and its line in the log: who, what, how it ended, how long the content is and how long it took to open.
async fn answer(files: &Files, request: Request) -> Response<FileBody> {
    let begun = Instant::now();
    let response = files.serve(&request).await;
    if tracing::enabled!(tracing::Level::INFO) {
        let peer = request.connection().peer.map_or_else(|| "-".to_owned(), |peer| peer.ip().to_string());
        tracing::info!(
            "{peer} \"{} {}\" {} {} {} us",
            request.method(),
            request.target().escape_debug(),
            response.status().as_u16(),
            response.body().size_hint().exact().unwrap_or(0),
            begun.elapsed().as_micros(),
        );
    }
    response
}
