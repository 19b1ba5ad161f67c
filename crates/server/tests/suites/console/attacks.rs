//! What attackers send to the console: forms of other sites, members that no form has, texts as SQL.

use latchkey_console::{Method, Needs, table};
use latchkey_protocol::page::Page;

use super::{guard::address, *};

/// All that forms of the console can change.
async fn everything(h: &Harness) -> String {
    let (store, first) = (&h.store, Page::first(100));
    let clients = store.clients(&Page::first(100)).await.unwrap();
    let clients: Vec<_> = clients
        .iter()
        .map(|client| (client.id.clone(), client.version, client.disabled_at))
        .collect();
    let users = store.users(&first).await.unwrap();
    let users: Vec<_> = users
        .iter()
        .map(|user| (user.username.clone(), user.version, user.disabled_at))
        .collect();
    let keys = store.signing_keys().await.unwrap();
    let ends = store.bulk_ends(START_OF_ALL).await.unwrap();
    let consents = latchkey_protocol::store::ConsentsOf::Client;
    let app = latchkey_protocol::ClientId::new("app");
    let consents = store.consents(consents(&app), None, 100).await.unwrap();
    format!("{users:?} {clients:?} {keys:?} {ends:?} {}", consents.len())
}

const START_OF_ALL: latchkey_protocol::Timestamp =
    latchkey_protocol::Timestamp::from_seconds(i64::MIN);

/// Members of every form that there is, so that each would do something with the right token.
const FIELDS: &[(&str, &str)] = &[
    ("username", "carol"),
    ("name", "Changed"),
    ("client_name", "Changed"),
    ("redirect_uris", "https://evil.example/callback"),
    ("roles", "admin"),
    ("password", "a password of the attacker"),
    ("algorithm", "ES256"),
    ("takeover", "now"),
];

/// From the route table itself, so that no form can be forgotten.
#[test]
fn no_form_of_the_console_takes_a_token_that_is_not_its_own() {
    on_both(async |h| {
        h.tokens(&h.browser()).await;
        let browser = administrator(&h).await;
        give(&h, "bob", &["admin"]).await;
        let other = h.browser();
        other.act_as("bob", "bob password");
        open(&h, &other, "/admin").await;
        let bob = bob(&h).await.id;
        let forms: Vec<_> = table()
            .filter(|(method, _, needs)| *method == Method::Post && *needs != Needs::Nothing)
            .collect();
        assert!(forms.len() > 15);
        let before = everything(&h).await;
        for (_, path, _) in &forms {
            let at = address(&h, path, &bob).await;
            let own = browser.get(&h.at(&at)).await;
            assert_eq!(own.status, 200, "{at}");
            let own = token(&own.text);
            let elsewhere = match *path {
                "/admin/keys/rotate" => "/admin/users/new",
                _ => "/admin/keys/rotate",
            };
            let of_another_page = token(&browser.get(&h.at(elsewhere)).await.text);
            let of_another_session = token(&other.get(&h.at(&at)).await.text);
            let cut = &own[..own.len() - 1];
            for csrf in ["", "x", cut, &of_another_page, &of_another_session] {
                let form = [&[("csrf", csrf)], FIELDS].concat();
                let forged = browser.submit(&h.at(&at), &form).await;
                assert_eq!(forged.status, 403, "{at} {csrf}");
            }
            // Another site can make a browser follow a link, and send a form without a token.
            let link = format!("{at}?csrf={own}&name=Changed&roles=admin");
            let followed = browser.get(&h.at(&link)).await;
            assert!([200, 400].contains(&followed.status), "{link}");
            let without = browser.submit(&h.at(&link), FIELDS).await;
            assert_eq!(without.status, 403, "{at}: a token in the address is none");
        }
        assert_eq!(everything(&h).await, before, "nothing was done");
    });
}

/// Columns of a user and of a client that no form has.
const COVETED: &[(&str, &str)] = &[
    ("id", "somebody-else"),
    ("sub", "somebody-else"),
    ("username", "mallory"),
    ("password", "a password of mallory"),
    (
        "password_hash",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
    ),
    ("disabled_at", "1"),
    ("created_at", "1"),
    ("updated_at", "1"),
    ("email_key", "mallory@example.org"),
    ("last_sign_in_at", "1"),
    ("client_id", "mallory"),
    ("client_secret", "a secret of mallory"),
    ("sealed_secret", "x"),
    ("former_secret", "x"),
];

#[test]
fn a_form_changes_what_it_shows_and_nothing_else() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let before = bob(&h).await;
        let at = format!("/admin/users/{}/edit", before.id);
        let page = open(&h, &browser, &at).await.text;
        let version = field(&page, "version").unwrap();
        let shown = [("version", version.as_str()), ("name", "Robert")];
        let done = send(&h, &browser, &at, &[&shown, COVETED].concat()).await;
        assert_eq!(done.status, 303, "{}", done.text);
        let after = bob(&h).await;
        assert_eq!(after.name.as_deref(), Some("Robert"));
        assert_eq!(
            (
                &after.id,
                &after.password_hash,
                after.disabled_at,
                after.created_at
            ),
            (
                &before.id,
                &before.password_hash,
                before.disabled_at,
                before.created_at
            )
        );
        let app = latchkey_protocol::ClientId::new("app");
        let before = h.store.client(&app).await.unwrap().unwrap();
        let at = "/admin/clients/app/edit";
        let page = open(&h, &browser, at).await.text;
        let version = field(&page, "version").unwrap();
        let shown = [
            ("version", version.as_str()),
            ("client_name", "Renamed"),
            ("redirect_uris", CALLBACK),
        ];
        let done = send(&h, &browser, at, &[&shown, COVETED].concat()).await;
        assert_eq!(done.status, 303, "{}", done.text);
        let after = h.store.client(&app).await.unwrap().unwrap();
        assert_eq!(after.metadata.client_name.as_deref(), Some("Renamed"));
        assert_eq!(
            (
                &after.secret,
                &after.former_secret,
                after.disabled_at,
                after.created_at
            ),
            (
                &before.secret,
                &before.former_secret,
                before.disabled_at,
                before.created_at
            )
        );
        for nobody in ["mallory", "somebody-else"] {
            let nobody = latchkey_protocol::ClientId::new(nobody);
            assert!(h.store.client(&nobody).await.unwrap().is_none());
        }
        assert!(h.store.user_by_name("mallory").await.unwrap().is_none());
    });
}

/// Of every list: its search, its filters, its order and its place.
const PARAMETERS: &[&str] = &[
    "search",
    "q",
    "sort",
    "order",
    "after",
    "before",
    "cursor",
    "limit",
    "user",
    "event",
    "outcome",
    "client",
    "client_id",
    "state",
    "reason",
    "reference",
    "since",
    "until",
    "scope",
    "done",
];

#[test]
fn no_parameter_of_the_console_is_sql() {
    on_both(async |h| {
        h.tokens(&h.browser()).await;
        let browser = administrator(&h).await;
        let bob = bob(&h).await.id;
        let before = everything(&h).await;
        let texts = [
            "' OR '1'='1",
            "1; DROP TABLE users; --",
            "0.'; DELETE FROM sessions; --",
            "name) FROM users; --",
            "\\' UNION SELECT password_hash FROM users --",
            "%_\\",
        ];
        for (method, path, needs) in table() {
            if method == Method::Post || needs == Needs::Nothing {
                continue;
            }
            let at = address(&h, path, &bob).await;
            for text in texts {
                let query: Vec<_> = PARAMETERS.iter().map(|name| (*name, text)).collect();
                let at = latchkey_protocol::uri::with_query(&h.at(&at), &query);
                let page = browser.get(&at).await;
                assert!(
                    [200, 303, 400, 404].contains(&page.status),
                    "{at} {}",
                    page.text
                );
                assert!(!page.text.contains("$argon2id$"), "{at}");
            }
        }
        assert_eq!(everything(&h).await, before);
        let sessions = h.store.sessions(None).await.unwrap();
        assert_eq!(sessions.len(), 2);
    });
}

/// What a receiver of logout tokens says about them is shown to administrators.
#[test]
fn what_a_receiver_answers_is_text_on_every_page() {
    use crate::back_channel_logout::{ALLOWED, end, joined, node, told, until};
    use crate::support::receiver::{Behaviour, Receiver};
    on_both_with(&ALLOWED, async |h| {
        let browser = administrator(&h).await;
        let says = r#"{"error":"<script>alert(1)</script>","error_description":"\"><img src=x onerror=alert(2)>\u001b[31m"}"#;
        let hostile = Receiver::start(2, Behaviour::Says(400, says)).await;
        told(&h, "hostile", &hostile.uri).await;
        joined(&h, "ended", &["hostile"]).await;
        let sending = node(&h);
        end(&h, "ended").await;
        let receipt = until(&h, "hostile", |receipt| receipt.last.is_some()).await;
        let reason = format!("{receipt:?}");
        assert!(
            reason.contains("<script>") && !reason.contains('\u{1b}'),
            "{reason}"
        );
        for at in [
            "/admin/deliveries",
            "/admin/sessions/ended",
            "/admin/audit",
            "/admin",
        ] {
            let page = open(&h, &browser, at).await;
            assert_eq!(page.status, 200, "{at}");
            for raw in ["<script>alert", "<img src=x", "onerror=alert(2)>\u{1b}"] {
                assert!(!page.text.contains(raw), "{at} {raw}");
            }
        }
        let shown = open(&h, &browser, "/admin/deliveries").await;
        assert!(
            shown.text.contains("&#60;script&#62;alert(1)"),
            "{}",
            shown.text
        );
        sending.stop().await;
    });
}
