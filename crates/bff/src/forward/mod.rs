//! `/api/...`: calls of the app's scripts, forwarded to the API that is configured for their path, with the access token that
//! the browser never sees.

mod body;
mod client;
mod request;
mod response;
mod target;
mod upgrade;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use http::{Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    Bff, answer, cookies, guard,
    places::Place,
    renew::{Outcome, Ready},
    settings::Upstream,
    store::{Key, Name},
};

use body::{Body, Incomplete, Upload};
pub use body::{Cut, Length};
pub use client::Client;
use target::Target;

/// What is forwarded. An API that answers TRACE would say the access token; CONNECT asks for another address.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// A place among all calls or streams, and one among those of the session.
type Seats = (OwnedSemaphorePermit, Place);

/// Why there is no answer of the API.
enum Failed {
    /// The caller's body.
    Body(Incomplete),
    /// It took longer than allowed.
    Late,
    Broken,
}

/// A call that may be made.
struct Call<'a> {
    bff: &'a Bff,
    client: &'a Client,
    request: &'a HttpRequest,
    upstream: &'a Upstream,
    target: Target,
}

pub async fn call(
    bff: web::Data<Bff>,
    client: web::Data<Client>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    if !METHODS.contains(request.method()) {
        return answer::not_allowed();
    }
    let (settings, is_socket) = (&bff.0.settings, upgrade::is_asked_for(&request));
    let is_own = if is_socket {
        guard::is_own_handshake(request.headers(), &settings.origin)
    } else {
        guard::is_own_call(request.method(), request.headers(), &settings.origin)
    };
    if !is_own {
        return answer::forbidden();
    }
    let uri = request.uri();
    // The absolute form (RFC 9112 3.2.2) is for proxies; this is none.
    if uri.scheme().is_some() || uri.authority().is_some() {
        return answer::bad_request();
    }
    let target = match target::find(&settings.upstreams, uri.path(), uri.query()) {
        Ok(Some(target)) => target,
        Ok(None) => return answer::not_found(),
        Err(target::Bad) => return answer::bad_request(),
    };
    let Some(cookie) = cookies::session(&request) else {
        return answer::not_signed_in(&request);
    };
    let ready = match bff.0.sessions.for_call(Key::of_cookie(&cookie)).await {
        Outcome::Ready(ready) => ready,
        Outcome::Ended => return answer::session_ended(),
        Outcome::Away => return answer::unavailable(),
    };
    let call = Call {
        bff: &bff,
        client: &client,
        request: &request,
        upstream: &settings.upstreams[target.upstream],
        target,
    };
    if is_socket {
        upgrade::open(&call, &ready, payload).await
    } else {
        call.made(ready, payload).await
    }
}

impl Call<'_> {
    async fn made(&self, ready: Arc<Ready>, payload: web::Payload) -> HttpResponse {
        let limits = &self.bff.0.settings.limits;
        let Some(place) = self.bff.0.calls_of.take(self.user(&ready)) else {
            return self.busy();
        };
        let upload = match Upload::of(self.request, payload, limits).await {
            Ok(upload) => upload,
            Err(incomplete) => return refused(incomplete),
        };
        // Only now: whoever sends slowly takes no place at the API from others.
        let seat = self.bff.0.seats[self.target.upstream].clone();
        let Ok(seat) = seat.try_acquire_owned() else {
            return self.busy();
        };
        let (again, seats) = (upload.again(), (seat, place));
        match self.asked(&ready, upload).await {
            Ok(answer) if is_token_refused(&answer) => {
                self.second_try(answer, &ready, again, seats).await
            }
            Ok(answer) => self.passed_on(answer, &ready, seats).await,
            Err(failed) => self.failed(&failed),
        }
    }

    /// Whose call it is. A user may have many sessions.
    fn user(&self, ready: &Ready) -> Name {
        Name::of_subject(self.bff.0.sessions.provider.issuer(), &ready.session.sub)
    }

    fn busy(&self) -> HttpResponse {
        tracing::warn!(upstream = self.upstream.path, "too many calls at once");
        answer::unavailable()
    }

    /// The API refuses a token that is good by its time: it may have been revoked. One renewal and one more try, for a call
    /// that can be made twice because its body is at hand.
    async fn second_try(
        &self,
        refused: Response<Incoming>,
        ready: &Ready,
        again: Option<Upload>,
        seats: Seats,
    ) -> HttpResponse {
        let Some(again) = again else {
            return self.passed_on(refused, ready, seats).await;
        };
        let ready = match self.bff.0.sessions.for_second_try(ready).await {
            None => return self.passed_on(refused, ready, seats).await,
            Some(Outcome::Ready(ready)) => ready,
            Some(Outcome::Ended) => return answer::session_ended(),
            Some(Outcome::Away) => return answer::unavailable(),
        };
        match self.asked(&ready, again).await {
            Ok(answer) => self.passed_on(answer, &ready, seats).await,
            Err(failed) => self.failed(&failed),
        }
    }

    /// The head of the API's answer.
    async fn asked(&self, ready: &Ready, upload: Upload) -> Result<Response<Incoming>, Failed> {
        let (body, progress) = upload.into_parts();
        let request = request::made(self.request, self.upstream, &self.target, ready, body);
        let request = request.map_err(|_| Failed::Broken)?;
        let late = self.bff.0.settings.limits.head;
        let answer = self.client.ask(request);
        tokio::pin!(answer);
        // As long as the body comes, it is the caller who takes the time, and has limits of their own.
        let answered = tokio::select! {
            answered = &mut answer => answered,
            () = progress.over() => match tokio::time::timeout(late, &mut answer).await {
                Ok(answered) => answered,
                Err(_) => return Err(Failed::Late),
            },
        };
        answered.map_err(|error| match progress.failure() {
            Some(incomplete) => Failed::Body(incomplete),
            None => {
                tracing::warn!(upstream = self.upstream.path, %error, "an API cannot be asked");
                Failed::Broken
            }
        })
    }

    /// The answer to a websocket's handshake.
    async fn handshake(&self, ready: &Ready) -> Result<Response<Incoming>, Failed> {
        let body = Body::Whole(None);
        let request = request::made(self.request, self.upstream, &self.target, ready, body);
        let mut request = request.map_err(|_| Failed::Broken)?;
        request::add_handshake(self.request.headers(), request.headers_mut());
        let answer = self.client.ask(request);
        match tokio::time::timeout(self.bff.0.settings.limits.head, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(upstream = self.upstream.path, %error, "an API cannot be asked");
                Err(Failed::Broken)
            }
            Err(_) => Err(Failed::Late),
        }
    }

    /// Events may come for hours: they take a place among the streams, and give that among the calls back.
    async fn passed_on(
        &self,
        answer: Response<Incoming>,
        ready: &Ready,
        seats: Seats,
    ) -> HttpResponse {
        let seats: Box<dyn std::any::Any> = if response::is_events(answer.headers()) {
            match self.stream_seats(ready) {
                Some(seats) => Box::new(seats),
                None => return self.busy(),
            }
        } else {
            Box::new(seats)
        };
        response::made(self, answer, ready.key, seats).await
    }

    fn stream_seats(&self, ready: &Ready) -> Option<Seats> {
        let seat = self.bff.0.streams.clone().try_acquire_owned().ok()?;
        Some((seat, self.bff.0.streams_of.take(self.user(ready))?))
    }

    fn failed(&self, failed: &Failed) -> HttpResponse {
        match failed {
            Failed::Body(incomplete) => refused(*incomplete),
            Failed::Late => {
                tracing::warn!(upstream = self.upstream.path, "an API is too slow");
                answer::gateway_timeout()
            }
            Failed::Broken => answer::bad_gateway(),
        }
    }
}

fn refused(incomplete: Incomplete) -> HttpResponse {
    match incomplete {
        Incomplete::TooLarge => answer::too_large(),
        Incomplete::TooSlow => answer::too_slow(),
        Incomplete::Broken => answer::bad_request(),
    }
}

/// RFC 6750 3.1.
fn is_token_refused(answer: &Response<Incoming>) -> bool {
    let names_token = |value: &header::HeaderValue| {
        let text = value.to_str().unwrap_or_default();
        text.contains("invalid_token")
    };
    answer.status() == StatusCode::UNAUTHORIZED
        && answer
            .headers()
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .any(names_token)
}
