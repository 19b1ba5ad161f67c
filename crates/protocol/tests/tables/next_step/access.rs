//! Clients that are limited to some users.

use latchkey_protocol::{
    access::{Access, AccessGround, JudgedVersions},
    authorize::{Step, next_step},
};
use serde_json::json;

use super::{World, check};
use crate::{NOW, session, user};

fn limited(world: &mut World, access: serde_json::Value) {
    world.metadata = json!({ "access": access });
}

#[test]
fn a_client_that_is_limited_is_for_its_users_alone() {
    check(&[
        (
            "by a group",
            |w| limited(w, json!({ "groups": ["other", "staff"] })),
            "approve openid email",
        ),
        (
            "by a role",
            |w| limited(w, json!({ "roles": ["admin"], "groups": ["other"] })),
            "approve openid email",
        ),
        (
            "by name",
            |w| limited(w, json!({ "users": ["alice"] })),
            "approve openid email",
        ),
        (
            "a group is no role",
            |w| limited(w, json!({ "roles": ["staff"], "groups": ["admin"] })),
            "no access",
        ),
        (
            "a user name is no subject",
            |w| limited(w, json!({ "users": ["alice-name"] })),
            "no access",
        ),
        ("nobody is named", |w| limited(w, json!({})), "no access"),
        (
            "without a page",
            |w| {
                limited(w, json!({ "groups": ["other"] }));
                w.query = "&prompt=none";
            },
            "UserNotAdmitted",
        ),
        (
            "the group was lost",
            |w| {
                limited(w, json!({ "groups": ["staff"] }));
                w.without_groups = true;
            },
            "no access",
        ),
        (
            "before the user is asked what it may have",
            |w| {
                limited(w, json!({ "groups": ["other"] }));
                w.consent = None;
            },
            "no access",
        ),
        (
            "after the user has signed in",
            |w| {
                limited(w, json!({ "groups": ["other"] }));
                w.here = None;
            },
            "login",
        ),
        (
            "after the user has signed in again",
            |w| {
                limited(w, json!({ "groups": ["other"] }));
                w.query = "&prompt=login";
            },
            "login",
        ),
        (
            "a trusted client is limited too",
            |w| {
                w.metadata = json!({ "trusted": true, "access": { "groups": ["other"] } });
                w.consent = None;
            },
            "no access",
        ),
        (
            "back to the client",
            |w| {
                limited(w, json!({ "groups": ["other"] }));
                w.declined = true;
            },
            "UserNotAdmitted",
        ),
    ]);
}

/// So that what is written asks whether it is still so.
#[test]
fn an_approval_says_by_which_versions_the_user_was_admitted() {
    let mut world = World::new();
    let judged = |world: &World, version| {
        let (mut client, interaction) = world.interaction();
        client.version = 7;
        let (here, mut alice) = (session("here", "alice"), user("alice"));
        alice.version = version;
        let consent = world.consent.as_ref();
        let (here, alice) = (Some(&here), Some(&alice));
        match next_step(&client, &interaction, here, alice, consent, NOW) {
            Step::Approve(approval) => approval.access_judged_at(),
            step => panic!("{step:?}"),
        }
    };
    assert_eq!(judged(&world, 3), None, "everybody may use it");
    limited(&mut world, json!({ "groups": ["staff"] }));
    let expected = JudgedVersions { user: 3, client: 7 };
    assert_eq!(judged(&world, 3), Some(expected));
}

/// One user's session, another user's groups.
#[test]
fn the_groups_of_another_user_admit_nobody() {
    let mut world = World::new();
    limited(&mut world, json!({ "groups": ["staff"] }));
    let (client, interaction) = world.interaction();
    let (here, bob) = (session("here", "alice"), user("bob"));
    for user in [Some(&bob), None] {
        let consent = world.consent.as_ref();
        let step = next_step(&client, &interaction, Some(&here), user, consent, NOW);
        assert_eq!(step, Step::NoAccess);
    }
}

#[test]
fn why_somebody_is_admitted_is_all_that_admits_them() {
    let alice = user("alice");
    let access = Access {
        groups: vec!["staff".into(), "other".into()],
        roles: vec!["admin".into()],
        users: vec!["alice".into()],
    };
    let group = AccessGround::Group("staff".into());
    let role = AccessGround::Role("admin".into());
    assert_eq!(access.grounds(&alice), [group, role, AccessGround::User]);
    assert_eq!(Access::default().grounds(&alice), []);
    let written = json!({ "groups": ["staff"], "users": ["u"] });
    let read: Access = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), written);
}
