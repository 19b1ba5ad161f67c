//! The console: who gets in, at each call; what a change needs; and what its pages do.

mod addresses;
mod attacks;
mod bulk_ends;
mod calls;
mod client;
mod client_form;
mod client_lists;
mod client_sessions;
mod clients;
mod deliveries;
mod drafts;
mod guard;
mod korean;
mod overtaken;
mod overview;
mod records;
mod refusals;
mod secret_since;
mod setup;
mod user_lists;
mod user_page;
mod users;

use latchkey_protocol::{profile::ProfileChange, store::LastAdministrator};
use latchkey_server::wiring::OsEntropy;

use crate::support::*;

/// These roles and no others, from now on.
pub async fn give(h: &Harness, user: &str, roles: &[&str]) {
    let change = ProfileChange {
        roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
        ..ProfileChange::default()
    };
    let (operations, last) = (operations(&*h.store, &OsEntropy), LastAdministrator::MayGo);
    operations.update_user(user, &change, last).await.unwrap();
}

/// Opens a page of the console, by a sign-in where one is asked for.
pub async fn open(h: &Harness, browser: &Browser, path: &str) -> Answer {
    let first = browser.get(&h.at(path)).await;
    sign_in(browser, first).await
}

/// Follows until a page is shown, and fills the login page in.
pub async fn sign_in(browser: &Browser, first: Answer) -> Answer {
    if first.status != 303 {
        return first;
    }
    let (at, page) = browser.page(first).await;
    if !at.contains("/login/") {
        return page;
    }
    let signed_in = browser.login(&at, &page.text).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text);
    browser.page(signed_in).await.1
}

/// A browser of alice, who is an administrator.
pub async fn administrator(h: &Harness) -> Browser {
    give(h, "alice", &["admin"]).await;
    let browser = h.browser();
    assert_eq!(open(h, &browser, "/admin").await.status, 200);
    browser
}

/// The anti-forgery token of the page's own form, which comes last.
pub fn token(page: &str) -> String {
    let (_, after) = page.rsplit_once("name=\"csrf\" value=\"").unwrap();
    after.split('"').next().unwrap().to_owned()
}

/// Sends a form to the page that shows it.
pub async fn send(h: &Harness, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let page = open(h, browser, path).await;
    assert_eq!(page.status, 200, "{path} {}", page.text);
    let csrf = token(&page.text);
    let form = [&[("csrf", csrf.as_str())], fields].concat();
    browser.submit(&h.at(path), &form).await
}

pub async fn bob(h: &Harness) -> latchkey_protocol::user::User {
    h.store.user_by_name("bob").await.unwrap().unwrap()
}
