//! More servers that `loopback` measures, in a program of their own: what they depend on switches on features of crates
//! that the others share, and makes those dearer. actix-web asks for the feature `log` of tracing, with which h2 formats
//! what nobody reads; xitca-web for tokio's threads, which make each task larger.

use std::net::TcpListener;
use std::process::ExitCode;

use interop::Result;
use wire_benches::requests::HELLO;
use wire_benches::serving::{self, Serve};

const SERVERS: &[(&str, Serve)] =
    &[("http/actix-web", actix_web), ("http/xitca-web", xitca_web), ("http2/actix-web", actix_web)];

fn actix_web(listener: TcpListener) -> Result {
    use actix_web::{App, HttpServer, web};
    let server = HttpServer::new(|| App::new().route("/hello", web::get().to(async || HELLO)));
    let server = server.workers(1).disable_signals().listen_auto_h2c(listener)?;
    Ok(actix_web::rt::System::new().block_on(server.run())?)
}

fn xitca_web(listener: TcpListener) -> Result {
    use xitca_web::handler::handler_service;
    use xitca_web::{App, route};
    let app = App::new().at("/hello", route::get(handler_service(async || HELLO)));
    Ok(app.serve().worker_threads(1).disable_signal().listen(listener)?.run().wait()?)
}

fn main() -> ExitCode {
    serving::main(SERVERS)
}
