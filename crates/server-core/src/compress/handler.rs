//! The layer around a handler: the plan made of a request, and what it does to the response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use wire_compress::{Choice, Decoder, Error, accept_encoding, decide_headers, negotiate};

use super::encode::Settings;
use super::places::{Place, Shared};
use super::{Config, EncodedBody, Uncompressed};
use crate::body::{BoxError, Incoming};
use crate::handler::Handler;
use crate::request::Request;

/// A handler, or with feature `tower` a service, whose responses are compressed: see the [module](super). Cloning it
/// costs what cloning the handler costs.
#[derive(Clone, Debug)]
pub struct Compress<H> {
    pub(super) inner: H,
    pub(super) shared: Arc<Shared>,
}

impl<H> Compress<H> {
    /// Around `inner`.
    pub fn new(inner: H, config: Config) -> Self {
        Self { inner, shared: Shared::new(config) }
    }
}

impl Shared {
    /// What to do with the response to this request.
    pub(super) fn plan<'a>(
        self: &Arc<Self>,
        method: &str,
        accept_encoding: impl IntoIterator<Item = &'a [u8]>,
    ) -> Option<Plan> {
        // What follows a 2xx to CONNECT is no content (RFC 9110 section 9.3.6).
        (method != Method::CONNECT).then(|| Plan {
            choice: negotiate(accept_encoding, &self.config.codings).unwrap_or(Choice::IDENTITY),
            to_head: method == Method::HEAD,
            shared: Arc::clone(self),
        })
    }
}

impl Config {
    /// The decoder of a request with content.
    pub(super) fn decoder<'a>(
        &self,
        content_encoding: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<Decoder>, Error> {
        self.decode_requests.as_ref().map_or(Ok(None), |limits| Decoder::new(content_encoding, limits))
    }

    /// Puts the decoder before a body.
    fn decode(&self, body: &mut Incoming, decoder: Option<Decoder>) -> bool {
        let (Some(decoder), Some(limits)) = (decoder, &self.decode_requests) else { return false };
        *body = std::mem::take(body).decoded(decoder, limits);
        true
    }
}

/// What the request said.
#[derive(Debug)]
pub(super) struct Plan {
    choice: Choice,
    to_head: bool,
    shared: Arc<Shared>,
}

impl Plan {
    pub(super) fn apply<B: Body>(self, response: Response<B>) -> Response<EncodedBody<B>> {
        let (mut parts, body) = response.into_parts();
        let secret = parts.extensions.get::<Uncompressed>().is_some();
        let said = || parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        let exact = body.size_hint().exact();
        // To HEAD a handler may say the length of what it does not send (section 8.6).
        let len = if self.to_head { said().or(exact) } else { exact.or_else(said) };
        let min_size = self.shared.config.min_size;
        let decide = |choice| decide_headers(choice, parts.status, &parts.headers, len, secret, min_size);
        let mut decision = decide(self.choice);
        let encoded = decision.coding.and_then(|coding| Some((coding, Place::take(self.shared)?)));
        if decision.coding.is_some() && encoded.is_none() {
            tracing::debug!("response not compressed: as many as `max_encoders` are being");
            decision = decide(Choice::IDENTITY);
        }
        decision.apply(&mut parts.headers);
        let body = match encoded {
            Some((coding, place)) => {
                let settings = Settings { coding, len, place };
                EncodedBody::encoded(body, settings, decision.flush, self.to_head)
            }
            None => EncodedBody::plain(body),
        };
        Response::from_parts(parts, body)
    }
}

/// 415, and what would do (section 12.5.3).
pub(super) fn refusal<B: Body>(error: Error) -> Response<EncodedBody<B>> {
    let mut response = Response::new(EncodedBody::none());
    *response.status_mut() =
        StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    if let Ok(value) = HeaderValue::from_str(&accept_encoding()) {
        response.headers_mut().insert(ACCEPT_ENCODING, value);
    }
    response
}

/// The lines of a field, by a lower-case name.
fn lines<'a>(request: &'a Request, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    request.fields().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

pub(super) fn values<'a>(
    headers: &'a HeaderMap,
    name: http::HeaderName,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    headers.get_all(name).into_iter().map(HeaderValue::as_bytes)
}

impl<H: Handler<Request>> Handler<Request> for Compress<H> {
    type Body = EncodedBody<H::Body>;
    type Future = CompressFuture<H::Future>;

    fn call(&self, mut request: Request) -> Self::Future {
        let plan = self.shared.plan(request.method(), lines(&request, "accept-encoding"));
        if self.shared.config.decode_requests.is_some() && !request.body().is_end_stream() {
            match self.shared.config.decoder(lines(&request, "content-encoding")) {
                Ok(decoder) => self.shared.config.decode(request.body_mut(), decoder),
                Err(error) => return CompressFuture::refused(error),
            };
        }
        CompressFuture::new(self.inner.call(request), plan)
    }
}

impl<H: Handler<http::Request<Incoming>>> Handler<http::Request<Incoming>> for Compress<H> {
    type Body = EncodedBody<H::Body>;
    type Future = CompressFuture<H::Future>;

    fn call(&self, mut request: http::Request<Incoming>) -> Self::Future {
        let plan = self.shared.plan(request.method().as_str(), values(request.headers(), ACCEPT_ENCODING));
        if self.shared.config.decode_requests.is_some() && !request.body().is_end_stream() {
            match self.shared.config.decoder(values(request.headers(), CONTENT_ENCODING)) {
                Ok(decoder) => {
                    if self.shared.config.decode(request.body_mut(), decoder) {
                        request.headers_mut().remove(CONTENT_ENCODING);
                        request.headers_mut().remove(CONTENT_LENGTH);
                    }
                }
                Err(error) => return CompressFuture::refused(error),
            }
        }
        CompressFuture::new(self.inner.call(request), plan)
    }
}

pin_project! {
    /// The response of a [`Compress`] handler.
    pub struct CompressFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProject]
    pub(super) enum State<F> {
        Running { #[pin] future: F, plan: Option<Plan> },
        Refused { error: Error },
    }
}

impl<F> CompressFuture<F> {
    fn new(future: F, plan: Option<Plan>) -> Self {
        Self { state: State::Running { future, plan } }
    }

    fn refused(error: Error) -> Self {
        Self { state: State::Refused { error } }
    }
}

impl<F, B> Future for CompressFuture<F>
where
    F: Future<Output = Response<B>>,
    B: Body<Error: Into<BoxError>>,
{
    type Output = Response<EncodedBody<B>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().state.project() {
            StateProject::Running { future, plan } => {
                let response = ready!(future.poll(cx));
                match plan.take() {
                    Some(plan) => plan.apply(response),
                    None => response.map(EncodedBody::plain),
                }
            }
            StateProject::Refused { error } => refusal(*error),
        })
    }
}

impl<F> fmt::Debug for CompressFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressFuture").finish_non_exhaustive()
    }
}
