//! The first administrator, who is created once, and forms that wait for a sign-in.

use super::{users::add, *};
use latchkey_protocol::{
    Secret, SessionId, UserId,
    console::{Draft, SetupLink},
    kind,
    store::SetupOutcome,
};

fn administrator(id: &str) -> User {
    User {
        roles: vec!["x\"y".into(), "admin".into()],
        ..user(id)
    }
}

fn link(text: &str) -> SetupLink {
    let text = format!("lk_setup_{text:a>43}");
    SetupLink::new(
        &Secret::<kind::SetupLink>::presented(&text).unwrap(),
        moment(0),
    )
}

pub fn of_racing_callers_with_the_set_up_link_one_creates_the_first_administrator(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        let (old, new, now) = (link("old"), link("new"), moment(3599));
        store.offer_setup(&old).await.unwrap();
        store.offer_setup(&new).await.unwrap();
        let tried = async |link: &SetupLink, id: &str, now| {
            store
                .set_up(&link.digest, &administrator(id), now)
                .await
                .unwrap()
        };
        assert!(!store.is_setup_open(&old.digest, now).await.unwrap());
        assert_eq!(tried(&old, "a", now).await, SetupOutcome::LinkUnusable);
        assert_eq!(
            tried(&new, "a", moment(3600)).await,
            SetupOutcome::LinkUnusable
        );
        // A name that is taken spends nothing.
        add(&store, &user("taken")).await;
        let namesake = User {
            username: user("taken").username,
            ..administrator("namesake")
        };
        let refused = store.set_up(&new.digest, &namesake, now).await.unwrap();
        assert_eq!(refused, SetupOutcome::Unwritten(WriteOutcome::NameTaken));
        assert!(store.is_setup_open(&new.digest, now).await.unwrap());
        let won = winners(&store, |s, n| async move {
            let first = administrator(&format!("first{n}"));
            let outcome = s
                .set_up(&link("new").digest, &first, moment(10))
                .await
                .unwrap();
            outcome == SetupOutcome::Created
        });
        assert_eq!(won.await, 1);
        assert!(store.has_administrator().await.unwrap());
        assert!(!store.is_setup_open(&new.digest, now).await.unwrap());
    });
}

pub fn a_set_up_link_is_worth_nothing_while_there_is_an_administrator(stores: &impl Stores) {
    stores.each(async |store| {
        let (offered, now) = (link("link"), moment(1));
        let named = User {
            roles: vec!["administrator".into(), "\"admin".into()],
            groups: vec!["admin".into()],
            ..user("named")
        };
        add(&store, &named).await;
        assert!(!store.has_administrator().await.unwrap());
        add(&store, &administrator("a")).await;
        store.offer_setup(&offered).await.unwrap();
        assert!(!store.is_setup_open(&offered.digest, now).await.unwrap());
        let second = administrator("b");
        let tried = async || store.set_up(&offered.digest, &second, now).await.unwrap();
        assert_eq!(tried().await, SetupOutcome::LinkUnusable);
        // One who is locked out opens nothing.
        let (id, last) = (UserId::new("a"), LastAdministrator::MayGo);
        let ended = store.disable_user(&id, None, last, now);
        assert_eq!(ended.await.unwrap(), UserEnd::Ended(0));
        assert!(!store.has_administrator().await.unwrap());
        assert_eq!(tried().await, SetupOutcome::Created);
    });
}

pub fn what_was_typed_is_kept_for_a_session_and_its_page_until_its_end(stores: &impl Stores) {
    stores.each(async |store| {
        add(&store, &user("u")).await;
        let sid = SessionId::new("s");
        let draft = |page: &str, form: &str| Draft {
            page: page.into(),
            form: form.into(),
            expires_at: moment(100),
        };
        assert!(!store.keep_draft(&sid, &draft("/p", "a=1")).await.unwrap());
        let began = store.sign_in(&session("s", "u"), "hash", None, None).await;
        assert!(began.unwrap().is_some());
        assert!(store.keep_draft(&sid, &draft("/p", "a=1")).await.unwrap());
        assert!(store.keep_draft(&sid, &draft("/q", "a=2")).await.unwrap());
        let found = async |page| store.draft(&sid, page, moment(99)).await.unwrap();
        assert_eq!(found("/p").await, None, "one for each session");
        for _ in 0..2 {
            assert_eq!(
                found("/q").await.as_deref(),
                Some("a=2"),
                "looking takes nothing"
            );
        }
        let late = store.draft(&sid, "/q", moment(100)).await.unwrap();
        assert_eq!(late, None, "it has ended");
        store.forget_draft(&sid, "/p").await.unwrap();
        assert!(found("/q").await.is_some(), "another page's");
        store.forget_draft(&sid, "/q").await.unwrap();
        assert_eq!(found("/q").await, None);
        assert!(store.keep_draft(&sid, &draft("/p", "a=3")).await.unwrap());
        store.sweep(moment(99), 100).await.unwrap();
        assert!(found("/p").await.is_some());
        store.sweep(moment(100), 100).await.unwrap();
        assert_eq!(found("/p").await, None, "swept");
        assert!(store.keep_draft(&sid, &draft("/p", "a=4")).await.unwrap());
        store.end_user(&UserId::new("u"), moment(2)).await.unwrap();
        assert_eq!(found("/p").await, None);
    });
}
