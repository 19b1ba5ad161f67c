//! Users and clients that are deleted while others sign in with them.

use super::*;
use latchkey_protocol::{
    AuthorizationId, ClientId, SessionId, UserId,
    audit::{ActorKind, AuditActor, AuditEntry, AuditOutcome, FrontEnd},
    bounds,
};

const ROUNDS: usize = 20;
/// What each round begins with: sign-ins that wait for their codes.
const WAITING: usize = 6;

fn deletion() -> AuditEntry {
    AuditEntry {
        at: moment(5),
        event: "deleted".into(),
        actor: AuditActor {
            kind: ActorKind::Command,
            id: None,
            name: None,
        },
        front_end: FrontEnd::Command,
        target: None,
        outcome: AuditOutcome::Done,
        address: None,
        request_id: None,
        details: serde_json::Map::new(),
        is_logged: false,
    }
}

/// As many codes as there may be, so that each new one makes room; and sign-ins that wait, with a consent.
async fn prepared(store: &Shared, round: usize) {
    for n in 0..bounds::CODES {
        let one = authorization(&format!("{round} before {n}"), "openid");
        assert!(store.issue_code(None, &one).await.unwrap());
    }
    for n in 0..WAITING {
        let waiting = format!("{round} {n}");
        begin(store, &waiting).await;
        let (i, s, given) = (
            Digest::of(&waiting),
            SessionId::new("s"),
            consents::consent("u", "openid"),
        );
        assert!(store.record_consent(&i, &s, &given).await.unwrap());
    }
}

/// `delete` comes among callers who are given codes, and among those who take the consent back.
async fn race<F>(store: &Shared, round: usize, delete: impl Fn(Shared) -> F)
where
    F: Future<Output = bool> + Send + 'static,
{
    prepared(store, round).await;
    let deleting = tokio::spawn(delete(store.clone()));
    let others = winners(store, |s, n| async move {
        let id = format!("{round} {n}");
        let mut one = authorization(&id, "openid");
        one.rests_on_consent = n % 2 == 0;
        match n {
            0..WAITING => s.issue_code(Some(&Digest::of(&id)), &one).await.unwrap(),
            WAITING => {
                let ended = s
                    .revoke_consent(&UserId::new("u"), &ClientId::new("c"), moment(4))
                    .await
                    .unwrap();
                ended.consented
            }
            _ => s.issue_code(None, &one).await.unwrap(),
        }
    });
    others.await;
    assert!(deleting.await.unwrap(), "it was there");
    for n in 0..CALLERS {
        let left = store
            .authorization(&AuthorizationId::new(format!("{round} {n}")))
            .await
            .unwrap();
        assert!(left.is_none(), "{round} {n} outlives the deletion");
        let waiting = Digest::of(&format!("{round} {n}"));
        store.end_interaction(&waiting).await.unwrap();
    }
}

pub fn a_user_who_is_deleted_and_codes_that_are_issued_do_not_wait_for_one_another(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        assert!(store.create_client(&client()).await.unwrap());
        for round in 0..ROUNDS {
            let made = store.create_user(&user("u")).await.unwrap();
            assert_eq!(made, WriteOutcome::Done);
            let begun = store.sign_in(&session("s", "u"), "hash", None, None).await;
            assert!(begun.unwrap().is_some());
            let is_recorded = round % 2 == 0;
            race(&store, round, move |s| async move {
                let (id, last) = (UserId::new("u"), LastAdministrator::Stays);
                let end = match is_recorded {
                    true => s.recording(deletion()).delete_user(&id, None, last).await,
                    false => s.delete_user(&id, None, last).await,
                };
                end.unwrap().is_done()
            })
            .await;
        }
    });
}

pub fn a_client_that_is_deleted_and_codes_that_are_issued_do_not_wait_for_one_another(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        assert!(
            store
                .delete_client(&ClientId::new("c"), None)
                .await
                .unwrap()
        );
        for round in 0..ROUNDS {
            assert!(store.create_client(&client()).await.unwrap());
            race(&store, round, |s| async move {
                s.delete_client(&ClientId::new("c"), None).await.unwrap()
            })
            .await;
        }
    });
}
