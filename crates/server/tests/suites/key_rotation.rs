//! Signing keys over their life: announced, signing, retiring, forgotten; by themselves, with nodes that race and clocks
//! that jump.

use latchkey_operations::keys::new_key;
use latchkey_protocol::rotation::{KeyBound, Rotation, RotationOutcome, published_after};
use latchkey_server::{
    key_watch::KeyWatch,
    wiring::{OsEntropy, open_keys},
};
use serde_json::Value;

use crate::support::*;

const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// A node's watch over the keys.
async fn node(h: &Harness) -> KeyWatch {
    let (master, _) = open_keys(&*h.store, &h.keys_dir(), h.moment())
        .await
        .unwrap();
    KeyWatch::new(
        master,
        Rotation {
            after: 90 * DAY,
            announce: HOUR,
        },
    )
}

pub async fn published(h: &Harness) -> Vec<String> {
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    h.jwks().await.iter().map(kid).collect()
}

async fn signs(h: &Harness) -> String {
    let token = h
        .post_as_app("/token", &[("grant_type", "client_credentials")])
        .await;
    assert_eq!(token.status, 200, "{token:?}");
    part(&token.json["access_token"], 0)["kid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn with_the_clock_set_back_it_goes_on() {
    on_both(async |h| {
        let first = signs(&h).await;
        h.pass(-7200);
        assert_eq!(answer(plain().get(h.at("/readyz"))).await.status, 200);
        assert_eq!(signs(&h).await, first);
        let tokens = h.tokens(&h.browser()).await;
        assert_eq!(
            h.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            200
        );
        assert_eq!(
            h.refresh(tokens["refresh_token"].as_str().unwrap())
                .await
                .status,
            200
        );
        assert_eq!(published(&h).await, std::slice::from_ref(&first));
        let mut watch = node(&h).await;
        watch.look(&h.app.provider).await;
        assert_eq!(published(&h).await, [first], "no key is made for that");
    });
}

#[test]
fn a_rotation_during_a_start_is_loaded() {
    on_both(async |h| {
        // The ring has been opened; now another node, or a command, adds a key; then the watch begins.
        let (master, _) = open_keys(&*h.store, &h.keys_dir(), h.moment())
            .await
            .unwrap();
        let key = new_key(&master, &OsEntropy, h.moment(), h.moment() + 60).unwrap();
        let rotated = (h.store).rotate_key(&key, h.moment() + 1000, KeyBound::ALL);
        assert_eq!(rotated.await.unwrap(), RotationOutcome::Done);
        let mut watch = node(&h).await;
        watch.look(&h.app.provider).await;
        assert_eq!(published(&h).await.len(), 2);
        h.pass(60);
        assert_eq!(signs(&h).await, key.kid);
    });
}

#[test]
fn keys_rotate_by_themselves_once_however_many_nodes_there_are() {
    on_both(async |h| {
        let first = signs(&h).await;
        let mut nodes = [node(&h).await, node(&h).await, node(&h).await];
        h.pass(90 * DAY - HOUR - 1);
        nodes[0].look(&h.app.provider).await;
        assert_eq!(published(&h).await, std::slice::from_ref(&first), "not yet");
        h.pass(1);
        let [a, b, c] = &mut nodes;
        let provider = &h.app.provider;
        tokio::join!(a.look(provider), b.look(provider), c.look(provider));
        let keys = published(&h).await;
        assert_eq!(
            (keys.len(), keys.contains(&first)),
            (2, true),
            "one new key, announced"
        );
        assert_eq!(h.store.signing_keys().await.unwrap().len(), 2);
        h.pass(HOUR - 1);
        assert_eq!(signs(&h).await, first, "for an hour it is only published");
        h.pass(1);
        let second = signs(&h).await;
        assert_ne!(second, first);
        for watch in &mut nodes {
            watch.look(&h.app.provider).await;
        }
        assert_eq!(
            published(&h).await.len(),
            2,
            "and that is it, for another 90 days"
        );
    });
}

#[test]
fn a_retired_key_is_published_no_more_and_its_private_half_is_gone() {
    on_both(async |h| {
        let first = signs(&h).await;
        let mut watch = node(&h).await;
        h.pass(90 * DAY);
        watch.look(&h.app.provider).await;
        let after = HOUR + published_after(&h.app.ui.only_realm.lifetimes);
        h.pass(after - 1);
        h.store.sweep(h.moment(), 10).await.unwrap();
        watch.look(&h.app.provider).await;
        assert_eq!(published(&h).await.len(), 2, "while its last token lives");
        h.pass(1);
        h.store.sweep(h.moment(), 10).await.unwrap();
        watch.look(&h.app.provider).await;
        let keys = published(&h).await;
        assert!(keys.len() == 1 && keys[0] != first, "{keys:?}");
        let kept = h.store.signing_keys().await.unwrap();
        let old = kept.iter().find(|k| k.kid == first).unwrap();
        assert!(
            old.sealed.is_none() && old.retires_at.is_some(),
            "its dates stay for latchkey key list"
        );
        // Neither a clock that goes back nor a start brings it back.
        h.pass(-after - 10);
        watch.look(&h.app.provider).await;
        assert_eq!(published(&h).await, keys);
        let (_, ring) = open_keys(&*h.store, &h.keys_dir(), h.moment())
            .await
            .unwrap();
        assert!(!ring.publishes(&first, h.now()));
    });
}

#[test]
fn the_replay_window_survives_a_rotation_and_the_old_keys_retirement() {
    let settings = [
        ("LATCHKEY_TOKENS__REFRESH_TOKEN_IDLE", "10m"),
        ("LATCHKEY_TOKENS__REFRESH_REPLAY_WINDOW", "5m"),
    ];
    on_both_with(&settings, async |h| {
        let first = signs(&h).await;
        let mut watch = node(&h).await;
        h.pass(90 * DAY - HOUR);
        watch.look(&h.app.provider).await;
        h.pass(HOUR - 10);
        let tokens = h.tokens(&h.browser()).await;
        let parent = tokens["refresh_token"].as_str().unwrap();
        let successor = h.refresh(parent).await.json;
        assert_eq!(part(&successor["refresh_token"], 0)["kid"], first.as_str());
        h.pass(10);
        assert_ne!(signs(&h).await, first);
        let again = h.refresh(parent).await;
        assert_eq!(
            again.json["refresh_token"], successor["refresh_token"],
            "the same bytes, by the key of then"
        );
        assert_ne!(part(&again.json["access_token"], 0)["kid"], first.as_str());
        // Presented at its last moment, and again at the window's end: the old key is still there to verify it.
        h.pass(10 * 60 - 11);
        let last = successor["refresh_token"].as_str().unwrap();
        let next = h.refresh(last).await;
        assert_eq!(next.status, 200, "{next:?}");
        h.pass(5 * 60);
        watch.look(&h.app.provider).await;
        let again = h.refresh(last).await;
        assert_eq!(
            again.json["refresh_token"], next.json["refresh_token"],
            "{again:?}"
        );
        h.pass(71);
        watch.look(&h.app.provider).await;
        assert!(!published(&h).await.contains(&first));
        let newest = next.json["refresh_token"].as_str().unwrap();
        assert_eq!(
            h.refresh(newest).await.status,
            200,
            "the family goes on under the new key"
        );
    });
}
