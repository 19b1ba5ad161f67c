//! Registrations, which are changed as they were read; and the notes of commands.

use latchkey_protocol::store::CommandEvent;

use super::*;

#[test]
fn a_registration_is_changed_as_it_was_read() {
    on_both(async |store| {
        seeded(&store).await;
        let won = winners(&store, |s, n| async move {
            if n % 2 == 0 {
                return s
                    .set_client_secret("c", 0, &Digest::of("new"))
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
                .set_client_secret("c", 1, &Digest::of("newer"))
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
                .set_client_secret("other", 0, &Digest::of("x"))
                .await
                .unwrap()
        );
    });
}

#[test]
fn what_a_command_did_is_kept_until_it_is_forgotten() {
    on_both(async |store| {
        let event = |n: usize| CommandEvent {
            id: format!("{n:02}"),
            at: 1,
            operation: "user disable".into(),
            target: format!("u{n}"),
            caller: "0".into(),
        };
        for n in 0..20 {
            store.add_command_event(&event(n)).await.unwrap();
        }
        for _crashed in 0..2 {
            assert_eq!(store.command_events(2).await.unwrap(), [event(0), event(1)]);
        }
        store
            .forget_command_events(&["00".into(), "01".into()])
            .await
            .unwrap();
        let left: Vec<_> = store
            .command_events(100)
            .await
            .unwrap()
            .into_iter()
            .map(|e| e.id)
            .collect();
        assert_eq!((left.len(), &*left[0]), (18, "02"));
        store.forget_command_events(&left).await.unwrap();
        assert_eq!(store.command_events(100).await.unwrap(), []);
    });
}
