//! What tokens and list tokens say.

use latchkey_protocol::{
    Issuer, Timestamp,
    status::{
        ENTRIES, StatusClaim, StatusEntry, StatusListClaims, StatusListMember, StatusReference,
    },
};
use serde_json::json;

/// 6.2.
#[test]
fn a_token_names_its_list_and_its_place() {
    let issuer = Issuer::new("https://id.example/a");
    let entry = StatusEntry { list: 7, idx: 70 };
    let claim = entry.claim(&issuer);
    assert_eq!(
        json!(claim),
        json!({ "status_list": { "idx": 70, "uri": "https://id.example/a/status-lists/7" } })
    );
    let read: StatusClaim = serde_json::from_value(json!(claim)).unwrap();
    assert_eq!(StatusEntry::named(&read.status_list, &issuer), Some(entry));
}

/// What a token says of another's list, or of none, ends nothing of ours.
#[test]
fn only_our_own_entries_are_ours() {
    let issuer = Issuer::new("https://id.example");
    let named = |idx: u64, uri: &str| {
        let uri = uri.to_owned();
        StatusEntry::named(&StatusReference { idx, uri }, &issuer)
    };
    let good = "https://id.example/status-lists/1";
    assert!(named(0, good).is_some() && named(u64::from(ENTRIES) - 1, good).is_some());
    for idx in [u64::from(ENTRIES), 1 << 32, u64::MAX] {
        assert_eq!(named(idx, good), None, "{idx}");
    }
    for uri in [
        "https://id.example/status-lists",
        "https://id.example/status-lists/",
        "https://id.example/status-lists/01",
        "https://id.example/status-lists/+1",
        "https://id.example/status-lists/-1",
        "https://id.example/status-lists/1/",
        "https://id.example/status-lists/1?a",
        "https://id.example/status-lists/4294967296",
        "https://id.example/other/1",
        "https://id.example.evil.example/status-lists/1",
        "https://evil.example/status-lists/1",
        "http://id.example/status-lists/1",
    ] {
        assert_eq!(named(0, uri), None, "{uri}");
    }
}

/// 5.1; the claims of others may lack what the draft does not ask for.
#[test]
fn a_list_token_says_what_the_draft_wants() {
    let claims = StatusListClaims {
        iss: Some("https://id.example".into()),
        sub: "https://id.example/status-lists/1".into(),
        iat: Timestamp::from_seconds(100),
        exp: Some(Timestamp::from_seconds(160)),
        ttl: Some(5),
        status_list: StatusListMember {
            bits: 1,
            lst: "eNrbuRgAAhcBXQ".into(),
            aggregation_uri: Some("https://id.example/status-lists".into()),
        },
    };
    let text = json!(claims);
    assert_eq!(
        text,
        json!({
            "iss": "https://id.example", "sub": "https://id.example/status-lists/1", "iat": 100, "exp": 160, "ttl": 5,
            "status_list": { "bits": 1, "lst": "eNrbuRgAAhcBXQ", "aggregation_uri": "https://id.example/status-lists" },
        })
    );
    let read: StatusListClaims = serde_json::from_value(text).unwrap();
    assert_eq!(read, claims);
    let least = json!({ "sub": "s", "iat": 1, "status_list": { "bits": 8, "lst": "" } });
    let read: StatusListClaims = serde_json::from_value(least.clone()).unwrap();
    assert_eq!(json!(read), least);
}
