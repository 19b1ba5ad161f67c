//! Users in an order, and found by the beginning of what names them.

use super::{users::add, *};
use latchkey_protocol::{
    UserId,
    page::Page,
    user_list::{UserCursor, UserQuery, UserSort},
};

/// All that a query finds, read piece by piece; each once.
async fn all(store: &Shared, query: &UserQuery, limit: i64) -> Vec<String> {
    let (mut ids, mut page) = (Vec::new(), Page::first(limit));
    for _ in 0..1000 {
        let piece = store.user_list(query, &page).await.unwrap();
        assert!(i64::try_from(piece.users.len()).unwrap() <= limit);
        ids.extend(piece.users.into_iter().map(|u| u.user.id.into_string()));
        let Some(next) = piece.next else {
            let mut once = ids.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), ids.len(), "{query:?} {ids:?}");
            return ids;
        };
        // As it comes back in an address.
        assert_eq!(UserCursor::parse(&next.to_string()), Some(next.clone()));
        page = Page::after(next, limit);
    }
    panic!("{query:?} has no end")
}

async fn find(store: &Shared, typed: &str, limit: i64) -> Vec<String> {
    all(store, &UserQuery::new(typed, UserSort::Name), limit).await
}

fn named(id: &str, username: &str, email: Option<&str>, name: Option<&str>) -> User {
    User {
        username: username.into(),
        email: email.map(str::to_owned),
        name: name.map(str::to_owned),
        ..user(id)
    }
}

pub fn users_are_listed_by_name_by_creation_and_by_last_sign_in(stores: &impl Stores) {
    stores.each(async |store| {
        for (id, name, created) in [("1", "b", 5), ("2", "a", 5), ("3", "d", 9), ("4", "C", 2)] {
            let user = User {
                username: name.to_lowercase(),
                created_at: moment(created),
                ..user(id)
            };
            add(&store, &user).await;
        }
        for (user, at) in [("4", 30), ("2", 20), ("2", 40)] {
            let mut session = session(&format!("{user}-{at}"), user);
            session.auth_time = moment(at);
            let begun = store.sign_in(&session, "hash", None, None).await.unwrap();
            assert!(begun.is_some());
        }
        let unsigned = session("x", "3");
        let refused = store.sign_in(&unsigned, "another hash", None, None);
        assert!(refused.await.unwrap().is_none());
        for limit in [1, 2, 3, 4, 100] {
            let by = async |sort| all(&store, &UserQuery::All(sort), limit).await;
            assert_eq!(by(UserSort::Name).await, ["2", "1", "4", "3"]);
            assert_eq!(by(UserSort::Created).await, ["3", "2", "1", "4"]);
            let signed_in = by(UserSort::LastSignIn).await;
            assert_eq!(signed_in[..2], ["2", "4"], "who never did comes last");
        }
        let last = async |id: &str| store.last_sign_in(&UserId::new(id)).await.unwrap();
        assert_eq!(
            (last("2").await, last("4").await),
            (Some(moment(40)), Some(moment(30)))
        );
        assert_eq!(
            (last("3").await, last("nobody").await),
            (None, None),
            "it was refused"
        );
        let (query, page) = (UserQuery::All(UserSort::LastSignIn), Page::first(3));
        let listed = store.user_list(&query, &page).await.unwrap().users;
        let moments: Vec<_> = listed.iter().map(|u| u.last_sign_in_at).collect();
        assert_eq!(moments, [Some(moment(40)), Some(moment(30)), None]);
        let read = store.user(&listed[0].user.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(&listed[0].user));
        store.end_user(&UserId::new("2"), moment(50)).await.unwrap();
        assert_eq!(last("2").await, Some(moment(40)), "it outlives the session");
    });
}

pub fn users_are_found_by_the_beginning_of_a_name_an_address_or_a_subject(stores: &impl Stores) {
    stores.each(async |store| {
        for one in [
            named(
                "id-1",
                "minji",
                Some("Minji@Example.org"),
                Some("Kim Min-ji"),
            ),
            named(
                "id-2",
                "kim",
                Some("min.ho@example.org"),
                Some("\u{ae40}\u{bbfc}\u{d638}"),
            ),
            named("id-3", "alice", Some("k@example.org"), Some("MINA")),
            named("id-4", "100%", Some("under_score@example.org"), None),
            named("id-5", "zoe", None, Some("minji")),
        ] {
            add(&store, &one).await;
        }
        for limit in [1, 2, 100] {
            let found = async |typed| find(&store, typed, limit).await;
            // By what was found: "min.ho@...", "mina", "minji" twice.
            assert_eq!(
                found("min").await,
                ["id-2", "id-3", "id-1", "id-5"],
                "{limit}"
            );
            assert_eq!(found(" MINJI ").await, ["id-1", "id-5"]);
            assert_eq!(found("minji@EXAMPLE.org").await, ["id-1"]);
            assert_eq!(found("k").await, ["id-3", "id-2", "id-1"]);
            assert_eq!(found("kim min").await, ["id-1"]);
            assert_eq!(found("\u{ae40}").await, ["id-2"]);
            assert_eq!(found("id-4").await, ["id-4"]);
            assert_eq!(found("id-").await.len(), 5);
            // No character has a meaning of its own.
            assert_eq!(found("1").await, ["id-4"]);
            assert_eq!(found("100%").await, ["id-4"]);
            for nobody in ["%", "_", "under-score", "inji", "' OR 1=1 --", "\\"] {
                assert_eq!(found(nobody).await, [""; 0], "{nobody}");
            }
        }
        assert_eq!(find(&store, "  ", 2).await.len(), 5, "nothing was typed");
        // A cursor of another list, or of nobody's, begins somewhere and harms nothing.
        for text in [
            "x.y",
            "1.",
            ".",
            "id-9.zzz",
            "a.9223372036854775807",
            "a.'; DROP TABLE users",
        ] {
            let page = Page::after(UserCursor::parse(text).unwrap(), 10);
            for query in UserSort::ALL.map(UserQuery::All) {
                store.user_list(&query, &page).await.unwrap();
            }
            let query = UserQuery::new("m", UserSort::Name);
            store.user_list(&query, &page).await.unwrap();
        }
        assert_eq!(UserCursor::parse("nothing"), None);
    });
}

/// Whom several of their texts find, in whatever order these come.
pub fn many_who_are_found_by_several_texts_are_each_found_once(stores: &impl Stores) {
    stores.each(async |store| {
        for n in 0..60 {
            let id = format!("n{n:02}");
            let (address, name) = (format!("n{}@example.org", 59 - n), format!("N {}", n % 7));
            add(
                &store,
                &named(&id, &format!("n{n}"), Some(&address), Some(&name)),
            )
            .await;
        }
        for limit in [1, 7, 59, 60, 61] {
            assert_eq!(find(&store, "n", limit).await.len(), 60, "{limit}");
        }
        assert_eq!(
            find(&store, "N 3", 4).await.len(),
            9,
            "who share a display name"
        );
        assert_eq!(find(&store, "n5", 3).await.len(), 20);
    });
}
