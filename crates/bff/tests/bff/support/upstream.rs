//! An API on a real socket: it says what it was asked, if the token is good.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::header,
    web::{self, Bytes},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{Issuer, listen};

/// The API. Clones are the same one.
#[derive(Clone)]
pub struct Api {
    pub address: String,
    seen: Arc<Mutex<Vec<Value>>>,
    issuer: Issuer,
    server: Option<ServerHandle>,
}

impl Api {
    pub async fn start(issuer: Issuer) -> Self {
        let (listener, address) = listen();
        let mut api = Self {
            address,
            seen: Arc::default(),
            issuer,
            server: None,
        };
        let data = web::Data::new(api.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
                .route("/events", web::get().to(events))
                .route("/flood", web::get().to(flood))
                .route("/slow", web::to(slow))
                .route("/stops", web::to(stops))
                .route("/count", web::post().to(count))
                .route("/sockets/echo", web::get().to(echo))
                .default_service(web::to(show))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .shutdown_timeout(0)
            .listen(listener)
            .unwrap()
            .run();
        api.server = Some(server.handle());
        actix_web::rt::spawn(server);
        api
    }

    pub async fn stop(&self) {
        if let Some(server) = &self.server {
            server.stop(false).await;
        }
    }

    /// What it was asked, in order.
    pub fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    fn note(&self, request: &HttpRequest, body: usize) -> Value {
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in request.headers() {
            let values = headers.entry(name.as_str().to_owned()).or_default();
            values.push(value.to_str().unwrap_or("?").to_owned());
        }
        let path = request.uri().path_and_query().unwrap().to_string();
        let told = json!({ "method": request.method().as_str(), "path": path, "headers": headers, "body": body });
        self.seen.lock().unwrap().push(told.clone());
        told
    }

    /// Whose call it is.
    fn user(&self, request: &HttpRequest) -> Option<String> {
        let said = request
            .headers()
            .get(header::AUTHORIZATION)?
            .to_str()
            .ok()?;
        self.issuer.user_of(said.strip_prefix("Bearer ")?)
    }
}

/// Everything else: as the query says, or what it was asked.
async fn show(api: web::Data<Api>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut told = api.note(&request, body.len());
    let Some(user) = api.user(&request) else {
        return HttpResponse::Unauthorized()
            .insert_header((header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#))
            .json(json!({ "error": "of the API" }));
    };
    told["user"] = json!(user);
    told["text"] = json!(String::from_utf8_lossy(&body));
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let mut answer = HttpResponse::Ok();
    for (name, value) in query.map(web::Query::into_inner).unwrap_or_default() {
        match &*name {
            "status" => {
                answer.status(value.parse::<u16>().unwrap().try_into().unwrap());
            }
            "set" => {
                let (name, value) = value.split_once(':').unwrap();
                answer.append_header((name, value));
            }
            _ => {}
        }
    }
    answer.json(told)
}

/// A stream of events that does not end.
async fn events() -> HttpResponse {
    let events = stream::unfold(0, |count: u32| async move {
        if count > 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let event = Bytes::from(format!("data: {count}\n\n"));
        Some((Ok::<_, std::io::Error>(event), count + 1))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .streaming(events)
}

/// More than anybody takes.
async fn flood() -> HttpResponse {
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let pieces = stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
    HttpResponse::Ok().streaming(pieces)
}

async fn slow() -> HttpResponse {
    tokio::time::sleep(Duration::from_secs(30)).await;
    HttpResponse::Ok().finish()
}

/// Begins an answer, and never goes on.
async fn stops() -> HttpResponse {
    let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"begun")) });
    HttpResponse::Ok().streaming(first.chain(stream::pending()))
}

/// How many bytes came, and when the first did, without keeping them.
async fn count(
    mut payload: web::Payload,
    request: HttpRequest,
    api: web::Data<Api>,
) -> HttpResponse {
    let (mut bytes, begun) = (0, std::time::Instant::now());
    let mut first = None;
    while let Some(Ok(piece)) = payload.next().await {
        first.get_or_insert_with(|| begun.elapsed().as_millis());
        bytes += piece.len();
    }
    let told = api.note(&request, bytes);
    HttpResponse::Ok()
        .json(json!({ "bytes": bytes, "told": told, "last": begun.elapsed().as_millis() }))
}

/// A protocol of its own behind a websocket's handshake: says who it is, then what it hears.
async fn echo(
    api: web::Data<Api>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> HttpResponse {
    api.note(&request, 0);
    let Some(user) = api.user(&request) else {
        return HttpResponse::Unauthorized().finish();
    };
    let mut answer = HttpResponse::SwitchingProtocols();
    answer
        .upgrade("websocket")
        .insert_header(("Sec-WebSocket-Accept", "yes"));
    let (sender, received) = tokio::sync::mpsc::unbounded_channel();
    sender.send(Bytes::from(format!("hello {user}\n"))).unwrap();
    actix_web::rt::spawn(async move {
        while let Some(Ok(piece)) = payload.next().await {
            if sender.send(piece).is_err() {
                return;
            }
        }
    });
    let said = stream::unfold(received, |mut received| async {
        let piece = received.recv().await?;
        Some((Ok::<_, std::io::Error>(piece), received))
    });
    answer.streaming(said)
}
