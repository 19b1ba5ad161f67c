//! Tokens that are issued while their session ends, and by several at once.

use super::{
    ended_admissions::{due, limit, review},
    status_lists::{NONE, NOW, OVER, ended, given, live, with},
    *,
};
use latchkey_protocol::{AuthorizationId, ClientId, SessionId, status::TokenEntries};

/// What was judged before an end is refused after it: no token of a session that is over goes out with a good entry.
pub fn entries_that_were_read_before_a_session_ended_are_written_no_more(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let offline = "openid offline_access";
        for id in ["code", "refreshed"] {
            let one = authorization(id, offline);
            assert!(store.issue_code(None, &one).await.unwrap());
        }
        let refreshed = AuthorizationId::new("refreshed");
        let first = family("r", None);
        let none = LiveEntries::default().unchanged();
        let exchanged =
            store.exchange_code(&refreshed, moment(NOW), Some(&first), moment(900), &none);
        assert!(exchanged.await.unwrap());
        let read = live(&store, &refreshed).await;
        assert_eq!(read, LiveEntries::default(), "it has none yet");
        let stale = read.changed(with(&read.entries, 8, true));
        let (s, at) = (SessionId::new("s"), moment(NOW + 1));
        assert!(store.end_session(&s, false, at).await.unwrap());

        let code = AuthorizationId::new("code");
        let exchanged = store
            .exchange_code(&code, at, None, moment(900), &stale)
            .await;
        assert!(!exchanged.unwrap());
        let r = Digest::of("r");
        let next = family("next", Some("r"));
        let rotated = store
            .rotate_refresh_token(&refreshed, &r, &next, &stale)
            .await;
        assert!(!rotated.unwrap());
        assert!(!store.add_token_entry(&refreshed, &stale).await.unwrap());
        assert_eq!(ended(&store).await, NONE);

        // Who looks again goes on, outside of the session.
        let read = live(&store, &refreshed).await;
        let change = read.changed(with(&read.entries, 9, false));
        assert!(store.add_token_entry(&refreshed, &change).await.unwrap());
        assert!(!store.add_token_entry(&refreshed, &change).await.unwrap());
        let read = live(&store, &refreshed).await;
        assert_eq!(
            (read.entries.iter().count(), read.until),
            (1, Some(moment(OVER)))
        );
        let change = read.unchanged();
        let rotated = store
            .rotate_refresh_token(&refreshed, &r, &next, &change)
            .await;
        assert!(rotated.unwrap());
        let kept = live(&store, &refreshed).await;
        assert_eq!(kept.entries, read.entries);
        assert!(
            kept.until > read.until,
            "what was read once never comes again"
        );
        store.revoke_authorization(&refreshed, at).await.unwrap();
        assert_eq!(ended(&store).await, [9]);
        assert!(!store.add_token_entry(&refreshed, &change).await.unwrap());
    });
}

/// Whoever is told that it was written holds a token that the end takes along, or was too late.
pub fn of_tokens_that_are_issued_while_a_session_ends_none_is_left_out(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        for round in 0..20_u32 {
            let name = format!("s{round}");
            let one = session(&name, "u");
            store.sign_in(&one, "hash", None, None).await.unwrap();
            let id = |kind: &str| AuthorizationId::new(format!("{kind}{round}"));
            for kind in ["code", "in session", "refresh", "again"] {
                let id = id(kind);
                let mut given_in = authorization(&id, "openid offline_access");
                code_of(&mut given_in).session_id = one.id.clone();
                assert!(store.issue_code(None, &given_in).await.unwrap());
                if matches!(kind, "refresh" | "again") {
                    let none = LiveEntries::default().unchanged();
                    let family = family(&id, None);
                    let exchanged =
                        store.exchange_code(&id, moment(NOW), Some(&family), moment(900), &none);
                    assert!(exchanged.await.unwrap());
                }
            }
            let issued = at_the_end(&store, round, one.id).await;
            let known = ended(&store).await;
            for idx in issued {
                assert!(known.contains(&idx), "{round}: {idx} goes on");
            }
        }
    });
}

/// The places of the tokens that went out while the session ended.
async fn at_the_end(store: &Shared, round: u32, session: SessionId) -> Vec<u32> {
    let shared = store.clone();
    let racing = (0..5_u32).map(move |n| {
        let (s, session) = (shared.clone(), session.clone());
        let idx = round * 10 + n;
        let change = LiveEntries::default().changed(with(&TokenEntries::default(), idx, true));
        let at = moment(NOW + 1);
        let of = move |kind: &str| AuthorizationId::new(format!("{kind}{round}"));
        tokio::spawn(async move {
            let until = moment(900);
            let went_out = match n {
                0 => s.exchange_code(&of("code"), at, None, until, &change).await,
                1 => {
                    let code = of("in session");
                    s.exchange_code_in_session(&code, at, None, until, &change)
                        .await
                }
                2 => {
                    let (id, next) = (of("refresh"), family("next", None));
                    let current = Digest::of(&id);
                    s.rotate_refresh_token(&id, &current, &next, &change).await
                }
                3 => s.add_token_entry(&of("again"), &change).await,
                _ => s.end_session(&session, false, at).await.map(|_| false),
            };
            went_out.unwrap().then_some(idx)
        })
    });
    let mut issued = Vec::new();
    for one in racing.collect::<Vec<_>>() {
        issued.extend(one.await.unwrap());
    }
    issued
}

/// Also where all are of the same second: a token whose entry stands in no row would be one that nothing ends.
pub fn of_entries_that_are_added_at_once_one_is_written_and_the_others_look_again(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        let one = authorization("a", "openid offline_access");
        given(&store, &one, 0).await;
        for round in 0..10 {
            let read = live(&store, &one.id).await;
            let expected = read.clone();
            let id = one.id.clone();
            let added = winners(&store, move |s, n| {
                let entries = with(&read.entries, 10 + round * 100 + n as u32, false);
                let (id, read) = (id.clone(), read.clone());
                async move {
                    if n == 0 {
                        let (current, next) = (Digest::of("none"), family("next", None));
                        let change = read.unchanged();
                        let rotated = s.rotate_refresh_token(&id, &current, &next, &change);
                        return rotated.await.unwrap();
                    }
                    s.add_token_entry(&id, &read.changed(entries))
                        .await
                        .unwrap()
                }
            });
            assert_eq!(added.await, 1, "{round}");
            assert!(live(&store, &one.id).await.until > expected.until);
        }
    });
}

/// Whatever ends several takes them in one order: nobody is told that they waited for one another.
pub fn of_many_who_end_the_same_tokens_at_once_each_comes_to_its_end(stores: &impl Stores) {
    stores.each(async |store| many_end_at_once(&store).await);
}

/// In an empty store.
pub async fn many_end_at_once(store: &Shared) {
    seeded(store).await;
    let mut other = client();
    other.id = ClientId::new("d");
    assert!(store.create_client(&other).await.unwrap());
    for id in ["c", "d"] {
        limit(store, id).await;
    }
    for round in 0..15 {
        let user = given_in_two_sessions(store, round).await;
        let left = all_end(store, user).await;
        let known = ended(store).await;
        assert!(left.iter().all(|idx| known.contains(idx)), "{round}");
    }
}

const GIVEN: u32 = 24;

/// Of one user in two sessions at two clients, crosswise, and in another order than that of the ids.
async fn given_in_two_sessions(store: &Shared, round: u32) -> User {
    let mut whose = user(&format!("v{round}"));
    whose.groups = vec!["staff".into()];
    store.create_user(&whose).await.unwrap();
    for name in ["x", "y"] {
        let one = session(&format!("{name}{round}"), &whose.id);
        let begun = store.sign_in(&one, "hash", None, None).await.unwrap();
        assert!(begun.is_some());
    }
    for n in (0..GIVEN).rev() {
        let id = format!("v{round}-{n:02}");
        let mut one = authorization(&id, "openid offline_access");
        let name = if n % 2 == 0 { "x" } else { "y" };
        code_of(&mut one).session_id = SessionId::new(format!("{name}{round}"));
        one.user_id = whose.id.clone();
        one.client_id = ClientId::new(if n / 2 % 2 == 0 { "d" } else { "c" });
        given(store, &one, round * 100 + 2 * n).await;
    }
    whose
}

/// By a change of the user, ends of both sessions, of all, of a client's, by a review, by a consent that is taken back, and
/// one by one. Places of what must
/// have ended then.
async fn all_end(store: &Shared, whose: User) -> Vec<u32> {
    let at = moment(NOW + 1);
    let (c, round) = (ClientId::new("c"), whose.id.as_str()[1..].to_owned());
    let end = store.begin_bulk_end(Some(&c), None, at);
    let end = end.await.unwrap().unwrap();
    let set = store.set_client_disabled(&c, None, Some(at));
    assert!(set.await.unwrap());
    let job = due(store, &round, NOW + 1).await.remove(0);
    let racing = (0..9_u32).map(|n| {
        let (s, whose, job, round) = (store.clone(), whose.clone(), job.clone(), round.clone());
        tokio::spawn(async move {
            let session = |name: &str| SessionId::new(format!("{name}{round}"));
            match n {
                0 => {
                    let mut after = whose.clone();
                    after.groups.clear();
                    let change = s.update_user_profile(&whose, &after, LastAdministrator::Stays);
                    assert_eq!(change.await.unwrap(), WriteOutcome::Done);
                }
                1 => assert!(s.end_session(&session("x"), false, at).await.is_ok()),
                2 => assert!(s.end_session(&session("y"), true, at).await.is_ok()),
                3 => assert!(s.end_user(&whose.id, at).await.is_ok()),
                4 => assert!(review(&s, &job, 100, NOW + 1).await > 0),
                5 => loop {
                    let stands = s.continue_bulk_end(end.id, at, 50).await.unwrap();
                    if stands.unwrap().done_at.is_some() {
                        break;
                    }
                },
                6 => {
                    let d = ClientId::new("d");
                    assert!(s.revoke_consent(&whose.id, &d, at).await.is_ok());
                }
                _ => {
                    for k in 0..GIVEN {
                        let k = if n == 7 { k } else { GIVEN - 1 - k };
                        let id = AuthorizationId::new(format!("v{round}-{k:02}"));
                        s.revoke_authorization(&id, at).await.unwrap();
                    }
                }
            }
        })
    });
    for one in racing.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let enabled = store.set_client_disabled(&c, None, None);
    assert!(enabled.await.unwrap());
    let first: u32 = round.parse().unwrap();
    (0..2 * GIVEN).map(|place| first * 100 + place).collect()
}
