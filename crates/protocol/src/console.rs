//! The console: its built-in client, who may use it, and what its store keeps.

use std::sync::Arc;

use serde_json::json;

use crate::{
    ClientId,
    bounds::LARGEST_DRAFT,
    client::Client,
    kind,
    secret::{Digest, Secret},
    time::Timestamp,
    user::User,
};

/// The id of the console's client. It is built in: nobody registers, changes or deletes it.
pub const CLIENT_ID: &str = "latchkey-console";
/// The role that may do everything.
pub const ADMIN: &str = "admin";
/// The role that may read everything.
pub const AUDITOR: &str = "auditor";
/// How long a set-up link can be used, in seconds.
pub const SETUP_LIFETIME: i64 = 3600;
/// How long what was typed waits for a sign-in, in seconds.
pub const DRAFT_LIFETIME: i64 = 1800;

/// The console's client under an issuer whose console is signed in to at `callback`. It has no secret, and is no public
/// client either: nobody can authenticate as it, and its codes are exchanged inside the server alone.
pub fn client(callback: &str) -> Arc<Client> {
    let metadata = json!({
        "client_name": "Latchkey console", "redirect_uris": [callback], "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "client_secret_basic", "scope": "openid", "trusted": true, "require_pkce": true,
    });
    let metadata = serde_json::from_value(metadata)
        .unwrap_or_else(|error| unreachable!("metadata of the console: {error}"));
    Arc::new(Client {
        id: ClientId::new(CLIENT_ID),
        secret: None,
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata,
        created_at: Timestamp::from_seconds(0),
        version: 0,
    })
}

/// Whether a role lets its user into the console.
pub fn opens_console(role: &str) -> bool {
    [ADMIN, AUDITOR].contains(&role)
}

/// What a user may do in the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// See everything, change nothing.
    Read,
    /// Everything.
    Full,
}

impl Access {
    /// By the roles that the user has now.
    pub fn of(user: &User) -> Option<Self> {
        let has = |role: &str| user.roles.iter().any(|known| known == role);
        if has(ADMIN) {
            Some(Self::Full)
        } else {
            has(AUDITOR).then_some(Self::Read)
        }
    }
}

/// Whether a sign-in at `auth_time` is recent enough for a change. The same bound as that of `max_age`, so that whoever
/// is sent to sign in again is let through afterwards.
pub fn is_recent(auth_time: Timestamp, reauth: i64, now: Timestamp) -> bool {
    now - auth_time <= reauth
}

/// The link with which the first administrator is created. There is one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLink {
    /// Digest of the secret in the address.
    pub digest: Digest<kind::SetupLink>,
    /// It can be used before this.
    pub expires_at: Timestamp,
}

impl SetupLink {
    /// A link that can be used from now on.
    pub fn new(secret: &Secret<kind::SetupLink>, now: Timestamp) -> Self {
        Self {
            digest: secret.digest(),
            expires_at: now + SETUP_LIFETIME,
        }
    }
}

/// What was typed into a form by a user who has to sign in again before it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The path of the form.
    pub page: String,
    /// The form, encoded, without anti-forgery token and passwords.
    pub form: String,
    /// It is shown before this.
    pub expires_at: Timestamp,
}

impl Draft {
    /// What was typed at `page`, to be shown for [`DRAFT_LIFETIME`]. None where there is nothing, or more than is kept: an
    /// empty form takes no other's place.
    pub fn new(page: &str, form: String, now: Timestamp) -> Option<Self> {
        let is_kept = !form.is_empty() && form.len() <= LARGEST_DRAFT;
        is_kept.then(|| Self {
            page: page.to_owned(),
            form,
            expires_at: now + DRAFT_LIFETIME,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_roles_open_the_console_and_admin_goes_first() {
        let mut user = User {
            id: crate::UserId::new("u"),
            username: "u".into(),
            email: None,
            name: None,
            password_hash: None,
            roles: Vec::new(),
            groups: vec![ADMIN.into()],
            claims: Default::default(),
            attributes: Default::default(),
            disabled_at: None,
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
            version: 0,
        };
        let mut access = |roles: &[&str]| {
            user.roles = roles.iter().map(|role| (*role).to_owned()).collect();
            Access::of(&user)
        };
        assert_eq!(access(&[]), None);
        assert_eq!(access(&["Admin", "administrator", "admin "]), None);
        assert_eq!(access(&["auditor"]), Some(Access::Read));
        assert_eq!(access(&["auditor", "admin"]), Some(Access::Full));
    }

    #[test]
    fn nobody_can_authenticate_as_the_console_or_pass_for_it() {
        let client = client("http://localhost:8080/admin/callback");
        assert!(client.secret.is_none() && !client.is_public());
        assert!(!client.can_be_impersonated("http://localhost:8080/admin/callback"));
    }

    #[test]
    fn a_sign_in_is_recent_up_to_the_bound() {
        let at = Timestamp::from_seconds;
        assert!(is_recent(at(0), 600, at(600)));
        assert!(!is_recent(at(0), 600, at(601)));
    }
}
