//! `judge_callback`: whether what a browser brings back answers the sign-in that it began.

use latchkey_protocol::{
    Digest, Reason,
    upstream::{Upstream, UpstreamLogin, UpstreamName, judge_callback},
};
use serde_json::json;

use super::upstream;
use crate::{NOW, params, shows_each};

/// The provider that was asked answers with a code.
struct World {
    upstream: Upstream,
    login: UpstreamLogin,
    query: &'static str,
    expects_issuer: bool,
}

impl World {
    fn new() -> Self {
        let upstream = upstream(json!({}));
        let login = UpstreamLogin {
            state: Digest::of("state"),
            interaction: Digest::of("interaction"),
            upstream: upstream.name.clone(),
            version: upstream.version,
            nonce: Digest::of("nonce"),
            sealed: String::new(),
            created_at: NOW,
            expires_at: NOW + 600,
        };
        Self {
            upstream,
            login,
            query: "code=c",
            expects_issuer: false,
        }
    }
}

type Row = (&'static str, fn(&mut World), Option<Reason>);

const TABLE: [Row; 15] = [
    ("all is well", |_| {}, None),
    (
        "with the issuer",
        |w| w.query = "code=c&iss=https://kakao.example",
        None,
    ),
    (
        "with the issuer, which is expected",
        |w| (w.query, w.expects_issuer) = ("code=c&iss=https://kakao.example", true),
        None,
    ),
    (
        "without the issuer, which is expected",
        |w| w.expects_issuer = true,
        Some(Reason::UpstreamIssuerDiffers),
    ),
    (
        "with another issuer",
        |w| w.query = "code=c&iss=https://kakao.example/",
        Some(Reason::UpstreamIssuerDiffers),
    ),
    (
        "an error of another issuer is judged as its code would be",
        |w| w.query = "error=access_denied&iss=https://evil.example",
        Some(Reason::UpstreamIssuerDiffers),
    ),
    (
        "begun at another provider",
        |w| w.login.upstream = UpstreamName::parse("naver").unwrap(),
        Some(Reason::UpstreamStateUnknown),
    ),
    (
        "settings of another version",
        |w| w.login.version = 2,
        Some(Reason::UpstreamChanged),
    ),
    (
        "disabled meanwhile",
        |w| w.upstream.disabled_at = Some(NOW),
        Some(Reason::UpstreamChanged),
    ),
    (
        "the user did not go on",
        |w| w.query = "error=access_denied",
        Some(Reason::UpstreamCancelled),
    ),
    (
        "the provider needs the user",
        |w| w.query = "error=interaction_required",
        Some(Reason::UpstreamCancelled),
    ),
    (
        "the provider fails",
        |w| w.query = "error=server_error",
        Some(Reason::UpstreamRefused),
    ),
    (
        "an error and a code",
        |w| w.query = "error=invalid_scope&code=c",
        Some(Reason::UpstreamRefused),
    ),
    (
        "neither",
        |w| w.query = "state=s",
        Some(Reason::UpstreamAnswerUnfit),
    ),
    (
        "an empty code",
        |w| w.query = "code=",
        Some(Reason::UpstreamAnswerUnfit),
    ),
];

#[test]
fn a_callback_is_judged_in_order() {
    let mut seen = Vec::new();
    for (about, change, expected) in TABLE {
        let mut world = World::new();
        change(&mut world);
        let query = params(world.query);
        let judged = judge_callback(&world.upstream, &world.login, &query, world.expects_issuer);
        assert_eq!(judged.as_ref().err().map(|r| r.reason), expected, "{about}");
        if let Ok(callback) = judged {
            assert_eq!(callback.code, "c");
        }
        seen.extend(expected);
    }
    seen.dedup();
    let reasons = [
        Reason::UpstreamIssuerDiffers,
        Reason::UpstreamStateUnknown,
        Reason::UpstreamChanged,
        Reason::UpstreamCancelled,
        Reason::UpstreamRefused,
        Reason::UpstreamAnswerUnfit,
    ];
    shows_each(&seen, &reasons);
}

#[test]
fn an_issuer_of_many_tenants_is_that_of_one_that_is_named() {
    let tenants = |tenants: &[&str]| {
        let issuer = "https://ms.example/{tenantid}/v2.0";
        upstream(json!({ "protocol": { "kind": "oidc", "issuer": issuer, "tenants": tenants } }))
    };
    let one = tenants(&["t-1"]).settings.protocol;
    assert!(one.issues_as("https://ms.example/t-1/v2.0"));
    let any = tenants(&["*"]).settings.protocol;
    assert!(any.issues_as("https://ms.example/t-2/v2.0"));
    for other in [
        "https://ms.example/t-2/v2.0",
        "https://ms.example/{tenantid}/v2.0",
        "https://ms.example/t-1/v2.0/",
        "https://evil.example/t-1/v2.0",
    ] {
        assert!(!one.issues_as(other), "{other}");
    }
    for other in [
        "https://ms.example//v2.0",
        "https://ms.example/a/b/v2.0",
        "https://ms.example/a?/v2.0",
    ] {
        assert!(!any.issues_as(other), "{other}");
    }
}
