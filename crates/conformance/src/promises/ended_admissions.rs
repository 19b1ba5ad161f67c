//! Whom a client admits no more loses the tokens of that client, and nothing is revoked.

use super::{
    status_lists::{NONE, NOW, OVER, ended, given},
    *,
};
use latchkey_protocol::{
    AuthorizationId, ClientId, UserId, access::Access, admission, jobs::TakeJobs,
};

/// Lets the client admit the staff alone.
async fn limit(store: &Shared, id: &str) {
    let mut limited = store.client_now(&ClientId::new(id)).await.unwrap().unwrap();
    let groups = vec!["staff".to_owned()];
    limited.metadata.access = Some(Access {
        groups,
        ..Access::default()
    });
    assert!(store.update_client_metadata(&limited).await.unwrap());
}

/// What a user has of a client, in the session `s`.
async fn of_client(
    store: &Shared,
    id: &str,
    client: &str,
    user: &str,
    idx: u32,
) -> AuthorizationId {
    let mut one = authorization(id, "openid offline_access");
    (one.client_id, one.user_id) = (ClientId::new(client), UserId::new(user));
    given(store, &one, idx).await;
    one.id
}

/// In the transaction that changes the user; and nothing is revoked.
pub fn a_user_who_is_admitted_no_more_loses_the_tokens_of_that_client(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let mut other = client();
        other.id = ClientId::new("d");
        assert!(store.create_client(&other).await.unwrap());
        let u = UserId::new("u");
        let change = async |of: &dyn Fn(&mut User)| {
            let before = store.user(&u).await.unwrap().unwrap();
            let mut after = before.clone();
            of(&mut after);
            after.updated_at = moment(NOW + 1);
            let written = store.update_user_profile(&before, &after, LastAdministrator::Stays);
            assert_eq!(written.await.unwrap(), WriteOutcome::Done);
        };
        change(&|user| user.groups = vec!["staff".into()]).await;
        limit(&store, "c").await;
        of_client(&store, "at c", "c", "u", 0).await;
        of_client(&store, "at d", "d", "u", 2).await;
        let code = authorization("code", "openid");
        assert!(store.issue_code(None, &code).await.unwrap());
        change(&|user| user.groups.push("others".into())).await;
        change(&|user| user.name = None).await;
        assert_eq!(ended(&store).await, NONE, "still one of the staff");
        change(&|user| user.groups.clear()).await;
        assert_eq!(
            ended(&store).await,
            [0, 1],
            "the other client admits everybody"
        );
        let kept = store.authorization(&AuthorizationId::new("at c")).await;
        assert_eq!(kept.unwrap().unwrap().authorization.revoked_at, None);
        // What was judged before is refused now.
        let exchanged =
            store.exchange_code(&code.id, moment(NOW + 1), None, moment(900), &NO_ENTRIES);
        assert!(!exchanged.await.unwrap());
    });
}

/// Page by page, by a job that each such change leaves.
pub fn a_client_that_admits_fewer_or_nobody_loses_the_tokens_of_the_others(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let mut staff = user("staff");
        staff.groups = vec!["staff".into()];
        store.create_user(&staff).await.unwrap();
        for n in 0..5 {
            let of = if n % 2 == 0 { "u" } else { "staff" };
            of_client(&store, &format!("a{n}"), "c", of, 2 * n).await;
        }
        let revoked = AuthorizationId::new("a0");
        store
            .revoke_authorization(&revoked, moment(NOW))
            .await
            .unwrap();
        let c = ClientId::new("c");
        let look_through = async |at| {
            let (mut after, mut looks) = (None, 0);
            loop {
                let looked = store.end_tokens_not_admitted(&c, after.as_ref(), 2, moment(at));
                after = looked.await.unwrap();
                if after.is_none() {
                    return looks;
                }
                looks += 1;
            }
        };
        assert_eq!(look_through(NOW).await, 3);
        assert_eq!(ended(&store).await, [0, 1], "everybody is admitted");
        limit(&store, "c").await;
        look_through(OVER).await;
        assert_eq!(ended(&store).await, [0, 1], "they are over");
        look_through(NOW).await;
        assert_eq!(ended(&store).await, [0, 1, 4, 5, 8, 9]);
        assert!(
            store
                .set_client_disabled(&c, None, Some(moment(NOW)))
                .await
                .unwrap()
        );
        look_through(NOW).await;
        assert_eq!(ended(&store).await, (0..10).collect::<Vec<_>>());
        let take = TakeJobs {
            owner: "w",
            kind: admission::KIND,
            now: moment(NOW),
            lease: 60,
            most: 9,
        };
        let jobs = store.take_jobs(&take).await.unwrap();
        let of: Vec<_> = jobs
            .iter()
            .map(|job| admission::client(&job.payload))
            .collect();
        assert_eq!(of, [Some(c.clone()), Some(c)], "one for each change");
    });
}
