//! `tower::Service` as a handler.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use server_core::{Body, ConnectionInfo, Incoming, Tower};
use tower_service::Service;

use super::support::{get, statuses, world};

/// Ready at the second poll; fails when asked to.
#[derive(Clone, Default)]
struct Greeter {
    asked: bool,
}

impl Service<Request<Incoming>> for Greeter {
    type Response = Response<Body>;
    type Error = &'static str;
    type Future = Ready<Result<Response<Body>, &'static str>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        if std::mem::replace(&mut self.asked, true) {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        assert!(self.asked, "called before it was ready");
        assert!(request.extensions().get::<Arc<ConnectionInfo>>().is_some());
        ready(match request.uri().path() {
            "/fail" => Err("as asked"),
            path => Ok(Response::new(Body::from(format!("hello {path}")))),
        })
    }
}

#[test]
fn a_service_answers() {
    let world = world(Tower(Greeter::default()));
    assert!(world.exchange(get("/x")).ends_with("hello /x"));
    assert_eq!(statuses(&world.exchange(get("/fail"))), [StatusCode::INTERNAL_SERVER_ERROR.as_u16()]);
}
