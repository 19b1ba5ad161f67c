//! Kakao Login: OpenID Connect, with errors of its own (developers.kakao.com, Kakao Login, REST API).

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{CLIENT_ID, CLIENT_SECRET, StandIn, Trouble, found, in_trouble, page, redirect};

type Asked = web::Query<HashMap<String, String>>;
type Form = web::Form<HashMap<String, String>>;

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route(
            "/kakao/.well-known/openid-configuration",
            web::get().to(document),
        )
        .route("/kakao/.well-known/jwks.json", web::get().to(keys))
        .route("/kakao/oauth/authorize", web::get().to(authorize))
        .route("/kakao/oauth/token", web::post().to(token))
        .route("/kakao/v1/oidc/userinfo", web::get().to(userinfo))
        .route("/kakao/v2/user/me", web::get().to(me));
}

async fn document(stand_in: web::Data<StandIn>) -> HttpResponse {
    let at = |path: &str| stand_in.at(&format!("/kakao{path}"));
    HttpResponse::Ok().json(json!({
        "issuer": at(""),
        "authorization_endpoint": at("/oauth/authorize"),
        "token_endpoint": at("/oauth/token"),
        "userinfo_endpoint": at("/v1/oidc/userinfo"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "request_uri_parameter_supported": false,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["iss", "aud", "sub", "auth_time", "exp", "iat", "nonce", "nickname", "picture", "email"],
    }))
}

async fn keys(stand_in: web::Data<StandIn>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"keys": [stand_in.key.public()]}))
}

async fn authorize(
    stand_in: web::Data<StandIn>,
    request: HttpRequest,
    asked: Asked,
) -> HttpResponse {
    if found(&asked, "client_id") != CLIENT_ID {
        return HttpResponse::BadRequest().body("앱 관리자 설정 오류 (KOE101)");
    }
    let (to, state) = (found(&asked, "redirect_uri"), found(&asked, "state"));
    match found(&asked, "choice") {
        "allow" => redirect(to, &[("code", &stand_in.gives(&asked)), ("state", state)]),
        "cancel" => redirect(
            to,
            &[
                ("error", "access_denied"),
                ("error_description", "User denied access"),
                ("state", state),
            ],
        ),
        _ => page(&request, "Kakao", &stand_in.state().person),
    }
}

async fn token(stand_in: web::Data<StandIn>, form: Form) -> HttpResponse {
    if let Some(answer) = in_trouble(stand_in.trouble()) {
        return answer;
    }
    let refused = |error: &str, description: &str, code: &str| json!({"error": error, "error_description": description, "error_code": code});
    if found(&form, "client_id") != CLIENT_ID || found(&form, "client_secret") != CLIENT_SECRET {
        let answer = refused("invalid_client", "Bad client credentials", "KOE010");
        return HttpResponse::Unauthorized().json(answer);
    }
    let Some(given) = stand_in.takes(&form, true) else {
        let said = format!(
            "authorization code not found for code={}",
            found(&form, "code")
        );
        return HttpResponse::BadRequest().json(refused("invalid_grant", &said, "KOE320"));
    };
    let mut claims = stand_in.claims(&stand_in.at("/kakao"), &given);
    if let Some(name) = &given.person.name {
        claims["nickname"] = name.as_str().into();
    }
    if let Some(email) = &given.person.email {
        claims["email"] = email.as_str().into();
    }
    HttpResponse::Ok().json(json!({
        "token_type": "bearer",
        "access_token": stand_in.token(&given.person),
        "id_token": stand_in.sign(&claims),
        "expires_in": 21_599,
        "refresh_token": stand_in.secret(),
        "refresh_token_expires_in": 5_183_999,
        "scope": "account_email profile_image openid profile_nickname",
    }))
}

/// What every call for a profile is refused with.
fn refused(stand_in: &StandIn) -> Option<HttpResponse> {
    match stand_in.trouble() {
        Trouble::RateLimit => Some(
            HttpResponse::TooManyRequests()
                .json(json!({"msg": "API limit has been exceeded.", "code": -10})),
        ),
        Trouble::OutageOfProfile => Some(
            HttpResponse::InternalServerError()
                .json(json!({"msg": "Internal server error", "code": -1})),
        ),
        _ => None,
    }
}

fn no_token() -> HttpResponse {
    HttpResponse::Unauthorized()
        .json(json!({"msg": "this access token does not exist", "code": -401}))
}

async fn userinfo(stand_in: web::Data<StandIn>, request: HttpRequest) -> HttpResponse {
    if let Some(answer) = refused(&stand_in) {
        return answer;
    }
    let Some(person) = stand_in.whose(&request) else {
        return no_token();
    };
    let mut claims = json!({"sub": person.subject});
    if let Some(name) = person.name {
        claims["nickname"] = name.into();
    }
    if let Some(email) = person.email {
        claims["email"] = email.into();
        claims["email_verified"] = person.email_verified.into();
    }
    HttpResponse::Ok().json(claims)
}

/// The profile as apps without OpenID Connect get it.
async fn me(stand_in: web::Data<StandIn>, request: HttpRequest) -> HttpResponse {
    if let Some(answer) = refused(&stand_in) {
        return answer;
    }
    let Some(person) = stand_in.whose(&request) else {
        return no_token();
    };
    let mut account = json!({
        "profile_nickname_needs_agreement": person.name.is_none(),
        "profile": {"nickname": person.name},
        "has_email": true,
        "email_needs_agreement": person.email.is_none(),
    });
    if let Some(email) = person.email {
        account["is_email_valid"] = true.into();
        account["is_email_verified"] = person.email_verified.into();
        account["email"] = email.into();
    }
    HttpResponse::Ok().json(json!({
        "id": person.subject.parse::<i64>().unwrap_or_default(),
        "connected_at": "2022-04-11T01:45:28Z",
        "kakao_account": account,
    }))
}
