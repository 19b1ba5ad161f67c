//! Who may use which client.

use latchkey_operations::NewUser;
use latchkey_protocol::{ClientId, page::Page, registration::Registration};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn those_who_may_use_a_client_are_listed_page_by_page() {
    let world = World::new();
    let operations = world.operations();
    for n in 0..7 {
        let groups = if n % 3 == 0 {
            vec!["staff".into()]
        } else {
            vec![]
        };
        let username = format!("user{n}");
        let new = NewUser {
            username,
            groups,
            ..NewUser::default()
        };
        operations.create_user(&key(), new).await.unwrap();
    }
    let metadata = json!({ "client_id": "app", "redirect_uris": ["https://a.example/"], "access": { "groups": ["staff"] } });
    let registration = Registration::parse(&metadata).unwrap();
    let registered = operations.register_client(&secrets(), registration).await;
    registered.unwrap();
    let mut page = Page::first(2);
    let mut pages = Vec::new();
    loop {
        let piece = operations.client_access("app", &page).await.unwrap();
        let names = piece
            .users
            .iter()
            .map(|access| access.user.username.clone());
        pages.push(names.collect::<Vec<_>>());
        let Some(next) = piece.next else { break };
        page = Page::after(next, 2);
    }
    assert_eq!(pages.concat(), ["user0", "user3", "user6"]);
    assert!(pages.iter().all(|piece| piece.len() <= 2), "{pages:?}");
}

/// With old and new values.
#[tokio::test]
async fn a_change_of_who_may_use_a_client_is_recorded() {
    let world = World::new();
    let operations = world.operations();
    let metadata = json!({ "client_id": "app", "redirect_uris": ["https://a.example/"], "access": { "groups": ["old"] } });
    let registration = Registration::parse(&metadata).unwrap();
    let registered = operations.register_client(&secrets(), registration).await;
    registered.unwrap();
    let change = json!({ "access": { "groups": ["new"] } });
    let updated = operations
        .update_client(&secrets(), &ClientId::new("app"), change_of(&change))
        .await;
    updated.unwrap();
    let entries = world.entries().await;
    let recorded = json!(entries.last().unwrap().details).to_string();
    for part in [r#"{"groups":["old"]}"#, r#"{"groups":["new"]}"#] {
        assert!(recorded.contains(part), "{recorded}");
    }
}
