//! The addresses that only `latchkey dev` has: by them a test moves what its app meets.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    http::{StatusCode, header},
    middleware::from_fn,
    web::{self, Bytes, Data, ServiceConfig},
};
use latchkey_protocol::{Issuer, discovery};

use super::{
    clock::DevClock,
    door::{Problem, admit, answer, only_here, read},
    faults::{self, Faults},
    sign_in,
};
use crate::{serve::configure, wiring::App};

/// Before the addresses below.
const DEV: &str = "/dev";

/// What a test moves.
pub struct Controls {
    pub app: App,
    pub clock: Arc<DevClock>,
    faults: Data<Faults>,
}

/// The routes of `serve`, with faults before them, and those of a test beside them.
pub fn routes(
    app: App,
    clock: Arc<DevClock>,
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let controls = Data::new(Controls {
        app,
        clock,
        faults: Data::default(),
    });
    move |config: &mut ServiceConfig| {
        let dev = web::scope(&format!("{}{DEV}", controls.issuer().base()))
            .service(post_alone("/clock").route(web::post().to(change_clock)))
            .service(
                post_alone("/faults")
                    .route(web::post().to(add_fault))
                    .route(web::delete().to(clear_faults)),
            )
            .service(post_alone("/sign-in").route(web::post().to(sign_in)))
            .default_service(web::to(unknown));
        let served = web::scope("")
            .wrap(from_fn(faults::apply))
            .wrap(from_fn(only_here))
            .configure(configure(controls.app.clone()));
        config
            .app_data(controls.clone())
            .app_data(controls.faults.clone())
            .service(dev)
            .service(served);
    }
}

/// Where each address is, for the line that a program reads.
pub fn addresses(issuer: &str) -> serde_json::Value {
    let at = |name: &str| format!("{issuer}{DEV}/{name}");
    serde_json::json!({ "clock": at("clock"), "faults": at("faults"), "sign_in": at("sign-in") })
}

fn post_alone(path: &str) -> Resource {
    web::resource(path).default_service(web::to(other_method))
}

impl Controls {
    pub fn issuer(&self) -> &Issuer {
        &self.app.ui.only_realm.issuer
    }
}

async fn change_clock(controls: Data<Controls>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let change = admit(&request, controls.issuer()).and_then(|()| read(&request, &body));
    answer(change.and_then(|change| controls.clock.change(&change).map_err(Problem::request)))
}

async fn add_fault(controls: Data<Controls>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let issuer = controls.issuer();
    let discovery = discovery::metadata(issuer, &Default::default());
    let fault = admit(&request, issuer).and_then(|()| read(&request, &body));
    answer(fault.and_then(|fault| {
        let added = controls.faults.add(fault, issuer, &discovery);
        added.map_err(Problem::request)
    }))
}

async fn clear_faults(controls: Data<Controls>, request: HttpRequest) -> HttpResponse {
    let admitted = admit(&request, controls.issuer());
    answer(admitted.map(|()| controls.faults.clear()))
}

async fn sign_in(controls: Data<Controls>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let asked = admit(&request, controls.issuer()).and_then(|()| read(&request, &body));
    match asked {
        Ok(asked) => sign_in::sign_in(&controls, &request, asked)
            .await
            .unwrap_or_else(|problem| answer(Err(problem))),
        Err(problem) => answer(Err(problem)),
    }
}

async fn other_method(controls: Data<Controls>, request: HttpRequest) -> HttpResponse {
    let refused = admit(&request, controls.issuer()).and_then(|()| {
        let why = "call this with POST";
        Err(Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            why,
        ))
    });
    let mut response = answer(refused);
    let post = header::HeaderValue::from_static("POST");
    response.headers_mut().insert(header::ALLOW, post);
    response
}

async fn unknown(controls: Data<Controls>, request: HttpRequest) -> HttpResponse {
    let refused = admit(&request, controls.issuer()).and_then(|()| {
        let why = "there are /dev/clock, /dev/faults and /dev/sign-in";
        Err(Problem::new(StatusCode::NOT_FOUND, "invalid_request", why))
    });
    answer(refused)
}
