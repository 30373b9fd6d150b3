//! Servers of `/hello`, each as its documentation says, on one thread.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use interop::Result;
use wire_benches::requests::HELLO;

use crate::{each, on_tokio};

async fn hello(_: http::Request<hyper::body::Incoming>) -> Hello {
    let body = Full::new(Bytes::from_static(HELLO.as_bytes()));
    Ok(http::Response::builder()
        .header(http::header::CONTENT_TYPE, "text/plain")
        .body(body)
        .expect("a response"))
}

type Hello = std::result::Result<http::Response<Full<Bytes>>, Infallible>;

pub(crate) fn hyper(listener: TcpListener) -> Result {
    each(listener, |stream| async {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.pipeline_flush(true);
        Ok(builder.serve_connection(TokioIo::new(stream), service_fn(hello)).await?)
    })
}

/// Whichever version the client speaks.
pub(crate) fn hyper_auto(listener: TcpListener) -> Result {
    use hyper_util::rt::TokioExecutor;
    use hyper_util::server::conn::auto::Builder;
    each(listener, |stream| async {
        let builder = Builder::new(TokioExecutor::new());
        builder
            .serve_connection(TokioIo::new(stream), service_fn(hello))
            .await
            .map_err(|error| error.to_string().into())
    })
}

pub(crate) fn axum(listener: TcpListener) -> Result {
    use axum::routing::get;
    on_tokio(async {
        let router = axum::Router::new().route("/hello", get(async || HELLO));
        let listener = tokio::net::TcpListener::from_std(listener)?;
        use axum::serve::ListenerExt as _;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}

pub(crate) fn may_minihttp(listener: TcpListener) -> Result {
    use may_minihttp::{HttpServer, HttpService, Request, Response};

    #[derive(Clone)]
    struct Hello;

    impl HttpService for Hello {
        fn call(&mut self, _: Request<'_, '_, '_>, response: &mut Response<'_>) -> io::Result<()> {
            response.header("Content-Type: text/plain");
            response.body(HELLO);
            Ok(())
        }
    }

    // It takes only an address.
    let address = listener.local_addr()?;
    drop(listener);
    may::config().set_workers(1);
    let server = HttpServer(Hello).start(address)?;
    server.join().map_err(|_| "may_minihttp ended")?;
    Ok(())
}
