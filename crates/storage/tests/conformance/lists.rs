//! Lists that are read piece by piece: whole, in order, and each item once.

use latchkey_protocol::ClientId;
use latchkey_protocol::UserId;
use std::collections::BTreeSet;

use latchkey_protocol::page::Page;

use super::*;

const MANY: usize = 12_345;

/// Users `u1` to `u50`, and many sessions, several of which begin in the same second.
fn fill(options: &Options) {
    let digest = match options.url.starts_with("sqlite") {
        true => "CAST(printf('%032d', n) AS BLOB)",
        false => "convert_to(lpad(n::text, 32, '0'), 'UTF8')",
    };
    let numbers = |to: usize| {
        format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {to})")
    };
    let users = format!(
        "INSERT INTO users (id, username, roles, groups, claims, created_at, updated_at)
         {} SELECT 'u' || n, 'name-u' || n, '[]', '[]', '{{}}', 0, 0 FROM n;",
        numbers(50)
    );
    let sessions = format!(
        "INSERT INTO sessions (id, digest, user_id, auth_time, amr, remember, created_at, expires_at, ends_at)
         {} SELECT 's' || n, {digest}, 'u' || (1 + n % 50), 0, 'pwd', 0, n / 7, CASE WHEN n % 5 = 0 THEN 9 ELSE 1000 END, 1000 FROM n;",
        numbers(MANY)
    );
    options.script(&users).unwrap();
    options.script(&sessions).unwrap();
}

#[test]
fn of_more_than_ten_thousand_sessions_every_one_is_listed_once_and_in_order() {
    on_both_at(async |options| {
        let store = open(&options);
        fill(&options);
        let (mut page, mut seen, mut ids) = (Page::first(1000), Vec::new(), BTreeSet::new());
        loop {
            let piece = store.session_list(None, &page, moment(10)).await.unwrap();
            assert!(piece.len() <= 1000);
            let Some(last) = piece.last() else { break };
            let last = &last.session;
            page = Page::after((last.created_at, last.id.clone().into_string()), 1000);
            for listed in &piece {
                let session = &listed.session;
                assert_eq!(listed.username, format!("name-{}", session.user_id));
                assert!(
                    session.expires_at > moment(10),
                    "what has expired is no session"
                );
                ids.insert(session.id.clone());
                seen.push((session.created_at, session.id.clone()));
            }
        }
        assert_eq!(ids.len(), MANY - MANY / 5);
        assert_eq!(seen.len(), ids.len(), "none twice");
        assert!(seen.is_sorted_by_key(|(created_at, _)| *created_at));
        assert_eq!(store.sessions(None).await.unwrap().len(), MANY);

        let theirs = store
            .session_list(Some(&UserId::new("u7")), &Page::first(1000), moment(10))
            .await;
        let theirs = theirs.unwrap();
        assert!(theirs.iter().all(|listed| listed.session.user_id == "u7"));
        let expected = (1..=MANY).filter(|n| n % 50 == 6 && n % 5 != 0).count();
        assert_eq!(theirs.len(), expected);
    });
}

#[test]
fn users_and_clients_are_listed_piece_by_piece() {
    on_both_at(async |options| {
        let store = open(&options);
        fill(&options);
        let (mut page, mut names) = (Page::first(7), Vec::new());
        loop {
            let piece = store.users(&page).await.unwrap();
            let Some(last) = piece.last() else { break };
            page = Page::after(last.username.clone(), 7);
            names.extend(piece.into_iter().map(|user| user.username));
        }
        assert_eq!(names.len(), 50);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 50);
        for n in 0..5 {
            let mut client = client();
            client.id = ClientId::new(format!("c{n}"));
            assert!(store.create_client(&client).await.unwrap());
        }
        let ids = async |page| -> Vec<String> {
            let piece = store.clients(&page).await.unwrap().into_iter();
            piece.map(|client| client.id.into_string()).collect()
        };
        assert_eq!(ids(Page::first(2)).await, ["c0", "c1"]);
        assert_eq!(ids(Page::after("c1".into(), 2)).await, ["c2", "c3"]);
        assert_eq!(ids(Page::after("c3".into(), 2)).await, ["c4"]);
        assert_eq!(ids(Page::after("c4".into(), 2)).await, [""; 0]);
    });
}

/// From the sessions that live, and from the audit log for those that have ended.
#[test]
fn sign_ins_from_before_the_upgrade_are_known_after_it() {
    on_both_at(async |options| {
        let store = open(&options);
        for id in ["u", "v", "w"] {
            store.create_user(&user(id)).await.unwrap();
        }
        let mut live = session("s", "u");
        live.auth_time = moment(70);
        let begun = store.sign_in(&live, "hash", None, None).await.unwrap();
        assert!(begun.is_some());
        drop(store);
        options
            .script(
                "INSERT INTO audit (at, event, actor_kind, actor, front_end, outcome, details, logged) VALUES \
                 (50, 'signed in', 'user', 'u', 'page', 'done', '{}', 1), (60, 'signed in', 'user', 'v', 'page', 'done', '{}', 1), \
                 (90, 'user update', 'user', 'v', 'console', 'done', '{}', 1)",
            )
            .unwrap();
        undo(&options, "00000000000019_user_lists");
        let store = open(&options);
        let last = async |id: &str| store.last_sign_in(&UserId::new(id)).await.unwrap();
        assert_eq!(last("u").await, Some(moment(70)));
        assert_eq!(last("v").await, Some(moment(60)));
        assert_eq!(last("w").await, None);
    });
}
