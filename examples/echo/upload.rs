//! `POST /upload`: the parts of a form, each streamed through its hash and described in JSON.

use http::Response;
use serde::Serialize;
use server_core::multipart::{FormError, multipart};
use server_core::{Body, Request};
use sha2::{Digest as _, Sha256};

use super::{App, json};

#[derive(Serialize)]
struct Described {
    name: String,
    filename: Option<String>,
    content_type: String,
    size: u64,
    sha256: String,
}

pub(super) async fn upload(app: &App, mut request: Request) -> Response<Body> {
    match describe(app, &mut request).await {
        Ok(parts) => json(&parts),
        Err(error) => error.into_response(),
    }
}

async fn describe(app: &App, request: &mut Request) -> Result<Vec<Described>, FormError> {
    let mut form = multipart(request)?;
    if let Some(max) = app.max_body {
        form = form.limit(max);
    }
    let mut parts = Vec::new();
    while let Some(part) = form.next_part().await? {
        // No part is held in memory, so none has a limit of its own.
        let mut part = part.limit(u64::MAX);
        let (mut size, mut hash) = (0, Sha256::new());
        let name = part.name().into_owned();
        let filename = part.filename().map(String::from);
        let content_type = part.content_type().to_owned();
        while let Some(piece) = part.chunk().await? {
            size += piece.len() as u64;
            hash.update(&piece);
        }
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        parts.push(Described { name, filename, content_type, size, sha256 });
    }
    Ok(parts)
}
