//! Registrations, which are changed as they were read.

use super::*;

pub fn a_registration_is_changed_as_it_was_read(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let won = winners(&store, |s, n| async move {
            if n % 2 == 0 {
                return s
                    .set_client_secret("c", 0, &Digest::of("new"), None)
                    .await
                    .unwrap();
            }
            let mut changed = client();
            changed.metadata.client_name = Some(format!("name {n}"));
            s.update_client_metadata(&changed).await.unwrap()
        });
        assert_eq!(won.await, 1);
        let read = store.client("c").await.unwrap().unwrap();
        assert_eq!(read.version, 1);
        assert!(
            store
                .set_client_secret("c", 1, &Digest::of("newer"), None)
                .await
                .unwrap()
        );
        let now = store.client("c").await.unwrap().unwrap();
        assert_eq!(
            (now.secret.clone(), &now.metadata),
            (Some(Digest::of("newer")), &read.metadata)
        );
        assert!(
            !store
                .set_client_secret("other", 0, &Digest::of("x"), None)
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
                .client("c")
                .await
                .unwrap()
                .unwrap()
                .sealed_secret
                .clone()
        };
        assert_eq!(sealed().await, None);
        let new = Digest::of("new");
        for (at, now) in [(0, Some("first")), (1, Some("second")), (2, None)] {
            assert!(store.set_client_secret("c", at, &new, now).await.unwrap());
            assert_eq!(sealed().await.as_deref(), now);
            // Whoever was overtaken changes neither.
            let late = store.set_client_secret("c", at, &new, Some("late"));
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
        (other.id, other.sealed_secret) = ("d".into(), Some("of d".into()));
        assert!(store.create_client(&other).await.unwrap());
        let read = store.client("d").await.unwrap().unwrap();
        assert_eq!(*read, other);
    });
}
