//! The last administrator stays.

use super::{users::add, *};
use latchkey_protocol::UserId;

fn administrator(id: &str) -> User {
    User {
        roles: vec!["x\"y".into(), "admin".into()],
        ..user(id)
    }
}

/// How a user stops being an administrator.
#[derive(Debug, Clone, Copy)]
enum Way {
    Disable,
    Delete,
    TakeRole,
}

const WAYS: [Way; 3] = [Way::Disable, Way::Delete, Way::TakeRole];

/// Whether it was done; none where the last administrator stays.
async fn go(store: &Shared, id: &str, way: Way, last: LastAdministrator) -> Option<bool> {
    let id = UserId::new(id);
    let end = match way {
        Way::Disable => store
            .disable_user(&id, None, last, moment(5))
            .await
            .unwrap(),
        Way::Delete => store.delete_user(&id, None, last).await.unwrap(),
        Way::TakeRole => {
            let Some(before) = store.user(&id).await.unwrap() else {
                return Some(false);
            };
            let after = User {
                roles: vec!["administrator".into(), "\"admin\"".into(), ",".into()],
                ..before.clone()
            };
            let written = store.update_user_profile(&before, &after, last).await;
            return match written.unwrap() {
                WriteOutcome::Done => Some(true),
                WriteOutcome::LastAdministrator => None,
                other => panic!("{other:?}"),
            };
        }
    };
    match end {
        UserEnd::Ended(_) => Some(true),
        UserEnd::Unknown => Some(false),
        UserEnd::LastAdministrator => None,
    }
}

pub fn the_last_administrator_is_neither_disabled_nor_deleted_nor_loses_the_role(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        add(&store, &administrator("a")).await;
        // None of them administers: locked out, other roles, a group.
        let locked_out = User {
            disabled_at: Some(moment(1)),
            ..administrator("locked out")
        };
        let named = User {
            roles: vec!["admins".into(), "x,\"admin\",".into(), ",admin".into()],
            groups: vec!["admin".into()],
            ..user("named")
        };
        add(&store, &locked_out).await;
        add(&store, &named).await;
        let stays = LastAdministrator::Stays;
        let before = store.user(&UserId::new("a")).await.unwrap().unwrap();
        for way in WAYS {
            assert_eq!(go(&store, "a", way, stays).await, None, "{way:?}");
        }
        assert_eq!(
            store.user(&before.id).await.unwrap().as_ref(),
            Some(&before)
        );
        let renamed = User {
            name: Some("still an administrator".into()),
            ..before.clone()
        };
        let written = store.update_user_profile(&before, &renamed, stays);
        assert_eq!(written.await.unwrap(), WriteOutcome::Done);
        for way in WAYS {
            for other in ["locked out", "named"] {
                let id = format!("{other} {way:?}");
                let role = match other {
                    "named" => named.roles.clone(),
                    _ => locked_out.roles.clone(),
                };
                let disabled_at = (other != "named").then_some(moment(1));
                let other = User {
                    roles: role,
                    disabled_at,
                    ..user(&id)
                };
                add(&store, &other).await;
                assert_eq!(go(&store, &id, way, stays).await, Some(true), "{id}");
            }
        }
        for (n, way) in WAYS.into_iter().enumerate() {
            let second = format!("b{n}");
            add(&store, &administrator(&second)).await;
            assert_eq!(go(&store, &second, way, stays).await, Some(true), "{way:?}");
            assert_eq!(go(&store, "a", way, stays).await, None, "{way:?}");
        }
        assert!(store.has_administrator().await.unwrap());
        let forced = go(&store, "a", Way::Disable, LastAdministrator::MayGo).await;
        assert_eq!(forced, Some(true), "unless they may go");
        assert!(!store.has_administrator().await.unwrap());
        for way in [Way::Disable, Way::Delete] {
            assert_eq!(go(&store, "nobody", way, stays).await, Some(false));
        }
    });
}

/// Each takes another one away, in each of the ways, all at the same moment.
pub fn of_administrators_who_take_one_another_away_one_stays(stores: &impl Stores) {
    stores.each(async |store| {
        for round in 0..12 {
            let id = move |n: usize| format!("{round}-{n}");
            for n in 0..CALLERS {
                add(&store, &administrator(&id(n))).await;
            }
            let gone = winners(&store, move |s, n| async move {
                let way = WAYS[(n + round) % WAYS.len()];
                go(&s, &id(n), way, LastAdministrator::Stays).await == Some(true)
            });
            assert_eq!(gone.await, CALLERS - 1, "round {round}");
            assert!(store.has_administrator().await.unwrap(), "round {round}");
            // The one who stays goes before the next round.
            for n in 0..CALLERS {
                go(&store, &id(n), Way::Delete, LastAdministrator::MayGo).await;
            }
            assert!(!store.has_administrator().await.unwrap());
        }
    });
}

/// Whoever is no administrator when it is looked at may be one when it is written.
pub fn a_role_that_is_given_while_it_is_taken_from_another_leaves_one(stores: &impl Stores) {
    stores.each(async |store| {
        for round in 0..25 {
            let id = move |who: &str| format!("{who}{round}");
            add(&store, &administrator(&id("a"))).await;
            add(&store, &user(&id("b"))).await;
            let tried = winners(&store, move |s, n| async move {
                let stays = LastAdministrator::Stays;
                match n % 3 {
                    0 => go(&s, &id("a"), Way::Disable, stays).await.is_some(),
                    1 => go(&s, &id("b"), Way::Disable, stays).await.is_some(),
                    _ => {
                        let before = s.user(&UserId::new(id("b"))).await.unwrap().unwrap();
                        let after = administrator(&id("b"));
                        let written = s.update_user_profile(&before, &after, stays).await;
                        written.unwrap() == WriteOutcome::Done
                    }
                }
            });
            tried.await;
            assert!(store.has_administrator().await.unwrap(), "round {round}");
            for who in ["a", "b"] {
                go(&store, &id(who), Way::Delete, LastAdministrator::MayGo).await;
            }
        }
    });
}
