//! [`Files`] as a handler of server-core.

use server_core::file::FileBody;
use server_core::{Handler, Incoming, Request};

use crate::files::{Files, ServeFuture};

impl Handler<Request> for Files {
    type Body = FileBody;
    type Future = ServeFuture;

    fn call(&self, request: Request) -> ServeFuture {
        self.serve(&request)
    }
}

impl Handler<http::Request<Incoming>> for Files {
    type Body = FileBody;
    type Future = ServeFuture;

    fn call(&self, request: http::Request<Incoming>) -> ServeFuture {
        self.serve(&request)
    }
}
