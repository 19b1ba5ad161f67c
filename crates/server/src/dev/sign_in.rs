//! Signs a user in without a browser, as far as the redirect with a code: for tests of an app.

use std::net::Ipv4Addr;

use actix_web::{
    App, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    http::header,
    test::{TestRequest, init_service, read_body, try_call_service},
};
use latchkey_protocol::{
    Clock, Digest, Secret, SessionId, Store, Timestamp,
    authorize::{Step, next_step},
    device::Device,
    kind,
    names::Login,
    paths,
    secret::new_id,
    session::{Cookie, Session, cookie_name},
    user::User,
};
use latchkey_ui::{
    browser::session_secret,
    cookies::{add_cookie, cookie},
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    door::{Problem, answer},
    routes::Controls,
};
use crate::{
    serve::configure,
    wiring::{OsEntropy, SystemClock},
};

/// How many pages a request may lead to: sign-in, consent, and each once more.
const PAGES: usize = 5;

/// Who is signed in, and what for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// User name or email address.
    username: String,
    /// As "keep me signed in".
    #[serde(default)]
    remember: bool,
    /// The address that an app sends the browser to: it is answered as if the user had allowed it.
    #[serde(default)]
    authorization_request: Option<String>,
}

/// A browser with a user before it.
struct Visitor<'a> {
    controls: &'a Controls,
    user: User,
    now: Timestamp,
    session: Session,
    secret: Secret<kind::Session>,
    /// The cookie of the browser itself, once it has one.
    browser: Option<String>,
}

/// Begins a session, and answers an authorization request in it. A caller who has the cookie of a session of this user goes on
/// in it.
///
/// # Errors
/// 400 with what cannot be done.
pub async fn sign_in(
    controls: &Controls,
    request: &HttpRequest,
    asked: Asked,
) -> Result<HttpResponse, Problem> {
    let path = asked.authorization_request.as_deref();
    let path = path.map(|address| path_of(controls, address)).transpose()?;
    let replaces = session_secret(&controls.app.ui, request).map(|secret| secret.digest());
    let mut visitor = Visitor::sign_in(controls, request, &asked, replaces.as_ref()).await?;
    let redirect_to = match path {
        Some(path) => Some(visitor.authorize(path).await?),
        None => None,
    };
    Ok(visitor.answer(redirect_to))
}

/// The path and query of an authorization request to this issuer.
fn path_of(controls: &Controls, address: &str) -> Result<String, Problem> {
    let endpoint = controls.issuer().at(paths::AUTHORIZE);
    let here = address
        .strip_prefix(&endpoint)
        .is_some_and(|rest| rest.starts_with('?'));
    let url = Url::parse(address).ok().filter(|_| here);
    let url = url.ok_or_else(|| {
        Problem::request(format!(
            "authorization_request is the address that the app sends the browser to, and begins with {endpoint}?"
        ))
    })?;
    Ok(format!(
        "{}?{}",
        url.path(),
        url.query().unwrap_or_default()
    ))
}

impl<'a> Visitor<'a> {
    async fn sign_in(
        controls: &'a Controls,
        request: &HttpRequest,
        asked: &Asked,
        replaces: Option<&Digest<kind::Session>>,
    ) -> Result<Self, Problem> {
        let (ui, name) = (&controls.app.ui, &asked.username);
        let found = ui.store.user_by_login(&Login::new(name)).await?;
        let user =
            found.ok_or_else(|| Problem::request(format!("there is nobody called {name}")))?;
        let (now, secret) = (ui.now(), Secret::<kind::Session>::generate(&OsEntropy));
        let (id, owner) = (SessionId::new(new_id(now, &OsEntropy)), user.id.clone());
        let lifetimes = &ui.only_realm.lifetimes;
        let digest = secret.digest();
        let mut visitor = Self {
            controls,
            user,
            now,
            session: Session::begin(id, digest, owner, asked.remember, lifetimes, now),
            secret,
            browser: None,
        };
        visitor.session.address = request.peer_addr().map(|peer| peer.ip());
        visitor.session.device = device(request);
        visitor.begin(replaces, None).await?;
        Ok(visitor)
    }

    fn store(&self) -> &'a dyn Store {
        &*self.controls.app.ui.store
    }

    /// Stores the session, for an interaction if there is one.
    async fn begin(
        &mut self,
        replaces: Option<&Digest<kind::Session>>,
        interaction: Option<&Digest<kind::Interaction>>,
    ) -> Result<(), Problem> {
        let name = &self.user.username;
        let Some(hash) = &self.user.password_hash else {
            return Err(Problem::request(format!(
                "{name} has no password, and cannot sign in; give one in the seed"
            )));
        };
        let begun = self
            .store()
            .sign_in(&self.session, hash, replaces, interaction)
            .await?;
        let refused = || Problem::request(format!("{name} is disabled, or was changed just now"));
        self.session.id = begun.ok_or_else(refused)?.session_id;
        Ok(())
    }

    /// Proves who they are once more, in the same session, which gets another secret.
    async fn sign_in_again(
        &mut self,
        interaction: &Digest<kind::Interaction>,
    ) -> Result<(), Problem> {
        let before = self.session.digest.clone();
        self.secret = Secret::generate(&OsEntropy);
        self.session.digest = self.secret.digest();
        self.begin(Some(&before), Some(interaction)).await
    }

    /// Goes where a browser would be led, until it is led to the app.
    async fn authorize(&mut self, mut path: String) -> Result<String, Problem> {
        let routes = configure(self.controls.app.clone());
        let service = init_service(App::new().configure(routes)).await;
        for _ in 0..PAGES {
            let response = try_call_service(&service, self.request(&path)).await;
            let response = response.map_err(Problem::fault)?;
            self.keep_browser(&response);
            let location = response.headers().get(header::LOCATION);
            let Some(to) = location.and_then(|to| to.to_str().ok()).map(str::to_owned) else {
                return Err(refused(response).await);
            };
            let Some(interaction) = self.visit(&to).await? else {
                return Ok(to);
            };
            let base = self.controls.issuer().base();
            path = format!("{base}{}", paths::resume(&interaction));
        }
        let why = "the request leads from page to page, and to no app";
        Err(Problem::request(why))
    }

    /// Does what is done on a page of the provider, and says for which interaction; none: it is another's page.
    async fn visit(&mut self, to: &str) -> Result<Option<String>, Problem> {
        let path = to.strip_prefix(self.controls.issuer().as_str());
        let Some((page, secret)) = path.and_then(|path| path.rsplit_once('/')) else {
            return Ok(None);
        };
        match page {
            paths::LOGIN => self.sign_in_again(&digest(secret)?).await?,
            paths::CONSENT => self.allow(&digest(secret)?).await?,
            paths::NO_ACCESS => {
                let name = &self.user.username;
                let why = format!("the client is not for {name}: see its member access");
                return Err(Problem::request(why));
            }
            _ => return Ok(None),
        }
        Ok(Some(secret.to_owned()))
    }

    fn request(&self, path: &str) -> actix_http::Request {
        let secure = self.controls.issuer().is_https();
        let session = (cookie_name(secure, Cookie::Session), self.secret.expose());
        let browser = self
            .browser
            .as_deref()
            .map(|value| (cookie_name(secure, Cookie::Browser), value));
        let cookies = [Some(session), browser].into_iter().flatten();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        TestRequest::get()
            .uri(path)
            .peer_addr(
                (
                    self.session.address.unwrap_or(Ipv4Addr::LOCALHOST.into()),
                    0,
                )
                    .into(),
            )
            .insert_header((header::COOKIE, cookies.join("; ")))
            .to_request()
    }

    /// Which browser it is, as it was told.
    fn keep_browser(&mut self, response: &ServiceResponse<impl MessageBody>) {
        let name = cookie_name(self.controls.issuer().is_https(), Cookie::Browser);
        let mut cookies = response.response().cookies();
        if let Some(cookie) = cookies.find(|cookie| cookie.name() == name) {
            self.browser = Some(cookie.value().to_owned());
        }
    }

    /// Allows the client all that it asks for.
    async fn allow(&self, interaction: &Digest<kind::Interaction>) -> Result<(), Problem> {
        let gone = || Problem::request("the client was deleted meanwhile");
        let store = self.store();
        let interaction = store.interaction(interaction).await?.ok_or_else(gone)?;
        let id = &interaction.request.client_id;
        let client = store.client(id).await?.ok_or_else(gone)?;
        let before = store.consent(&self.user.id, id).await?;
        let (session, user) = (Some(&self.session), Some(&self.user));
        let before = before.as_ref();
        let step = next_step(&client, &interaction, session, user, before, self.now);
        if let Step::Consent(question) = step {
            let consent = question.allowed(self.now);
            let (digest, session) = (&interaction.digest, &self.session.id);
            store.record_consent(digest, session, &consent).await?;
        }
        Ok(())
    }

    /// The session's cookie for a browser, and as a browser's driver is given it.
    fn answer(&self, redirect_to: Option<String>) -> HttpResponse {
        let (session, secret) = (&self.session, self.secret.expose());
        let secure = self.controls.issuer().is_https();
        let lasts = session
            .remember
            .then_some(session.ends_at - session.created_at);
        let mut body = json!({
            "sub": self.user.id, "username": self.user.username, "sid": session.id, "session_ends_at": session.ends_at,
            "cookies": [self.described(lasts)],
        });
        if let Some(to) = redirect_to {
            body["redirect_to"] = to.into();
        }
        let mut response = answer(Ok(body));
        add_cookie(
            &mut response,
            &cookie(secure, Cookie::Session, secret, lasts),
        );
        response
    }

    /// The cookie in the words of browsers' drivers. Browsers do not go by the clock that a test moves.
    fn described(&self, lasts: Option<i64>) -> Value {
        let secure = self.controls.issuer().is_https();
        let expires = lasts.map_or(-1, |lasts| (SystemClock.now() + lasts).as_seconds());
        let url = Url::parse(self.controls.issuer()).ok();
        let host = url.as_ref().and_then(Url::host_str);
        json!({
            "name": cookie_name(secure, Cookie::Session), "value": self.secret.expose(), "domain": host, "path": "/",
            "expires": expires, "httpOnly": true, "secure": secure, "sameSite": "Lax",
        })
    }
}

/// Which browser it is, as it says itself.
fn device(request: &HttpRequest) -> Device {
    let agent = request.headers().get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    Device::of(agent.unwrap_or_default())
}

fn digest(secret: &str) -> Result<Digest<kind::Interaction>, Problem> {
    let secret = Secret::<kind::Interaction>::presented(secret);
    let secret = secret.ok_or_else(|| Problem::fault("an interaction without a secret"))?;
    Ok(secret.digest())
}

/// What a page says that leads nowhere.
async fn refused(response: ServiceResponse<impl MessageBody>) -> Problem {
    let status = response.status();
    let body = read_body(response).await;
    let page = String::from_utf8_lossy(&body);
    let reference = page.split("id=\"error-ref\">").nth(1);
    match reference.and_then(|rest| rest.split('<').next()) {
        Some(reference) => Problem::request(format!(
            "the request is refused; latchkey why {reference} says why"
        )),
        None if status.is_success() => Problem::request(
            "the request ends on a page, and not in a redirect; ask for it with response_mode=query",
        ),
        None => Problem::fault(format!("the request was answered with {status}")),
    }
}
