//! Who may come in, judged at every call by what the database says at that moment.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    Params, Reason,
    console::{Access, Draft, is_recent},
    user::User,
};
use latchkey_ui::{
    Ui, Words,
    answer::or_page,
    browser::session,
    csrf::is_ours,
    failure::Failure,
    render::{display_name, render},
};

use crate::{
    Console,
    mark::Mark,
    route::{Method, Needs, Route, Run},
    sign_in::{Wanted, begin},
    visit::{Arrival, DRAFT, Visit, confine},
};

/// Answers a call, once it is clear who makes it.
pub async fn answer(
    route: &Route,
    ui: &Ui,
    console: &Console,
    request: &HttpRequest,
    body: &[u8],
) -> HttpResponse {
    let arrival = Arrival {
        ui,
        console,
        call: ui.call(request),
        body,
    };
    let mut response = or_page(ui, request, run(route, arrival).await);
    confine(&mut response);
    response
}

async fn run(route: &Route, arrival: Arrival<'_>) -> Result<HttpResponse, Failure> {
    sound(&arrival)?;
    let page = match route.run {
        Run::Open(page) => return page(&arrival).await,
        Run::Read(page) | Run::Change(page) => page,
    };
    match admit(route, arrival).await? {
        Admission::Visit(visit) => page(&visit).await,
        Admission::Turned(response) => Ok(response),
    }
}

/// No part of an address has a control character, of which PostgreSQL could not even look up the first: there is no such page.
/// What the query of a page says can be read, each parameter once.
fn sound(arrival: &Arrival<'_>) -> Result<(), Failure> {
    let mut parts = arrival.call.request.match_info().iter();
    if parts.any(|(_, part)| part.chars().any(char::is_control)) {
        return Err(Reason::PageUnknown
            .because("an address without control characters", "another")
            .into());
    }
    Ok(arrival.query().sound()?)
}

enum Admission<'a> {
    Visit(Box<Visit<'a>>),
    Turned(HttpResponse),
}

/// In this order: signed in, with a role, from a form of ours, and for a change a moment ago. Nothing of it is remembered.
async fn admit<'a>(route: &Route, arrival: Arrival<'a>) -> Result<Admission<'a>, Failure> {
    let turned = |response| Ok(Admission::Turned(response));
    let here = session(arrival.ui, arrival.call)
        .await?
        .zip(Mark::of(&arrival));
    let Some(((session, user), mark)) =
        here.filter(|((session, _), mark)| mark.is_of(arrival.ui, session))
    else {
        let to = match route.method {
            Method::Get => arrival.address(),
            Method::Post => arrival.path().to_owned(),
        };
        return turned(begin(&arrival, &to, Wanted::Any));
    };
    let access = match Access::of(&user) {
        Some(access) if access == Access::Full || route.needs() != Needs::Admin => access,
        lesser => return turned(no_access(&arrival, &user, lesser)),
    };
    let mut visit = Visit {
        arrival,
        mark,
        session,
        user,
        access,
        form: Params::default(),
    };
    if route.method == Method::Post {
        visit.form = Params::parse(arrival.body);
        visit.form.sound()?;
        if !is_ours(&visit.form, &[Some(visit.token(arrival.path()))]) {
            return Err(Reason::FormForged.into());
        }
        let reauth = arrival.console.reauth;
        let is_change = route.needs() == Needs::Admin;
        if is_change && !is_recent(visit.session.auth_time, reauth, arrival.call.now) {
            return turned(again(&visit, reauth).await?);
        }
        visit.forget_draft().await?;
    }
    Ok(Admission::Visit(Box::new(visit)))
}

/// Signs in again first. What was typed is kept for the form, which shows it afterwards; nothing is done by itself.
async fn again(visit: &Visit<'_>, reauth: i64) -> Result<HttpResponse, Failure> {
    let secret = |name: &str| name == "csrf" || name.starts_with("password");
    let typed = visit.form.pairs().filter(|(name, _)| !secret(name));
    let typed: Vec<_> = typed
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let page = visit.arrival.path();
    let form = match typed.iter().any(|(_, value)| !value.is_empty()) {
        true => Params::from_pairs(typed).encoded(),
        false => String::new(),
    };
    let mut to = page.to_owned();
    if let Some(draft) = Draft::new(page, form, visit.now()) {
        let store = &visit.ui().store;
        store.keep_draft(&visit.session.id, &draft).await?;
        to = format!("{page}?{DRAFT}=1");
    }
    Ok(begin(&visit.arrival, &to, Wanted::Recent(reauth)))
}

#[derive(Template)]
#[template(path = "console/no-access.html")]
struct NoAccess<'a> {
    words: Words,
    base: &'a str,
    name: &'a str,
    /// Whether the user may look at other pages.
    may_read: bool,
    reference: String,
}

fn no_access(arrival: &Arrival<'_>, user: &User, access: Option<Access>) -> HttpResponse {
    let roles = user.roles.join(" ");
    let refusal = Reason::ConsoleRoleMissing.because("a role that may do this", roles);
    let page = NoAccess {
        words: arrival.words(),
        base: arrival.base(),
        name: display_name(user),
        may_read: access.is_some(),
        reference: arrival.ui.note(arrival.call.request, &refusal),
    };
    render(&page, StatusCode::FORBIDDEN, false)
}
