//! Other providers, as they are written, and sign-ins that were begun there.

use super::*;
use latchkey_protocol::{
    bounds,
    store::{UpstreamEnd, UpstreamWrite},
    upstream::{Upstream, UpstreamLogin, UpstreamName, UpstreamProtocol},
};

fn name(text: &str) -> UpstreamName {
    UpstreamName::parse(text).unwrap()
}

fn with_issuer(mut upstream: Upstream, new: &str) -> Upstream {
    let UpstreamProtocol::Oidc { issuer, .. } = &mut upstream.settings.protocol else {
        panic!("{upstream:?}");
    };
    *issuer = new.to_owned();
    upstream
}

pub fn of_racing_callers_with_one_name_or_one_issuer_one_adds_the_upstream(stores: &impl Stores) {
    stores.each(async |store| {
        let won = winners(&store, |s, n| async move {
            let new = with_issuer(upstream("kakao"), &format!("https://{n}.example"));
            s.create_upstream(&new).await.unwrap() == UpstreamWrite::Done
        });
        assert_eq!(won.await, 1);
        let won = winners(&store, |s, n| async move {
            let new = with_issuer(upstream(&format!("n{n}")), "https://same.example");
            match s.create_upstream(&new).await.unwrap() {
                UpstreamWrite::Done => true,
                refused => {
                    assert_eq!(refused, UpstreamWrite::IssuerTaken);
                    false
                }
            }
        });
        assert_eq!(won.await, 1);
        let again = store.create_upstream(&upstream("kakao")).await.unwrap();
        assert_eq!(again, UpstreamWrite::NameTaken);
        let all = store.upstreams().await.unwrap();
        assert_eq!(all.len(), 2);
        let first = store.upstream(&name("kakao")).await.unwrap().unwrap();
        assert_eq!(first.settings.client_id, "c");
        assert_eq!(first.sealed_secret.as_deref(), Some("sealed"));
    });
}

pub fn of_racing_callers_none_gets_past_the_number_of_upstreams(stores: &impl Stores) {
    stores.each(async |store| {
        for n in 0..bounds::UPSTREAMS - 3 {
            let written = store.create_upstream(&upstream(&format!("u{n}"))).await;
            assert_eq!(written.unwrap(), UpstreamWrite::Done);
        }
        let won = winners(&store, |s, n| async move {
            let written = s.create_upstream(&upstream(&format!("v{n}"))).await;
            written.unwrap() == UpstreamWrite::Done
        });
        assert_eq!(won.await, 3);
        let one_more = store.create_upstream(&upstream("one-more")).await;
        assert_eq!(one_more.unwrap(), UpstreamWrite::Full);
    });
}

pub fn an_upstream_changes_as_it_was_read_and_keeps_its_issuer_while_identities_have_it(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        store.create_upstream(&upstream("kakao")).await.unwrap();
        let won = winners(&store, |s, n| async move {
            let mut read = upstream("kakao");
            read.settings.title = format!("title {n}");
            s.update_upstream(&read).await.unwrap() == UpstreamWrite::Done
        });
        assert_eq!(won.await, 1);
        let read = store.upstream(&name("kakao")).await.unwrap().unwrap();
        assert_eq!(read.version, 1);
        let moved = with_issuer(read.clone(), "https://elsewhere.example");
        let version = Some(2);
        assert_eq!(
            store.update_upstream(&moved).await.unwrap(),
            UpstreamWrite::Done
        );
        let moved = with_issuer(Upstream { version: 2, ..read }, "https://kakao.example");
        assert_eq!(
            store.update_upstream(&moved).await.unwrap(),
            UpstreamWrite::Done
        );
        assert!(
            !store
                .set_upstream_disabled(&name("kakao"), version, true, moment(3))
                .await
                .unwrap()
        );
        let linked = store
            .link_identity(&identity("kakao", "u", "u"), 0, 3)
            .await
            .unwrap();
        assert_eq!(linked, LinkOutcome::Linked);
        let read = store.upstream(&name("kakao")).await.unwrap().unwrap();
        let moved = with_issuer(read.clone(), "https://elsewhere.example");
        assert_eq!(
            store.update_upstream(&moved).await.unwrap(),
            UpstreamWrite::IssuerInUse
        );
        let mut renamed = read.clone();
        renamed.settings.mapping.subject = "/email".into();
        assert_eq!(
            store.update_upstream(&renamed).await.unwrap(),
            UpstreamWrite::IssuerInUse
        );
        assert_eq!(
            store.update_upstream(&read).await.unwrap(),
            UpstreamWrite::Done
        );
    });
}

pub fn an_issuer_that_moves_and_an_identity_that_is_linked_at_once_stay_together(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        for round in 0..CALLERS {
            let it = format!("up{round}");
            store.create_upstream(&upstream(&it)).await.unwrap();
            let moved = with_issuer(upstream(&it), &format!("https://new{round}.example"));
            let linking = {
                let (store, it) = (store.clone(), it.clone());
                tokio::spawn(async move {
                    store
                        .link_identity(&identity(&it, "s", "u"), 0, 0)
                        .await
                        .unwrap()
                })
            };
            let written = store.update_upstream(&moved).await.unwrap();
            let linked = linking.await.unwrap();
            let one_won = (written == UpstreamWrite::Done) != (linked == LinkOutcome::Linked);
            assert!(one_won, "{written:?} {linked:?}");
        }
    });
}

pub fn an_upstream_in_use_is_deleted_only_with_its_identities(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        linked(&store, "kakao", "u").await;
        let delete = async |version, all| {
            store
                .delete_upstream(&name("kakao"), version, all)
                .await
                .unwrap()
        };
        assert_eq!(delete(Some(1), true).await, UpstreamEnd::Unknown);
        assert_eq!(delete(None, false).await, UpstreamEnd::InUse(1));
        assert_eq!(store.count_identities(&name("kakao"), 5).await.unwrap(), 1);
        assert_eq!(delete(Some(0), true).await, UpstreamEnd::Deleted(1));
        assert!(store.identity(&key("kakao", "u")).await.unwrap().is_none());
        assert_eq!(delete(None, true).await, UpstreamEnd::Unknown);
    });
}

fn login(state: &str, interaction: &str, at: i64) -> UpstreamLogin {
    UpstreamLogin {
        state: Digest::of(state),
        interaction: Digest::of(interaction),
        upstream: name("kakao"),
        version: 0,
        nonce: Digest::of("nonce"),
        sealed: "sealed".into(),
        created_at: moment(at),
        expires_at: moment(at + 600),
    }
}

pub fn a_sign_in_that_was_begun_elsewhere_is_taken_once_and_in_time(stores: &impl Stores) {
    stores.each(async |store| {
        store.create_upstream(&upstream("kakao")).await.unwrap();
        begin(&store, "i").await;
        let begun = login("s", "i", 5);
        assert!(store.begin_upstream_login(&begun).await.unwrap());
        let take = async |state: &str, at| {
            store
                .take_upstream_login(&Digest::of(state), moment(at))
                .await
                .unwrap()
        };
        assert_eq!(take("other", 6).await, None);
        assert_eq!(take("s", 605).await, None, "it has ended");
        let won = winners(&store, move |s, _| {
            let begun = begun.clone();
            async move {
                let taken = s.take_upstream_login(&Digest::of("s"), moment(604)).await;
                taken.unwrap().is_some_and(|taken| taken == begun)
            }
        });
        assert_eq!(won.await, 1);
        assert_eq!(take("s", 6).await, None, "once");
    });
}

pub fn a_sign_in_is_begun_elsewhere_while_interaction_and_upstream_stand_and_makes_room(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        store.create_upstream(&upstream("kakao")).await.unwrap();
        begin(&store, "i").await;
        let start = async |login: &UpstreamLogin| store.begin_upstream_login(login).await.unwrap();
        assert!(!start(&login("s", "gone", 5)).await);
        let old = UpstreamLogin {
            version: 1,
            ..login("s", "i", 5)
        };
        assert!(!start(&old).await);
        for n in 0..=bounds::UPSTREAM_LOGINS {
            assert!(start(&login(&format!("s{n}"), "i", 5 + n)).await);
        }
        let take = async |state: &str| {
            let taken = store
                .take_upstream_login(&Digest::of(state), moment(20))
                .await
                .unwrap();
            taken.is_some()
        };
        assert!(!take("s0").await, "the oldest made room");
        assert!(take("s1").await);
        store.end_interaction(&Digest::of("i")).await.unwrap();
        assert!(!take("s2").await, "it went with the interaction");
        begin(&store, "j").await;
        let kakao = name("kakao");
        let off = store.set_upstream_disabled(&kakao, None, true, moment(9));
        assert!(off.await.unwrap());
        let disabled = UpstreamLogin {
            version: 1,
            ..login("t", "j", 9)
        };
        assert!(!start(&disabled).await);
    });
}
