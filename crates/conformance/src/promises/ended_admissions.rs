//! Whom a client admits no more loses the tokens of that client, and nothing is revoked.

use super::{
    status_lists::{NONE, NOW, OVER, ended, given, lease, live, look, numbers},
    *,
};
use latchkey_protocol::{
    AuthorizationId, ClientId, UserId,
    access::Access,
    admission::{self, REVIEWS, Review, ReviewedPage},
    client::Client,
    jobs::{Job, TakeJobs},
    status::TokenEntries,
    store::{EndedCursor, LeaseRequest},
};

/// Lets the client admit the staff alone.
pub async fn limit(store: &Shared, id: &str) {
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

/// The reviews that are due at a moment, each held for a minute.
pub async fn due(store: &Shared, owner: &str, now: i64) -> Vec<Job> {
    let take = TakeJobs {
        owner,
        kind: admission::KIND,
        now: moment(now),
        lease: LEASE,
        most: 99,
    };
    store.take_jobs(&take).await.unwrap()
}

const LEASE: i64 = 60;

/// The next page of a review. How it goes on.
pub async fn page(store: &Shared, job: &Job, review: &Review, most: i64, at: i64) -> ReviewedPage {
    let page = store.review_admissions(&job.lease, review, most, moment(at));
    page.await.unwrap().expect("the job is the caller's")
}

/// From where its job is, as it was taken. In how many pages.
pub async fn review(store: &Shared, job: &Job, most: i64, at: i64) -> usize {
    let mut next = Review::read(&job.payload);
    let mut pages = 0;
    while let Some(review) = next {
        next = page(store, job, &review, most, at).await.next;
        pages += 1;
    }
    pages
}

/// Page by page, by jobs that each such change leaves.
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
        limit(&store, "c").await;
        let [first, second, third] = &due(&store, "w", NOW).await[..] else {
            panic!("three reviews")
        };
        assert_eq!(review(&store, first, 2, OVER).await, 3);
        assert_eq!(ended(&store).await, [0, 1], "they are over");
        assert_eq!(review(&store, first, 2, NOW).await, 3);
        assert_eq!(ended(&store).await, [0, 1, 4, 5, 8, 9]);
        assert_eq!(review(&store, second, 5, NOW).await, 2, "a page was full");
        assert_eq!(review(&store, third, 9, NOW).await, 1);
        let known = look(&store, EndedCursor::default(), 99).await.ended;
        assert_eq!(known.len(), 3, "each once");
        let read = live(&store, &AuthorizationId::new("a2")).await;
        assert_eq!(read.entries, TokenEntries::default(), "no token shares one");

        let disabled = store.set_client_disabled(&c, None, Some(moment(NOW)));
        assert!(disabled.await.unwrap());
        let [first] = &due(&store, "w", NOW).await[..] else {
            panic!("one review, and two that come later")
        };
        review(&store, first, 2, NOW).await;
        assert_eq!(ended(&store).await, (0..10).collect::<Vec<_>>());
        assert_eq!(due(&store, "w", NOW + 1).await, []);
        assert_eq!(due(&store, "w", NOW + 2).await.len(), 1);
        assert_eq!(due(&store, "w", NOW + 59).await, []);
    });
}

/// Nobody else loses a token, and nothing is looked through for nothing.
pub fn only_a_change_that_may_turn_somebody_away_leaves_reviews(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let c = ClientId::new("c");
        let all = REVIEWS.len();
        let change = async |of: &dyn Fn(&mut Client)| {
            let mut changed = store.client_now(&c).await.unwrap().unwrap();
            of(&mut changed);
            assert!(store.update_client_metadata(&changed).await.unwrap());
            due(&store, "w", NOW + 60).await.len()
        };
        let disable = async |at: Option<i64>| {
            let set = store.set_client_disabled(&c, None, at.map(moment));
            assert!(set.await.unwrap());
            due(&store, "w", NOW + 60).await.len()
        };
        let groups = |names: &[&str]| {
            let groups = names.iter().map(|&name| name.into()).collect();
            Some(Access {
                groups,
                ..Access::default()
            })
        };
        let [one, two] = [groups(&["a"]), groups(&["b", "a"])];
        assert_eq!(change(&|c| c.metadata.client_name = None).await, 0);
        assert_eq!(change(&|c| c.metadata.access = two.clone()).await, all);
        assert_eq!(change(&|c| c.metadata.client_name = None).await, 0);
        assert_eq!(change(&|c| c.metadata.access = one.clone()).await, all);
        assert_eq!(change(&|c| c.metadata.access = two.clone()).await, 0);
        assert_eq!(change(&|c| c.metadata.access = None).await, 0);
        assert_eq!(disable(Some(NOW)).await, all);
        assert_eq!(disable(Some(NOW + 1)).await, 0, "it is disabled");
        assert_eq!(disable(None).await, 0);
        assert_eq!(
            disable(Some(NOW + 2)).await,
            all - 1,
            "the last comes later"
        );
    });
}

/// However often nodes die: nothing is looked at twice, and whoever was too slow writes nothing.
pub fn a_review_goes_on_where_whoever_died_left_it(stores: &impl Stores) {
    stores.each(async |store| {
        const GIVEN: u32 = 25;
        seeded(&store).await;
        for n in 0..GIVEN {
            of_client(&store, &format!("a{n:02}"), "c", "u", 2 * n).await;
        }
        let c = ClientId::new("c");
        let disabled = store.set_client_disabled(&c, None, Some(moment(NOW)));
        assert!(disabled.await.unwrap());
        let mut ends = 0;
        for n in 0..3 {
            let at = NOW + n * LEASE;
            // The others of the same change are done by somebody.
            let all = due(&store, "dies", at).await;
            let (job, others) = all.split_first().unwrap();
            for other in others {
                assert!(store.finish_job(&other.lease).await.unwrap());
            }
            let begin = Review::read(&job.payload).unwrap();
            let next = page(&store, job, &begin, 10, NOW).await.next;
            ends = (ends + 20).min(2 * GIVEN);
            assert_eq!(ended(&store).await, (0..ends).collect::<Vec<_>>());
            assert_eq!(next.is_some(), n < 2, "{n}");
            let again = due(&store, "another", at + LEASE).await;
            let late = store.review_admissions(&job.lease, &begin, 10, moment(NOW));
            assert_eq!(late.await.unwrap(), None, "it is another's");
            if let Some(next) = next {
                assert_eq!(Review::read(&again[0].payload), Some(next));
            }
            for job in again {
                assert!(
                    store
                        .retry_job(&job.lease, moment(at), "died")
                        .await
                        .unwrap()
                );
            }
        }
    });
}

/// What is issued until it begins counts as issued before.
pub fn a_review_ends_when_no_token_of_before_counts(stores: &impl Stores) {
    stores.each(async |store| {
        seeded(&store).await;
        let of_before = LeaseRequest {
            live_until: moment(NOW + 1),
            ..numbers(4)
        };
        lease(&store, of_before).await;
        let c = ClientId::new("c");
        let disabled = store.set_client_disabled(&c, None, Some(moment(NOW)));
        assert!(disabled.await.unwrap());
        // By a node that knows the client as it was.
        lease(&store, numbers(4)).await;
        of_client(&store, "a", "c", "u", 0).await;
        let over = numbers(4).live_until.as_seconds();
        let job = due(&store, "w", NOW + 2).await.pop().unwrap();
        let begin = Review::read(&job.payload).unwrap();
        assert_eq!((begin.changed_at, begin.over_at), (moment(NOW), None));
        let none = page(&store, &job, &begin, 1, over).await;
        assert_eq!(none, ReviewedPage::default());
        assert_eq!(ended(&store).await, NONE);
        let next = page(&store, &job, &begin, 1, NOW + 2).await.next.unwrap();
        assert_eq!(ended(&store).await, [0, 1]);
        assert_eq!(next.over_at, Some(moment(over)));
        let none = page(&store, &job, &next, 1, over).await;
        assert_eq!(none, ReviewedPage::default());
    });
}
