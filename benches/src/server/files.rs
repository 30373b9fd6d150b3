//! Servers of the files in `site`, each as its documentation says, on one thread.

use std::net::TcpListener;
use std::time::Duration;

use interop::Result;
use server_core::rt::tokio::{TokioListener, TokioTimer, serve};
use server_core::{Request, Server};
use server_files::Files;

use crate::on_tokio;

const SITE: &str = "site";

/// With the cache of `--cache` in the example `static`.
pub(crate) fn server_files(listener: TcpListener) -> Result {
    let files = Files::builder(SITE).cache(4096, Duration::from_secs(1)).build()?;
    on_tokio(async {
        let listener = TokioListener::from(tokio::net::TcpListener::from_std(listener)?);
        Ok(serve(&Server::<_, _, Request>::new(files, TokioTimer), listener).await?)
    })
}

pub(crate) fn serve_dir(listener: TcpListener) -> Result {
    use axum::serve::ListenerExt as _;
    let router = axum::Router::new().fallback_service(tower_http::services::ServeDir::new(SITE));
    on_tokio(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}
