//! Registrations, which are changed as they were read.

use latchkey_protocol::client::FormerSecret;

use super::*;
use latchkey_protocol::ClientId;

pub fn a_registration_is_changed_as_it_was_read(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let won = winners(&store, |s, n| async move {
            if n % 2 == 0 {
                return s
                    .set_client_secret(&ClientId::new("c"), 0, &Digest::of("new"), None, None)
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
                .set_client_secret(&ClientId::new("c"), 1, &Digest::of("newer"), None, None)
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
                .set_client_secret(&ClientId::new("other"), 0, &Digest::of("x"), None, None)
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
                    .set_client_secret(&ClientId::new("c"), at, &new, now, None)
                    .await
                    .unwrap()
            );
            assert_eq!(sealed().await.as_deref(), now);
            // Whoever was overtaken changes neither.
            let id = ClientId::new("c");
            let late = store.set_client_secret(&id, at, &new, Some("late"), None);
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
            let set = store.set_client_secret(&id, at, &new, None, now.as_ref());
            assert!(set.await.unwrap());
            assert_eq!(read().await, now);
            let late = former("late", 9);
            let late = store
                .set_client_secret(&ClientId::new("c"), at, &new, None, Some(&late))
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
                .set_client_disabled(&ClientId::new("c"), at)
                .await
                .unwrap()
        };
        assert!(disable(Some(moment(5))).await);
        assert!(disable(Some(moment(9))).await);
        assert_eq!(read().await.disabled_at, Some(moment(5)), "since then");
        assert!(!store.update_client_metadata(&before).await.unwrap());
        let new = Digest::of("new");
        let set = store
            .set_client_secret(&ClientId::new("c"), 0, &new, None, None)
            .await;
        assert!(!set.unwrap());
        assert!(store.update_client_metadata(&*read().await).await.unwrap());
        assert_eq!(read().await.disabled_at, Some(moment(5)));
        assert!(disable(None).await);
        assert_eq!(read().await.disabled_at, None);
        let none = store
            .set_client_disabled(&ClientId::new("other"), None)
            .await;
        assert!(!none.unwrap());
    });
}
