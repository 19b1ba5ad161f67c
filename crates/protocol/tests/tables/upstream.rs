//! Other providers: who becomes whom, what is read of claims, what a callback may be, and what settings may say.

mod callback;
mod mapping;
mod settings;
mod who;

use latchkey_protocol::{
    UserId,
    upstream::{
        EmailTrust, Linking, Trust, Upstream, UpstreamName, UpstreamProfile, UpstreamSettings,
    },
    user::User,
};
use serde_json::{Map, Value, json};

use crate::NOW;

/// The upstream `kakao`, with these members of its settings.
fn upstream(more: Value) -> Upstream {
    let mut settings = json!({
        "title": "Kakao", "client_id": "c", "protocol": { "kind": "oidc", "issuer": "https://kakao.example" },
    });
    let members = settings.as_object_mut().unwrap();
    members.extend(more.as_object().cloned().unwrap_or_default());
    let settings: UpstreamSettings = serde_json::from_value(settings).unwrap();
    Upstream {
        name: UpstreamName::parse("kakao").unwrap(),
        settings,
        sealed_secret: None,
        disabled_at: None,
        created_at: NOW,
        updated_at: NOW,
        version: 3,
    }
}

fn trusting(email: EmailTrust, create: bool, link: Linking) -> Upstream {
    let mut upstream = upstream(json!({ "domains": ["own.example"] }));
    upstream.settings.trust = Trust {
        email,
        create,
        link,
    };
    upstream
}

/// Whom the provider calls this, with an address that it says it has verified.
fn profile(email: Option<&str>) -> UpstreamProfile {
    UpstreamProfile {
        email: email.map(str::to_owned),
        email_verified: email.is_some(),
        ..UpstreamProfile::default()
    }
}

fn user(id: &str, email: &str) -> User {
    User {
        id: UserId::new(id),
        username: id.to_owned(),
        email: Some(email.to_owned()),
        name: None,
        password_hash: Some("hash".into()),
        roles: Vec::new(),
        groups: Vec::new(),
        claims: Map::from_iter([("email_verified".to_owned(), true.into())]),
        attributes: Map::new(),
        disabled_at: None,
        created_at: NOW,
        updated_at: NOW,
        version: 7,
    }
}
