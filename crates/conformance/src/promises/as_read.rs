//! Sessions that end only while the record they belong to is as whoever asks has read it.

use super::{deliveries::with_clients, users::add, *};
use latchkey_protocol::{ClientId, UserId};

pub fn the_sessions_of_a_user_end_only_while_they_are_at_the_version_that_is_named(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        add(&store, &user("u")).await;
        let id = UserId::new("u");
        let begun = store.sign_in(&session("s", "u"), "hash", None, None).await;
        assert!(begun.unwrap().is_some());
        let read = store.user(&id).await.unwrap().unwrap().version;
        assert!(store.enable_user(&id, Some(read), moment(4)).await.unwrap());
        let end = async |version| store.end_user_at(&id, version, moment(5)).await.unwrap();
        assert_eq!(end(read).await, None);
        assert_eq!(store.sessions(Some(&id)).await.unwrap().len(), 1);
        assert_eq!(end(read + 1).await, Some(1));
        assert_eq!(store.sessions(Some(&id)).await.unwrap(), []);
        assert_eq!(end(read + 1).await, Some(0), "the record is as it was");
        let nobody = store
            .end_user_at(&UserId::new("nobody"), 0, moment(5))
            .await;
        assert_eq!(nobody.unwrap(), None);
    });
}

pub fn an_end_of_a_clients_sessions_begins_only_while_it_is_at_the_version_that_is_named(
    stores: &impl Stores,
) {
    stores.each(async |store| {
        with_clients(&store).await;
        let id = ClientId::new("told");
        let read = store.client_now(&id).await.unwrap().unwrap().version;
        let stopped = store.set_client_disabled(&id, Some(read), Some(moment(4)));
        assert!(stopped.await.unwrap());
        let begin = async |version| {
            let begun = store.begin_bulk_end(Some(&id), version, moment(5)).await;
            begun.unwrap().is_some()
        };
        assert!(!begin(Some(read)).await);
        assert_eq!(store.bulk_ends(moment(0)).await.unwrap(), []);
        assert!(begin(Some(read + 1)).await);
        assert!(begin(None).await, "whatever it is");
    });
}
