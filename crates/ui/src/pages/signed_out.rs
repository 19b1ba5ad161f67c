//! What is seen after a sign-out, and the frames on it by which apps hear of that (OpenID Connect Front-Channel Logout 1.0).

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use latchkey_protocol::{
    Params, SessionId, StoreError,
    front_channel::{frame_sources, frames},
    paths,
};

use crate::{
    answer::{or_page, see_other},
    browser::session_unused,
    call::Call,
    failure::Failure,
    render::{render, render_framing, words},
    state::Ui,
    words::Words,
};

#[derive(Template)]
#[template(path = "signed-out.html")]
struct SignedOutPage<'a> {
    words: Words,
    base: &'a str,
    /// The reference of what was wrong with the request.
    refused: Option<&'a str>,
    frames: &'a [Framed<'a>],
    /// Where the browser goes on to when they have.
    next: Option<&'a str>,
}

/// A frame: the client's address, and what it shows first.
struct Framed<'a> {
    to: &'a str,
    first: String,
}

/// What a frame shows first. Without scripts it leads on to the client after a second, when the other frames have shown theirs too: a frame
/// that had the client's address before would keep the page from being loaded until the client answers, and a page goes on by itself, without
/// scripts, only once it is loaded. With scripts the page sends each frame on at once.
#[derive(Template)]
#[template(path = "onward-frame.html")]
struct OnwardFrame<'a> {
    to: &'a str,
}

/// The frames that show the end of a session to the clients that are noted in it. To be asked for before it ends.
///
/// # Errors
/// When storage fails.
pub async fn frames_of(
    ui: &Ui,
    call: Call<'_>,
    session: &SessionId,
) -> Result<Vec<String>, StoreError> {
    let mut clients = Vec::new();
    for id in ui.store.session_clients(session).await? {
        clients.extend(ui.store.client(&id).await?);
    }
    let clients = clients.iter().map(|client| &**client);
    Ok(frames(&call.realm.issuer, session, clients))
}

/// Where a browser goes after a sign-out.
#[derive(Debug, Clone, Copy)]
pub struct Farewell<'a> {
    /// The client's own address, proven and with its `state`; none: our page.
    pub to: Option<&'a str>,
    /// The reference of what was wrong with the request.
    pub refused: Option<&'a str>,
    /// The languages that the client asks for, best first.
    pub ui_locales: Option<&'a str>,
}

/// The answer to a sign-out that was carried out: on at once, or, where there are `frames`, by a page that shows them first.
pub fn farewell(ui: &Ui, call: Call<'_>, frames: &[String], way: Farewell<'_>) -> HttpResponse {
    if frames.is_empty() {
        return match (way.to, way.refused) {
            (Some(to), _) => see_other(to),
            (None, refused) => see_other(&at(call, refused)),
        };
    }
    let first: Vec<_> = frames
        .iter()
        .map(|to| Framed {
            to,
            first: OnwardFrame { to }.to_string(),
        })
        .collect();
    let page = SignedOutPage {
        words: words(call.request, way.ui_locales),
        base: ui.realm(call.request).issuer.base(),
        refused: way.refused,
        frames: &first,
        next: way.to,
    };
    render_framing(&page, &frame_sources(frames))
}

/// The address of our own page.
fn at(call: Call<'_>, refused: Option<&str>) -> String {
    let pair = refused.map(|reference| ("refused", reference));
    latchkey_protocol::uri::with_query(&call.realm.at(paths::SIGNED_OUT), pair.as_slice())
}

pub async fn done(ui: web::Data<Ui>, request: HttpRequest) -> HttpResponse {
    let here = session_unused(&ui, ui.call(&request)).await;
    let answered = here.map(|here| match here {
        None => signed_out(&ui, &request),
        // Anyone can lead a browser here: whoever is told so is signed out.
        Some(_) => see_other(&format!("{}/", ui.realm(&request).issuer.base())),
    });
    or_page(&ui, &request, answered.map_err(Failure::from))
}

fn signed_out(ui: &Ui, request: &HttpRequest) -> HttpResponse {
    let params = Params::parse(request.query_string().as_bytes());
    let words = words(request, params.optional("ui_locales"));
    // Anyone can write an address: nothing but what a reference looks like gets onto the page.
    let is_reference =
        |text: &&str| text.len() == 8 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let page = SignedOutPage {
        words,
        base: ui.realm(request).issuer.base(),
        refused: params.optional("refused").filter(is_reference),
        frames: &[],
        next: None,
    };
    render(&page, StatusCode::OK, false)
}
