//! GitHub's OAuth apps: refusals with the status 200, addresses in a list of their own (docs.github.com).

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{CLIENT_ID, CLIENT_SECRET, StandIn, Trouble, found, in_trouble, page, redirect};

type Asked = web::Query<HashMap<String, String>>;
type Form = web::Form<HashMap<String, String>>;

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/github/login/oauth/authorize", web::get().to(authorize))
        .route("/github/login/oauth/access_token", web::post().to(token))
        .route("/github/user", web::get().to(user))
        .route("/github/user/emails", web::get().to(emails));
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
                (
                    "error_description",
                    "The user has denied your application access.",
                ),
                ("state", state),
            ],
        ),
        _ => page(&request, "GitHub", &stand_in.state().person),
    }
}

async fn token(stand_in: web::Data<StandIn>, request: HttpRequest, form: Form) -> HttpResponse {
    if let Some(answer) = in_trouble(stand_in.trouble()) {
        return answer;
    }
    let refused = |error: &str, description: &str| {
        let answer = json!({"error": error, "error_description": description});
        HttpResponse::Ok().json(answer)
    };
    let accept = request
        .headers()
        .get("accept")
        .and_then(|accept| accept.to_str().ok());
    if accept != Some("application/json") {
        return HttpResponse::Ok().body("error=not_json&error_description=a+form+without+Accept");
    }
    if found(&form, "client_id") != CLIENT_ID || found(&form, "client_secret") != CLIENT_SECRET {
        let said = "The client_id and/or client_secret passed are incorrect.";
        return refused("incorrect_client_credentials", said);
    }
    match stand_in.takes(&form, true) {
        Some(given) => HttpResponse::Ok().json(json!({
            "access_token": stand_in.token(&given.person),
            "scope": "read:user,user:email",
            "token_type": "bearer",
        })),
        None => refused(
            "bad_verification_code",
            "The code passed is incorrect or expired.",
        ),
    }
}

/// Too many calls, or none at all.
fn refused(stand_in: &StandIn) -> Option<HttpResponse> {
    match stand_in.trouble() {
        Trouble::RateLimit => Some(
            HttpResponse::Forbidden()
                .insert_header(("x-ratelimit-remaining", "0"))
                .json(json!({"message": "API rate limit exceeded for user ID 1."})),
        ),
        Trouble::OutageOfProfile => Some(HttpResponse::BadGateway().body("<html>Unicorn!</html>")),
        _ => None,
    }
}

async fn user(stand_in: web::Data<StandIn>, request: HttpRequest) -> HttpResponse {
    if let Some(answer) = refused(&stand_in) {
        return answer;
    }
    match stand_in.whose(&request) {
        // The address here is what the user shows everybody, verified or not.
        Some(person) => HttpResponse::Ok().json(json!({
            "login": "octocat",
            "id": person.subject.parse::<i64>().unwrap_or_default(),
            "avatar_url": "https://avatars.example/u/1",
            "name": person.name,
            "email": "public@example.net",
        })),
        None => HttpResponse::Unauthorized().json(json!({"message": "Bad credentials"})),
    }
}

async fn emails(stand_in: web::Data<StandIn>, request: HttpRequest) -> HttpResponse {
    let Some(person) = stand_in.whose(&request) else {
        return HttpResponse::Unauthorized().json(json!({"message": "Bad credentials"}));
    };
    // Without the scope there is no such address.
    let Some(email) = person.email else {
        return HttpResponse::NotFound().json(json!({"message": "Not Found"}));
    };
    HttpResponse::Ok().json(json!([
        {"email": "other@example.net", "primary": false, "verified": true, "visibility": null},
        {"email": email, "primary": true, "verified": person.email_verified, "visibility": "public"},
    ]))
}
