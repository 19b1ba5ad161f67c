//! The page of a demo app. It looks again by itself, so that a sign-out that happens elsewhere is seen here.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use askama::Template;
use latchkey_protocol::Timestamp;
use latchkey_ui::{Words, render::words};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    app::{Demo, DemoApp},
    stopwatch::Stopwatch,
    visit::{Ended, Problem, Visit},
};

/// Nothing is loaded from elsewhere, and nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "demo.html")]
struct DemoPage<'a> {
    words: Words,
    app: &'a DemoApp,
    visit: &'a Visit,
    ended: Option<Farewell>,
}

impl DemoPage<'_> {
    /// What this app, or the other one, is called.
    fn name(&self, other: bool) -> String {
        let is_second = (self.app.number == 2) != other;
        let id = if is_second {
            "demo-name-2"
        } else {
            "demo-name-1"
        };
        self.words.say(id)
    }
}

#[derive(Template)]
#[template(path = "stopwatch.html")]
struct StopwatchPage<'a> {
    words: Words,
    apis: [&'a str; 2],
    own: &'a str,
}

impl StopwatchPage<'_> {
    /// What is watched: the id of its name, that of its row, and where it is.
    fn rows(&self) -> [(&str, &str, &str); 3] {
        let [first, second] = self.apis;
        [
            ("stopwatch-first", "first", first),
            ("stopwatch-second", "second", second),
            ("stopwatch-app", "app", self.own),
        ]
    }
}

/// How the page speaks of the end.
struct Farewell {
    by: &'static str,
    title: String,
    text: String,
    at: String,
    machine_at: String,
}

pub async fn home(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let visit = demo.visit(&request).map(|(_, visit)| visit);
    show(&demo, &request, &visit.unwrap_or_default())
}

/// What went wrong where no browser is known.
pub fn problem(demo: &Demo, request: &HttpRequest, what: Problem) -> HttpResponse {
    let visit = Visit {
        problem: Some(what),
        ..Visit::default()
    };
    show(demo, request, &visit)
}

/// `GET /state`: another word after each change.
pub async fn state(demo: web::Data<Demo>, request: HttpRequest) -> HttpResponse {
    let revision = demo.visit(&request).map(|(_, visit)| visit.revision);
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain")
        .body(revision.unwrap_or_default().to_string())
}

fn show(demo: &Demo, request: &HttpRequest, visit: &Visit) -> HttpResponse {
    let words = words(request, None);
    let page = DemoPage {
        words,
        app: &demo.app,
        visit,
        ended: visit.ended.map(|ended| farewell(words, ended)),
    };
    answer(page.render())
}

/// `GET /stopwatch`. Who is signed in its script asks the backend-for-frontend.
pub async fn stopwatch(watch: web::Data<Stopwatch>, request: HttpRequest) -> HttpResponse {
    let page = StopwatchPage {
        words: words(&request, None),
        apis: watch.apis(),
        own: watch.own(),
    };
    answer(page.render())
}

fn answer(page: askama::Result<String>) -> HttpResponse {
    match page {
        Ok(html) => HttpResponse::Ok()
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            // Without it forms would not say where they come from.
            .insert_header((header::REFERRER_POLICY, "same-origin"))
            .content_type("text/html; charset=utf-8")
            .body(html),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}

fn farewell(words: Words, ended: Ended) -> Farewell {
    let by = ended.by.name();
    Farewell {
        by,
        title: words.say(&format!("demo-ended-{by}")),
        text: words.say(&format!("demo-ended-{by}-text")),
        at: clock_time(ended.at),
        machine_at: machine_time(ended.at),
    }
}

fn clock_time(at: Timestamp) -> String {
    let second = at.as_seconds().rem_euclid(86_400);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{hour:02}:{minute:02}:{:02} UTC", second % 60)
}

/// For browsers, which know the time zone.
fn machine_time(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.as_seconds());
    at.ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

pub fn assets(config: &mut web::ServiceConfig) {
    config
        .route("/latchkey.css", web::get().to(style))
        .route("/demo.css", web::get().to(own_style))
        .route("/demo.js", web::get().to(script))
        .route("/mark.svg", web::get().to(mark));
}

/// Beside the files of the single-page app.
pub fn stopwatch_assets(config: &mut web::ServiceConfig) {
    config
        .route("/latchkey.css", web::get().to(style))
        .route("/stopwatch.css", web::get().to(stopwatch_style))
        .route("/stopwatch.js", web::get().to(stopwatch_script));
}

async fn style() -> HttpResponse {
    asset(
        "text/css; charset=utf-8",
        include_str!("../../../templates/assets/latchkey.css").into(),
    )
}

async fn own_style() -> HttpResponse {
    asset(
        "text/css; charset=utf-8",
        include_str!("../../../templates/assets/demo.css").into(),
    )
}

async fn script() -> HttpResponse {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../../../templates/assets/demo.js").into(),
    )
}

async fn stopwatch_style() -> HttpResponse {
    asset(
        "text/css; charset=utf-8",
        include_str!("../../../templates/assets/stopwatch.css").into(),
    )
}

async fn stopwatch_script() -> HttpResponse {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../../../templates/assets/stopwatch.js").into(),
    )
}

/// Tells the tabs of the apps apart.
async fn mark(demo: web::Data<Demo>) -> HttpResponse {
    let number = demo.app.number;
    let colour = if number == 1 { "#1f5f5b" } else { "#7b3f8c" };
    asset(
        "image/svg+xml",
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44"><rect width="44" height="44" rx="12" fill="{colour}"/><text x="22" y="31" text-anchor="middle" font-family="system-ui, sans-serif" font-size="26" font-weight="700" fill="#fff">{number}</text></svg>"##
        ),
    )
}

pub fn asset(kind: &'static str, text: String) -> HttpResponse {
    HttpResponse::Ok().content_type(kind).body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_users_and_for_browsers() {
        let at = Timestamp::from_seconds(1_795_343_465);
        assert_eq!(clock_time(at), "10:31:05 UTC");
        assert_eq!(machine_time(at), "2026-11-22T10:31:05Z");
    }
}
