//! Sign in with Apple: the client's secret is a JWT that it signs, the answer comes by a form, the name comes once
//! (developer.apple.com, Sign in with Apple REST API).

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use latchkey_jose::{Compact, Verifier};
use serde_json::{Value, json};

use super::{CLIENT_ID, KEY_ID, StandIn, TEAM_ID, escaped, found, in_trouble, page};

type Asked = web::Query<HashMap<String, String>>;
type Form = web::Form<HashMap<String, String>>;

/// The longest that a secret may count: six months, in seconds.
const LONGEST: i64 = 15_777_000;

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route(
            "/apple/.well-known/openid-configuration",
            web::get().to(document),
        )
        .route("/apple/auth/keys", web::get().to(keys))
        .route("/apple/auth/authorize", web::get().to(authorize))
        .route("/apple/auth/token", web::post().to(token));
}

async fn document(stand_in: web::Data<StandIn>) -> HttpResponse {
    let at = |path: &str| stand_in.at(&format!("/apple{path}"));
    HttpResponse::Ok().json(json!({
        "issuer": at(""),
        "authorization_endpoint": at("/auth/authorize"),
        "token_endpoint": at("/auth/token"),
        "jwks_uri": at("/auth/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "name"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
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
    if found(&asked, "response_mode") != "form_post" {
        return HttpResponse::BadRequest().body("invalid_request: Invalid response mode.");
    }
    let (to, state) = (found(&asked, "redirect_uri"), found(&asked, "state"));
    match found(&asked, "choice") {
        "allow" => {
            let code = stand_in.gives(&asked);
            let user = stand_in.introduces();
            let mut pairs = vec![("state", state), ("code", &code)];
            pairs.extend(user.as_deref().map(|user| ("user", user)));
            form(to, &pairs)
        }
        "cancel" => form(
            to,
            &[("state", state), ("error", "user_cancelled_authorize")],
        ),
        _ => page(&request, "Apple", &stand_in.state().person),
    }
}

impl StandIn {
    /// What Apple says of a user the first time, and never again.
    fn introduces(&self) -> Option<String> {
        let mut state = self.state();
        let person = state.person.clone();
        if state.met.contains(&person.subject) {
            return None;
        }
        state.met.push(person.subject);
        let name = json!({"firstName": person.name, "lastName": "Kim"});
        Some(json!({"name": name, "email": person.email}).to_string())
    }

    /// Whether a client's secret is one that its owner's key signed.
    fn is_secret(&self, secret: &str) -> bool {
        let verified = || {
            let token = Compact::parse(secret).ok()?;
            Verifier::new(self.apple_key.public())
                .ok()?
                .verify(&token)
                .ok()?;
            let claims: Value = token.unverified_claims().ok()?;
            Some((token.unverified_header.kid?, claims))
        };
        let Some((kid, claims)) = verified() else {
            return false;
        };
        let now = self.clock.now().as_seconds();
        let lives = claims["exp"]
            .as_i64()
            .is_some_and(|exp| (now..now + LONGEST).contains(&exp));
        let about = (claims["iss"] == TEAM_ID) && (claims["sub"] == CLIENT_ID);
        kid == KEY_ID && about && claims["aud"] == self.at("/apple").as_str() && lives
    }
}

/// A page that posts by itself.
fn form(to: &str, pairs: &[(&str, &str)]) -> HttpResponse {
    let field = |(name, value): &(&str, &str)| {
        format!(
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escaped(value)
        )
    };
    let fields: String = pairs.iter().map(field).collect();
    let html = format!(
        "<!doctype html><meta charset=utf-8><body onload=\"document.forms[0].submit()\"><form method=\"post\" action=\"{}\">{fields}<button>Continue</button></form>",
        escaped(to)
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(html)
}

async fn token(stand_in: web::Data<StandIn>, form: Form) -> HttpResponse {
    if let Some(answer) = in_trouble(stand_in.trouble()) {
        return answer;
    }
    if found(&form, "client_id") != CLIENT_ID || !stand_in.is_secret(found(&form, "client_secret"))
    {
        return HttpResponse::BadRequest().json(json!({"error": "invalid_client"}));
    }
    let Some(given) = stand_in.takes(&form, false) else {
        let said = "The code has expired or has been revoked.";
        return HttpResponse::BadRequest()
            .json(json!({"error": "invalid_grant", "error_description": said}));
    };
    let mut claims = stand_in.claims(&stand_in.at("/apple"), &given);
    if let Some(email) = &given.person.email {
        claims["email"] = email.as_str().into();
        // Texts, as they have come for years.
        claims["email_verified"] = given.person.email_verified.to_string().into();
        claims["is_private_email"] = "false".into();
    }
    claims["nonce_supported"] = true.into();
    HttpResponse::Ok().json(json!({
        "access_token": stand_in.token(&given.person),
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": stand_in.secret(),
        "id_token": stand_in.sign(&claims),
    }))
}
