//! Registrations, which are changed as they were read.

use latchkey_protocol::{
    client::FormerSecret,
    client_list::{ClientCounts, ClientList, ClientSort},
    page::Page,
};

use super::*;
use latchkey_protocol::{AuthorizationId, ClientId};

pub fn a_registration_is_changed_as_it_was_read(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let won = winners(&store, |s, n| async move {
            if n % 2 == 0 {
                return s
                    .set_client_secret(
                        &ClientId::new("c"),
                        0,
                        &Digest::of("new"),
                        None,
                        None,
                        moment(6),
                    )
                    .await
                    .unwrap();
            }
            let mut changed = client();
            changed.metadata.client_name = Some(format!("name {n}"));
            s.update_client_metadata(&changed).await.unwrap()
        });
        assert_eq!(won.await, 1);
        let read = store.client(&ClientId::new("c")).await.unwrap().unwrap();
        assert_eq!(read.version, 1);
        assert!(
            store
                .set_client_secret(
                    &ClientId::new("c"),
                    1,
                    &Digest::of("newer"),
                    None,
                    None,
                    moment(6)
                )
                .await
                .unwrap()
        );
        let now = store.client(&ClientId::new("c")).await.unwrap().unwrap();
        assert_eq!(
            (now.secret.clone(), &now.metadata),
            (Some(Digest::of("newer")), &read.metadata)
        );
        assert!(
            !store
                .set_client_secret(
                    &ClientId::new("other"),
                    0,
                    &Digest::of("x"),
                    None,
                    None,
                    moment(6)
                )
                .await
                .unwrap()
        );
    });
}

pub fn a_sealed_secret_comes_and_goes_with_its_secret(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let sealed = async || {
            store
                .client(&ClientId::new("c"))
                .await
                .unwrap()
                .unwrap()
                .sealed_secret
                .clone()
        };
        assert_eq!(sealed().await, None);
        let new = Digest::of("new");
        for (at, now) in [(0, Some("first")), (1, Some("second")), (2, None)] {
            assert!(
                store
                    .set_client_secret(&ClientId::new("c"), at, &new, now, None, moment(6))
                    .await
                    .unwrap()
            );
            assert_eq!(sealed().await.as_deref(), now);
            // Whoever was overtaken changes neither.
            let id = ClientId::new("c");
            let late = store.set_client_secret(&id, at, &new, Some("late"), None, moment(6));
            assert!(!late.await.unwrap());
            assert_eq!(sealed().await.as_deref(), now);
        }
        for (at, now) in [(3, Some("third".to_owned())), (4, None)] {
            let mut changed = client();
            (changed.version, changed.sealed_secret) = (at, now.clone());
            assert!(store.update_client_metadata(&changed).await.unwrap());
            assert_eq!(sealed().await, now);
        }
        let mut other = client();
        (other.id, other.sealed_secret) = (ClientId::new("d"), Some("of d".into()));
        assert!(store.create_client(&other).await.unwrap());
        let read = store.client(&ClientId::new("d")).await.unwrap().unwrap();
        assert_eq!(*read, other);
    });
}

pub fn a_former_secret_comes_and_goes_with_its_successor(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let read = async || {
            store
                .client(&ClientId::new("c"))
                .await
                .unwrap()
                .unwrap()
                .former_secret
                .clone()
        };
        assert_eq!(read().await, None);
        let former = |secret: &str, until| FormerSecret {
            digest: Digest::of(secret),
            until: moment(until),
        };
        let new = Digest::of("new");
        for (at, now) in [
            (0, Some(former("a", 5))),
            (1, Some(former("b", 6))),
            (2, None),
        ] {
            let id = ClientId::new("c");
            let set = store.set_client_secret(&id, at, &new, None, now.as_ref(), moment(6));
            assert!(set.await.unwrap());
            assert_eq!(read().await, now);
            let late = former("late", 9);
            let late = store
                .set_client_secret(&ClientId::new("c"), at, &new, None, Some(&late), moment(6))
                .await;
            assert!(!late.unwrap());
            assert_eq!(read().await, now);
        }
        for (at, now) in [(3, Some(former("d", 7))), (4, None)] {
            let mut changed = client();
            (changed.version, changed.former_secret) = (at, now.clone());
            assert!(store.update_client_metadata(&changed).await.unwrap());
            assert_eq!(read().await, now);
        }
    });
}

pub fn a_client_that_is_disabled_is_not_enabled_by_a_change_that_was_read_before(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        seeded(&store).await;
        let read = async || store.client(&ClientId::new("c")).await.unwrap().unwrap();
        let before = read().await;
        assert_eq!(before.disabled_at, None);
        let disable = async |at| {
            store
                .set_client_disabled(&ClientId::new("c"), None, at)
                .await
                .unwrap()
        };
        assert!(disable(Some(moment(5))).await);
        assert!(disable(Some(moment(9))).await);
        assert_eq!(read().await.disabled_at, Some(moment(5)), "since then");
        assert!(!store.update_client_metadata(&before).await.unwrap());
        let new = Digest::of("new");
        let set = store
            .set_client_secret(&ClientId::new("c"), 0, &new, None, None, moment(6))
            .await;
        assert!(!set.unwrap());
        assert!(store.update_client_metadata(&*read().await).await.unwrap());
        assert_eq!(read().await.disabled_at, Some(moment(5)));
        assert!(disable(None).await);
        assert_eq!(read().await.disabled_at, None);
        let none = store
            .set_client_disabled(&ClientId::new("other"), None, None)
            .await;
        assert!(!none.unwrap());
    });
}

pub fn of_callers_who_have_read_the_same_client_one_stops_it(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let id = ClientId::new("c");
        let before = store.client(&id).await.unwrap().unwrap().version;
        let won = winners(&store, move |s, n| async move {
            let at = n.is_multiple_of(2).then(|| moment(5));
            let id = ClientId::new("c");
            let set = s.set_client_disabled(&id, Some(before), at);
            set.await.unwrap()
        });
        assert_eq!(won.await, 1);
        let after = store.client(&id).await.unwrap().unwrap().version;
        assert_eq!(after, before + 1);
    });
}

pub fn clients_are_listed_in_each_order_each_once(stores: &impl Stores) {
    stores.each(async |store| {
        for n in 0..9 {
            let mut one = client();
            one.id = ClientId::new(format!("c{n}"));
            // Three of each name, two of each moment.
            one.metadata.client_name = Some(format!("App {}", ["b", "É", "B"][n % 3]));
            one.created_at = moment(i64::try_from(n / 2).unwrap());
            assert!(store.create_client(&one).await.unwrap());
        }
        let whole = async |asked: ClientList| {
            let (mut page, mut ids) = (Page::first(2), Vec::new());
            loop {
                let piece = store.client_list(&asked, &page).await.unwrap();
                let Some(last) = piece.last() else { return ids };
                page = Page::after(asked.cursor(last), 2);
                ids.extend(piece.into_iter().map(|client| client.id.into_string()));
            }
        };
        let by = async |sort, is_descending, begins: Option<&str>| {
            let begins = begins.map(str::to_owned);
            whole(ClientList {
                begins,
                sort,
                is_descending,
            })
            .await
            .concat()
        };
        let names = "c0c2c3c5c6c8c1c4c7";
        assert_eq!(by(ClientSort::Name, false, None).await, names);
        assert_eq!(by(ClientSort::Name, true, None).await, "c7c4c1c8c6c5c3c2c0");
        assert_eq!(
            by(ClientSort::Created, false, None).await,
            "c0c1c2c3c4c5c6c7c8"
        );
        assert_eq!(
            by(ClientSort::Created, true, None).await,
            "c8c7c6c5c4c3c2c1c0"
        );
        // A search is sorted by name.
        for sort in ClientSort::ALL {
            assert_eq!(by(sort, false, Some("app")).await, names);
            assert_eq!(by(sort, true, Some("APP B")).await, "c8c6c5c3c2c0");
            assert_eq!(by(sort, false, Some("app \u{c9}")).await, "c1c4c7");
            assert_eq!(by(sort, false, Some("pp")).await, "");
            assert_eq!(by(sort, false, Some("%")).await, "");
        }
        let renamed = store.client(&ClientId::new("c0")).await.unwrap().unwrap();
        let mut renamed = (*renamed).clone();
        renamed.metadata.client_name = None;
        assert!(store.update_client_metadata(&renamed).await.unwrap());
        assert_eq!(
            by(ClientSort::Name, false, Some("c")).await,
            "c0",
            "by the id where there is no name"
        );
    });
}

pub fn what_refers_to_a_client_is_counted_up_to_a_bound(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let counts = async |id: &str| {
            let counts = store.client_counts(&ClientId::new(id), moment(2)).await;
            counts.unwrap()
        };
        assert_eq!(counts("c").await, ClientCounts::default());
        issued(&store, "a", "openid").await;
        issued(&store, "b", "openid").await;
        let ended = AuthorizationId::new("b");
        store.revoke_authorization(&ended, moment(1)).await.unwrap();
        let one = ClientCounts {
            authorizations: 1,
            ..ClientCounts::default()
        };
        assert_eq!(counts("c").await, one);
        assert_eq!(counts("other").await, ClientCounts::default());
    });
}
