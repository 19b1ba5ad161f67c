//! Naver Login: OAuth 2.0, refusals with the status 200, the profile under `response` (developers.naver.com).

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{CLIENT_ID, CLIENT_SECRET, StandIn, Trouble, found, in_trouble, page, redirect};

type Asked = web::Query<HashMap<String, String>>;
type Form = web::Form<HashMap<String, String>>;

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/naver/oauth2.0/authorize", web::get().to(authorize))
        .route("/naver/oauth2.0/token", web::post().to(token))
        .route("/naver/v1/nid/me", web::get().to(me));
}

async fn authorize(
    stand_in: web::Data<StandIn>,
    request: HttpRequest,
    asked: Asked,
) -> HttpResponse {
    let (to, state) = (found(&asked, "redirect_uri"), found(&asked, "state"));
    match found(&asked, "choice") {
        "allow" => redirect(to, &[("code", &stand_in.gives(&asked)), ("state", state)]),
        "cancel" => redirect(
            to,
            &[
                ("error", "access_denied"),
                ("error_description", "Canceled By User"),
                ("state", state),
            ],
        ),
        _ => page(&request, "NAVER", &stand_in.state().person),
    }
}

async fn token(stand_in: web::Data<StandIn>, form: Form) -> HttpResponse {
    if let Some(answer) = in_trouble(stand_in.trouble()) {
        return answer;
    }
    let refused = |error: &str, description: &str| {
        let answer = json!({"error": error, "error_description": description});
        HttpResponse::Ok().json(answer)
    };
    if found(&form, "client_id") != CLIENT_ID || found(&form, "client_secret") != CLIENT_SECRET {
        return refused("invalid_client", "wrong client id / client secret pair");
    }
    if found(&form, "state").is_empty() {
        return refused("invalid_request", "wrong state value");
    }
    match stand_in.takes(&form, false) {
        Some(given) => HttpResponse::Ok().json(json!({
            "access_token": stand_in.token(&given.person),
            "refresh_token": stand_in.secret(),
            "token_type": "bearer",
            "expires_in": "3600",
        })),
        None => refused("invalid_request", "no valid data in session"),
    }
}

async fn me(stand_in: web::Data<StandIn>, request: HttpRequest) -> HttpResponse {
    match stand_in.trouble() {
        Trouble::RateLimit => {
            let answer = json!({"errorMessage": "Query limit exceeded", "errorCode": "010"});
            return HttpResponse::TooManyRequests().json(answer);
        }
        Trouble::OutageOfProfile => return HttpResponse::InternalServerError().finish(),
        _ => {}
    }
    let Some(person) = stand_in.whose(&request) else {
        return HttpResponse::Unauthorized().json(
            json!({"resultcode": "024", "message": "Authentication failed (인증 실패하였습니다.)"}),
        );
    };
    let mut response = json!({"id": person.subject});
    if let Some(name) = person.name {
        response["nickname"] = name.into();
    }
    if let Some(email) = person.email {
        response["email"] = email.into();
    }
    HttpResponse::Ok().json(json!({"resultcode": "00", "message": "success", "response": response}))
}
