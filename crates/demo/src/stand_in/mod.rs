//! Stand-ins for Kakao, Naver, GitHub and Apple, as their documents describe what goes over the wire: for tests, and for a
//! first look without an account there. Nobody signs in at them for real: a page asks what the provider shall do.

mod apple;
mod github;
mod kakao;
mod naver;
mod person;

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use latchkey_jose::SigningKey;
use latchkey_protocol::{Clock, Entropy, Secret, kind, uri};
use serde_json::{Value, json};

pub use person::{Person, Trouble};

/// What `client_id` has to be there.
pub const CLIENT_ID: &str = "stand-in";
/// What `client_secret` has to be there; Apple's is signed.
pub const CLIENT_SECRET: &str = "stand-in-secret";
/// Apple's team and key.
pub const TEAM_ID: &str = "TEAM567890";
/// The id of the key that [`StandIn::apple_key`] is.
pub const KEY_ID: &str = "KEY4567890";

/// All of them, at one address.
pub struct StandIn {
    /// Where it listens, without a path.
    pub address: String,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    key: SigningKey,
    apple_key: SigningKey,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    person: Person,
    trouble: Trouble,
    /// What each code was given for.
    codes: HashMap<String, Given>,
    tokens: HashMap<String, Person>,
    /// Who has signed in at Apple before.
    met: Vec<String>,
}

/// What a code was given for.
#[derive(Clone)]
struct Given {
    redirect_uri: String,
    nonce: Option<String>,
    challenge: Option<String>,
    person: Person,
}

fn routes(config: &mut web::ServiceConfig) {
    for provider in [kakao::routes, naver::routes, github::routes, apple::routes] {
        provider(config);
    }
}

impl StandIn {
    /// Listens, and answers until the system ends. It signs with the first key (RS256); with the second one (ES256) its owner
    /// signs secrets for Apple.
    ///
    /// # Errors
    /// When nothing can listen there.
    pub fn start(
        listener: TcpListener,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        (key, apple_key): (SigningKey, SigningKey),
    ) -> anyhow::Result<Arc<Self>> {
        let stand_in = Arc::new(Self {
            address: format!("http://{}", listener.local_addr()?),
            clock,
            entropy,
            key,
            apple_key,
            state: Mutex::default(),
        });
        let data = web::Data::from(stand_in.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(routes));
        let server = server.workers(1).disable_signals().listen(listener)?.run();
        actix_web::rt::spawn(server);
        Ok(stand_in)
    }

    /// The private key that Apple would give the client's owner, as PEM.
    pub fn apple_key(&self) -> &str {
        self.apple_key.pem()
    }

    /// Who signs in from now on.
    pub fn is_used_by(&self, person: Person) {
        self.state().person = person;
    }

    /// What goes wrong from now on.
    pub fn has(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> Trouble {
        self.state().trouble
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn secret(&self) -> String {
        Secret::<kind::AuthorizationCode>::generate(&*self.entropy).expose()[8..].to_owned()
    }

    /// A code for what was asked.
    fn gives(&self, asked: &HashMap<String, String>) -> String {
        let code = self.secret();
        let mut state = self.state();
        let given = Given {
            redirect_uri: asked.get("redirect_uri").cloned().unwrap_or_default(),
            nonce: asked.get("nonce").cloned(),
            challenge: asked.get("code_challenge").cloned(),
            person: state.person.clone(),
        };
        state.codes.insert(code.clone(), given);
        code
    }

    /// What a code was given for, once, to the same address and, where `proven`, with its verifier.
    fn takes(&self, form: &HashMap<String, String>, proven: bool) -> Option<Given> {
        let code = form.get("code")?;
        let mut state = self.state();
        if state.trouble == Trouble::ExpiredCode {
            return None;
        }
        let given = state.codes.remove(code)?;
        let verifier = form
            .get("code_verifier")
            .map(String::as_str)
            .unwrap_or_default();
        let fits = |challenge: &String| latchkey_protocol::pkce::challenge(verifier) == *challenge;
        let is_proven = !proven || given.challenge.as_ref().is_none_or(fits);
        let same = form.get("redirect_uri") == Some(&given.redirect_uri);
        (is_proven && same).then_some(given)
    }

    /// An access token of somebody.
    fn token(&self, person: &Person) -> String {
        let token = self.secret();
        self.state().tokens.insert(token.clone(), person.clone());
        token
    }

    /// Whose the access token of a request is.
    fn whose(&self, request: &HttpRequest) -> Option<Person> {
        let header = request.headers().get("authorization")?.to_str().ok()?;
        let token = header.strip_prefix("Bearer ")?;
        self.state().tokens.get(token).cloned()
    }

    /// The claims that every ID token has.
    fn claims(&self, issuer: &str, given: &Given) -> Value {
        let now = self.clock.now().as_seconds();
        let mut claims = json!({
            "iss": issuer, "aud": CLIENT_ID, "sub": given.person.subject, "iat": now, "exp": now + 600, "auth_time": now,
        });
        if let Some(nonce) = &given.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        claims
    }

    fn sign(&self, claims: &Value) -> Option<String> {
        latchkey_jose::Signer::new(&self.key)
            .ok()?
            .sign("JWT", claims)
            .ok()
    }
}

/// Back to the client.
fn redirect(to: &str, pairs: &[(&str, &str)]) -> HttpResponse {
    HttpResponse::Found()
        .insert_header(("location", uri::with_query(to, pairs)))
        .finish()
}

fn found<'a>(asked: &'a HashMap<String, String>, name: &str) -> &'a str {
    asked.get(name).map(String::as_str).unwrap_or_default()
}

/// The page of each: who would sign in here, and a link for yes and for no. A test goes where they lead.
fn page(request: &HttpRequest, provider: &str, person: &Person) -> HttpResponse {
    let html = format!(
        "<!doctype html><meta charset=utf-8><title>{provider} (stand-in)</title><h1>{provider} (stand-in)</h1>\
         <p>{}</p><p><a id=allow href=\"?{query}&amp;choice=allow\">Sign in</a> <a id=cancel href=\"?{query}&amp;choice=cancel\">Cancel</a>",
        escaped(person.name.as_deref().unwrap_or(&person.subject)),
        query = escaped(request.query_string()),
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(html)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}

/// What a broken or crowded provider answers to anything.
fn in_trouble(trouble: Trouble) -> Option<HttpResponse> {
    match trouble {
        Trouble::Outage => Some(HttpResponse::ServiceUnavailable().body("upstream connect error")),
        Trouble::Malformed => Some(
            HttpResponse::Ok()
                .content_type("application/json")
                .body("{\"access_token\": \"abc"),
        ),
        _ => None,
    }
}
