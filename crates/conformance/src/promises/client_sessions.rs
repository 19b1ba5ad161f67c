//! The sessions in which users signed in to a client.

use super::*;
use latchkey_protocol::{ClientId, SessionId, bounds, page::Page};

/// So that the first piece looks at nothing but what is over.
const OVER: i64 = 1100;

pub fn each_live_session_of_a_client_is_listed_once_also_where_most_of_what_is_looked_at_is_over(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        // Their rows are gone; what was allowed in them is there for a while.
        for n in 0..OVER / bounds::CODES {
            let name = format!("over-{n}");
            sign_in(&store, &name).await;
            for m in 0..bounds::CODES {
                put(&store, &format!("a-{n:04}-{m}"), &name).await;
            }
            let over = SessionId::new(name);
            assert!(store.end_session(&over, true, moment(1)).await.unwrap());
        }
        for name in ["s1", "s2", "s3"] {
            sign_in(&store, name).await;
            for turn in ["b", "c"] {
                put(&store, &format!("{turn}-{name}"), name).await;
            }
        }
        let client = ClientId::new("c");
        let (mut page, mut found, mut pieces) = (Page::first(2), Vec::new(), 0);
        loop {
            let piece = store.client_sessions(&client, &page, moment(2));
            let piece = piece.await.unwrap();
            assert!(piece.sessions.len() <= 2);
            pieces += 1;
            for listed in piece.sessions {
                assert_eq!(listed.username, "name-u");
                found.push(listed.session.id.into_string());
            }
            match piece.next {
                Some(next) => page = Page::after(next, 2),
                None => break,
            }
        }
        assert_eq!(found, ["s1", "s2", "s3"]);
        assert!(
            pieces >= 3,
            "one of them had none, and did not look further"
        );
        let all = Page::first(9);
        let late = store.client_sessions(&client, &all, moment(1000));
        assert!(late.await.unwrap().sessions.is_empty(), "expired");
        let other = ClientId::new("d");
        let other = store.client_sessions(&other, &all, moment(2)).await;
        assert!(other.unwrap().sessions.is_empty());
    });
}

async fn sign_in(store: &Shared, name: &str) {
    let new = session(name, "u");
    let begun = store.sign_in(&new, "hash", None, None).await;
    assert!(begun.unwrap().is_some());
}

async fn put(store: &Shared, id: &str, session: &str) {
    let mut given = authorization(id, "openid");
    let code = code_of(&mut given);
    (code.session_id, code.code) = (SessionId::new(session), Digest::of(id));
    assert!(store.issue_code(None, &given).await.unwrap(), "{id}");
}
