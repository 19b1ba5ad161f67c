//! Signing in to the console: by the authorize endpoint, as at any client, with the code exchanged in here. No token
//! reaches the browser.

use std::sync::Arc;

use actix_web::HttpResponse;
use latchkey_protocol::{
    Params, Reason, Secret,
    authorization::Context,
    error::Refusal,
    kind,
    paths::{AUTHORIZE, CONSOLE, CONSOLE_CALLBACK},
    pkce,
    secret::{new_id, same},
    session::Session,
    token::{Denial, redeem},
    uri,
};
use latchkey_ui::{
    Farewell,
    answer::see_other,
    browser::{self, Browser, session_secret},
    failure::Failure,
    farewell, frames_of,
};

use crate::{
    layout::Section,
    mark::Mark,
    pages::confirm::{self, Question},
    visit::{Arrival, Visit},
};

/// The longest address that a sign-in returns to, in bytes; of a longer one it returns to the beginning.
const LONGEST: usize = 1000;

/// Which sign-in is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Any that lives.
    Any,
    /// At most so many seconds old.
    Recent(i64),
    /// A new one, perhaps of somebody else.
    New,
}

/// Sends the browser to the authorize endpoint, and from there back to `to`, a path of the console.
pub fn begin(arrival: &Arrival<'_>, to: &str, wanted: Wanted) -> HttpResponse {
    let (ui, realm) = (arrival.ui, arrival.call.realm);
    let to = if to.len() > LONGEST { CONSOLE } else { to };
    // The same secret for all tabs: each of them can be finished.
    let mark = Mark::of(arrival).unwrap_or_else(|| Mark::new(ui));
    let nonce = new_id(arrival.call.now, &*ui.entropy);
    let state = format!("{nonce}.{}.{to}", seal(arrival, &mark, &nonce, to));
    let challenge = pkce::challenge(&verifier(arrival, &mark, &nonce));
    let callback = realm.at(CONSOLE_CALLBACK);
    let age = match wanted {
        Wanted::Recent(seconds) => Some(seconds.to_string()),
        Wanted::Any | Wanted::New => None,
    };
    let mut asked = vec![
        ("client_id", realm.console.id.as_str()),
        ("redirect_uri", &callback),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    asked.extend(age.as_deref().map(|age| ("max_age", age)));
    if wanted == Wanted::New {
        asked.push(("prompt", "login"));
    }
    let mut response = see_other(&uri::with_query(&realm.at(AUTHORIZE), &asked));
    mark.set(arrival, &mut response);
    response
}

/// Binds the state of a sign-in to the browser that began it, and to where that comes back to.
fn seal(arrival: &Arrival<'_>, mark: &Mark, nonce: &str, to: &str) -> String {
    let parts = ["console state", mark.secret.expose(), nonce, to];
    arrival.ui.form_pepper.text(&parts)
}

/// RFC 7636 4.1; nobody but the server can make it, and nothing keeps it.
fn verifier(arrival: &Arrival<'_>, mark: &Mark, nonce: &str) -> String {
    let parts = ["console verifier", mark.secret.expose(), nonce];
    arrival.ui.form_pepper.text(&parts)
}

/// `GET /admin/sign-in`: as somebody else, or once more.
pub async fn anew(arrival: &Arrival<'_>) -> Result<HttpResponse, Failure> {
    Ok(begin(arrival, CONSOLE, Wanted::New))
}

/// `GET /admin/callback`: the answer of the authorize endpoint (RFC 6749 4.1.2).
pub async fn callback(arrival: &Arrival<'_>) -> Result<HttpResponse, Failure> {
    let params = arrival.query();
    params.sound()?;
    let foreign = |what: &str| Reason::ConsoleSignInForeign.because("as it was begun here", what);
    let mark = Mark::of(arrival).ok_or_else(|| foreign("no cookie"))?;
    let state = params.optional("state").unwrap_or_default();
    let begun = begun(arrival, &mark, state).ok_or_else(|| foreign("another state"))?;
    let code = params.optional("code").ok_or_else(|| refused(&params))?;
    let context = exchange(arrival, code, &verifier(arrival, &mark, begun.nonce)).await?;
    let session = own_session(arrival, &context).ok_or_else(|| foreign("another session"))?;
    let mut response = arrival.go(begun.to);
    mark.signed_in(arrival.ui, session)
        .set(arrival, &mut response);
    Ok(response)
}

struct Begun<'a> {
    nonce: &'a str,
    to: &'a str,
}

fn begun<'a>(arrival: &Arrival<'_>, mark: &Mark, state: &'a str) -> Option<Begun<'a>> {
    let mut parts = state.splitn(3, '.');
    let (nonce, sealed, to) = (parts.next()?, parts.next()?, parts.next()?);
    same(sealed, &seal(arrival, mark, nonce, to)).then_some(Begun { nonce, to })
}

fn refused(params: &Params) -> Refusal {
    let said = params.optional("error").unwrap_or("neither code nor error");
    Reason::ConsoleSignInRefused.because("a code", said)
}

/// What the token endpoint does for a client, by the same rule and the same verb.
async fn exchange(
    arrival: &Arrival<'_>,
    code: &str,
    verifier: &str,
) -> Result<Arc<Context>, Failure> {
    let (ui, call) = (arrival.ui, arrival.call);
    let unknown = || Reason::CodeUnknown.because("a code issued here", "another");
    let code = Secret::<kind::AuthorizationCode>::presented(code).ok_or_else(unknown)?;
    let found = ui.store.authorization_by_code(&code.digest()).await?;
    let context = found.ok_or_else(unknown)?;
    let sent = [
        ("redirect_uri", call.realm.at(CONSOLE_CALLBACK)),
        ("code_verifier", verifier.to_owned()),
    ];
    let params = Params::from_pairs(sent.map(|(name, value)| (name.to_owned(), value)));
    let client = &call.realm.console;
    if let Err(denied) = redeem(&context, client, &params, call.now) {
        return Err(deny(arrival, denied, &context).await?);
    }
    let id = &context.authorization.id;
    // It gives no access token.
    let entries = context.authorization.live_entries.unchanged();
    let kept_until = context.kept_until(None, &call.realm.lifetimes, call.now);
    if !ui
        .store
        .exchange_code(id, call.now, None, kept_until, &entries)
        .await?
    {
        let refused = Reason::CodeReplayed.because("its first use", "a use at the same moment");
        let denied = Denial {
            refused,
            revoke: true,
        };
        return Err(deny(arrival, denied, &context).await?);
    }
    Ok(Arc::new(context))
}

/// A replay ends what the first use gave.
async fn deny(
    arrival: &Arrival<'_>,
    denied: Denial,
    context: &Context,
) -> Result<Failure, Failure> {
    let authorization = &context.authorization;
    if denied.revoke {
        let (store, now) = (&arrival.ui.store, arrival.call.now);
        store.revoke_authorization(&authorization.id, now).await?;
    }
    Ok(Failure::denied(denied, authorization))
}

/// The session of the code, if it is the one that this browser has.
fn own_session<'a>(arrival: &Arrival<'_>, context: &'a Context) -> Option<&'a Session> {
    let secret = session_secret(arrival.ui, arrival.call.request)?;
    let session = context.session.as_ref()?;
    (session.digest == secret.digest()).then_some(session)
}

/// `GET /admin/sign-out`: no link alone signs anybody out.
pub async fn ask_sign_out(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    Ok(confirm::page(
        visit,
        &Question {
            title: "logout-title",
            text: "logout-text",
            whom: "",
            press: "logout-submit",
            is_dangerous: false,
            back: CONSOLE,
            command: String::new(),
            problem: None,
            section: Section::Overview,
        },
    ))
}

/// `POST /admin/sign-out`: ends the whole session, for all apps.
pub async fn sign_out(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let (ui, call) = (visit.ui(), visit.call());
    let client = Some(&*call.realm.console);
    let frames = frames_of(ui, call, &visit.session.id).await?;
    browser::end_session(ui, call, client, (&visit.session.id, &visit.user.id)).await?;
    let way = Farewell {
        to: None,
        refused: None,
        ui_locales: None,
    };
    let mut response = farewell(ui, call, &frames, way);
    browser::forget(ui, call, &Browser::of(ui, call.request), &mut response).await;
    Mark::forget(&visit.arrival, &mut response);
    Ok(response)
}
