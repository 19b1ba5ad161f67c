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
    visit::{Arrival, Visit, confine},
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
    let page = match route.run {
        Run::Open(page) => return page(&arrival).await,
        Run::Read(page) | Run::Change(page) => page,
    };
    match admit(route, arrival).await? {
        Admission::Visit(visit) => page(&visit).await,
        Admission::Turned(response) => Ok(response),
    }
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
    }
    Ok(Admission::Visit(Box::new(visit)))
}

/// Signs in again first. What was typed is kept for the form, which shows it afterwards; nothing is done by itself.
async fn again(visit: &Visit<'_>, reauth: i64) -> Result<HttpResponse, Failure> {
    let secret = |name: &str| name == "csrf" || name.starts_with("password");
    let typed = visit.form.pairs().filter(|(name, _)| !secret(name));
    let typed = typed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let page = visit.arrival.path();
    let draft = Draft {
        page: page.to_owned(),
        form: Params::from_pairs(typed).encoded(),
    };
    let store = &visit.ui().store;
    store.keep_draft(&visit.session.id, &draft).await?;
    Ok(begin(&visit.arrival, page, Wanted::Recent(reauth)))
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
