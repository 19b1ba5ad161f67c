//! How sessions end: by their name, by a sign-in, and when a user has too many.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::SessionId;
use latchkey_protocol::StoreError;
use latchkey_protocol::UserId;

#[test]
fn a_use_of_a_session_that_an_older_node_made_keeps_its_end() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        options.script("UPDATE sessions SET ends_at = 0").unwrap();
        for (at, expires_at) in [(120, 400), (240, 600)] {
            assert!(
                store
                    .use_session(
                        &SessionId::new("s"),
                        Use {
                            auth_time: moment(1),
                            noted_before: moment(at - 60),
                            at: moment(at),
                            expires_at: moment(expires_at)
                        }
                    )
                    .await
                    .unwrap()
            );
            let used = store.sessions(Some(&UserId::new("u"))).await.unwrap()[0].clone();
            assert_eq!(
                (used.expires_at, used.ends_at),
                (moment(expires_at), moment(1000))
            );
        }
    });
}

#[test]
fn a_session_that_an_older_node_renamed_is_found_by_the_names_it_had() {
    const BEFORE: &str = "01a1ffc0-7d61-7e70-af3c-7c1c2c8d3c11";
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        let note = format!("UPDATE sessions SET former = '01a1 {BEFORE}'");
        options.script(&note).unwrap();
        let found = async |sid: &str| {
            store
                .session_of(&SessionId::new(sid), &UserId::new("u"), moment(2))
                .await
                .unwrap()
        };
        assert_eq!(found(BEFORE).await.unwrap().id, "s");
        for other in ["%", "_", "01a1", "", "01a1ffc0-____-7e70-af3c-7c1c2c8d3c11"] {
            assert!(found(other).await.is_none(), "{other}");
        }
        let ended = store
            .end_session_of(
                &SessionId::new(BEFORE),
                Some(&UserId::new("u")),
                false,
                moment(2),
            )
            .await;
        assert_eq!(ended.unwrap().unwrap().id, "s");
    });
}

#[test]
fn a_session_whose_methods_cannot_be_read_is_named() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        options.script("UPDATE sessions SET amr = 'magic'").unwrap();
        let corrupt = store.sessions(Some(&UserId::new("u"))).await.unwrap_err();
        let named = StoreError::Corrupt {
            table: "sessions",
            row: "s".into(),
            column: "amr",
        };
        assert_eq!(corrupt.to_string(), named.to_string());
    });
}

#[test]
fn a_digest_of_another_length_is_named_by_its_column() {
    on_both_at(async |options| {
        let store = open(&options);
        seeded(&store).await;
        let code = authorization("a", "openid");
        assert!(store.issue_code(None, &code).await.unwrap());
        let short = limits::blob(&options, "00");
        for broken in [
            format!("UPDATE sessions SET digest = {short}"),
            format!("UPDATE authorizations SET code = {short}"),
        ] {
            options.script(&broken).unwrap();
        }
        let session = store.sessions(Some(&UserId::new("u"))).await.unwrap_err();
        assert!(
            matches!(
                &session,
                StoreError::Corrupt {
                    table: "sessions",
                    column: "digest",
                    ..
                }
            ),
            "{session}"
        );
        options.script("DELETE FROM sessions").unwrap();
        let code = store
            .authorization(&AuthorizationId::new("a"))
            .await
            .unwrap_err();
        assert!(
            matches!(
                &code,
                StoreError::Corrupt {
                    table: "authorizations",
                    column: "code",
                    ..
                }
            ),
            "{code}"
        );
    });
}
