//! How long the APIs take to refuse: a route that ends the session of whoever calls it, and goes on presenting their access
//! token to both instances until neither takes it; and the page that shows it.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};
use anyhow::Result;
use latchkey_resource_server::{
    Authenticated, Verifier,
    actix::{Caller, Protect},
    bearer,
};
use openidconnect::CsrfToken;
use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;

use crate::{page, spa::SinglePageApp};

/// Ends the session at the provider that has this id, as an administrator does.
pub type EndSession = Arc<dyn Fn(String) -> Ending + Send + Sync>;
/// An end under way.
pub type Ending = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Between two calls of an API.
const PAUSE: Duration = Duration::from_millis(50);
/// After that it is given up. Without status lists an API takes a token until that ends by itself.
const GIVEN_UP: Duration = Duration::from_secs(10);
/// The longest that an API may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Runs that are under way at a time, and that are remembered.
const MOST: usize = 20;

/// What its handlers share.
pub struct Stopwatch {
    http: reqwest::Client,
    /// Where the app is.
    own: String,
    /// Of both instances: as the page names them, and the address that is called.
    apis: [(String, String); 2],
    end_session: EndSession,
    /// By their ids, oldest first.
    runs: Mutex<VecDeque<(String, Arc<Mutex<Run>>)>>,
}

/// An end, and what was seen since.
#[derive(Debug, Clone, Serialize)]
struct Run {
    /// How long it took the provider to end the session.
    ended_after_ms: Option<u64>,
    /// Of each instance, in their order.
    apis: Vec<Seen>,
    /// Nothing is looked at any more.
    is_over: bool,
}

/// What an instance made of the access token.
#[derive(Debug, Clone, Default, Serialize)]
struct Seen {
    /// How often it took the token.
    taken: u32,
    /// When it refused the token, since before the session was ended.
    refused_after_ms: Option<u64>,
}

impl Stopwatch {
    pub fn of(app: &SinglePageApp, end_session: EndSession) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()?;
        Ok(Self {
            http,
            own: app.address.clone(),
            apis: app.apis.clone().map(|api| (api.clone(), on_loopback(&api))),
            end_session,
            runs: Mutex::default(),
        })
    }

    /// Where both instances are.
    pub fn apis(&self) -> [&str; 2] {
        [&self.apis[0].0, &self.apis[1].0]
    }

    /// Where the app is.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// Remembers another run; none while too many are under way.
    fn add(&self) -> Option<(String, Arc<Mutex<Run>>)> {
        let mut runs = lock(&self.runs);
        if runs.len() >= MOST {
            let over = runs.iter().position(|(_, run)| lock(run).is_over)?;
            runs.remove(over);
        }
        let run = Arc::new(Mutex::new(Run {
            ended_after_ms: None,
            apis: vec![Seen::default(); self.apis.len()],
            is_over: false,
        }));
        let id = CsrfToken::new_random().secret().clone();
        runs.push_back((id.clone(), run.clone()));
        Some((id, run))
    }

    fn find(&self, id: &str) -> Option<Run> {
        let runs = lock(&self.runs);
        let (_, run) = runs.iter().find(|(known, _)| known == id)?;
        Some(lock(run).clone())
    }

    /// Calls both instances from before the end on, so that one which does not take the token in the first place is seen.
    async fn run(&self, run: &Mutex<Run>, token: &str, sid: String) {
        let since = Instant::now();
        let end = async {
            match (self.end_session)(sid).await {
                Ok(()) => lock(run).ended_after_ms = Some(millis(since)),
                Err(error) => eprintln!("latchkey dev: the stopwatch ended no session: {error:#}"),
            }
        };
        let [first, second] = [0, 1].map(|api| self.call(api, run, token, since));
        tokio::join!(end, first, second);
        lock(run).is_over = true;
    }

    /// Presents the token to an instance until that refuses it.
    async fn call(&self, api: usize, run: &Mutex<Run>, token: &str, since: Instant) {
        while since.elapsed() < GIVEN_UP {
            let answer = self.http.get(&self.apis[api].1).bearer_auth(token).send();
            match answer.await.map(|answer| answer.status()) {
                Ok(status) if status == reqwest::StatusCode::UNAUTHORIZED => {
                    lock(run).apis[api].refused_after_ms = Some(millis(since));
                    return;
                }
                Ok(status) if status.is_success() => lock(run).apis[api].taken += 1,
                // It does not know: that is no refusal.
                _ => {}
            }
            sleep(PAUSE).await;
        }
    }
}

/// The routes, which the single-page app has beside its own.
pub fn routes(config: &mut ServiceConfig, verifier: &Verifier) {
    config
        .route("/stopwatch", web::get().to(page::stopwatch))
        .service(
            // An API behind the backend-for-frontend, as any: that brings the access token.
            web::resource("/stopwatch/runs")
                .wrap(Protect::new(verifier, Authenticated))
                .route(web::post().to(begin)),
        )
        .route("/stopwatch/runs/{id}", web::get().to(look))
        .configure(page::stopwatch_assets);
}

/// `POST /stopwatch/runs`: ends the session that the access token belongs to.
async fn begin(watch: web::Data<Stopwatch>, caller: Caller, request: HttpRequest) -> HttpResponse {
    let headers = request.headers().get_all(header::AUTHORIZATION);
    let token = bearer(headers.map(header::HeaderValue::as_bytes));
    let (Ok(token), Some(sid)) = (token.map(str::to_owned), caller.sid.clone()) else {
        return HttpResponse::Conflict()
            .json(json!({ "error": "the access token belongs to no session" }));
    };
    let Some((id, run)) = watch.add() else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    tokio::spawn(async move { watch.run(&run, &token, sid).await });
    HttpResponse::Accepted().json(json!({ "run": id }))
}

/// `GET /stopwatch/runs/{id}`: what was seen so far. The session of whoever asks is over: the id, which nobody guesses, is
/// all that they have.
async fn look(watch: web::Data<Stopwatch>, id: web::Path<String>) -> HttpResponse {
    let mut answer = match watch.find(&id) {
        Some(run) => HttpResponse::Ok().json(run),
        None => HttpResponse::NotFound().finish(),
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    answer
}

/// The servers beside each other listen at this address alone; `localhost` may be another one as well, where somebody else
/// listens.
pub fn on_loopback(address: &str) -> String {
    address.replacen("//localhost:", "//127.0.0.1:", 1)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn watch() -> Stopwatch {
        Stopwatch {
            http: reqwest::Client::new(),
            own: String::new(),
            apis: Default::default(),
            end_session: Arc::new(|_| Box::pin(async { Ok(()) })),
            runs: Mutex::default(),
        }
    }

    #[test]
    fn runs_that_are_over_make_room_and_those_under_way_do_not() {
        let watch = watch();
        let runs: Vec<_> = (0..MOST).map(|_| watch.add().unwrap()).collect();
        assert!(watch.add().is_none());
        lock(&runs[3].1).is_over = true;
        let (new, _) = watch.add().unwrap();
        assert!(watch.find(&new).is_some());
        assert!(watch.find(&runs[3].0).is_none());
        assert!(watch.find(&runs[0].0).is_some());
        assert!(watch.add().is_none());
    }

    #[test]
    fn servers_beside_are_called_where_they_listen() {
        assert_eq!(
            on_loopback("http://localhost:8082"),
            "http://127.0.0.1:8082"
        );
        assert_eq!(on_loopback("http://127.0.0.1:1"), "http://127.0.0.1:1");
    }
}
