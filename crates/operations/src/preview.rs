//! What a user would get of a client: tokens and UserInfo as they would be, with nothing issued, signed or written.

use latchkey_protocol::{
    ClientId, Issuer,
    authorize::RequestRules,
    client::Client,
    error::Refusal,
    lifetimes::Lifetimes,
    token::{Preview, PreviewRequest, TokenIssuer},
    user::User,
};
use serde_json::{Value, json};

use crate::{Operations, Realm, Result};

/// What tokens of an issuer are made by.
#[derive(Clone, Copy)]
pub struct TokenRules<'a> {
    /// `iss`.
    pub issuer: &'a Issuer,
    /// How long they live.
    pub lifetimes: &'a Lifetimes,
    /// Audiences whose access tokens are of type `JWT`.
    pub jwt_typ_audiences: &'a [String],
    /// What is asked of authorization requests.
    pub requests: RequestRules,
    /// Whether access tokens have entries in status lists.
    pub has_status_lists: bool,
}

impl<'a> TokenRules<'a> {
    /// Those of a realm.
    pub fn of(realm: &'a Realm) -> Self {
        Self {
            issuer: &realm.issuer,
            lifetimes: &realm.lifetimes,
            jwt_typ_audiences: &realm.jwt_typ_audiences,
            requests: realm.rules,
            has_status_lists: realm.has_status_lists,
        }
    }
}

/// What a user, or without one the client itself, would get.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenPreview {
    /// The client.
    pub client: Client,
    /// The user; none: the client for itself.
    pub user: Option<User>,
    /// What they would get, or the first refusal.
    pub outcome: std::result::Result<Preview, Refusal>,
}

impl Operations<'_> {
    /// What the user whom `login` names would get if they signed in to a client that asks for `scope`, by the rules that
    /// issue tokens. Without a user, what the client would get for itself. Nothing is issued, signed or written.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`](crate::OperationError::ClientUnknown),
    /// [`OperationError::UserUnknown`](crate::OperationError::UserUnknown).
    pub async fn preview_tokens(
        &self,
        rules: TokenRules<'_>,
        client: &ClientId,
        login: Option<&str>,
        scope: &str,
    ) -> Result<TokenPreview> {
        let client = self.client(client).await?;
        let user = match login {
            Some(login) => Some(self.user(login).await?),
            None => None,
        };
        let custom_claims = self.store.custom_claims().await?;
        let asked = PreviewRequest {
            issuer: TokenIssuer {
                name: rules.issuer,
                lifetimes: rules.lifetimes,
                custom_claims: &custom_claims,
                jwt_typ_audiences: rules.jwt_typ_audiences,
            },
            rules: rules.requests,
            has_status_lists: rules.has_status_lists,
            client: &client,
            scope,
            now: self.now,
        };
        let outcome = match &user {
            None => asked.of_client(),
            Some(user) => {
                let consent = self.store.consent(&user.id, &client.id).await?;
                asked.of_user(user, consent.as_ref())
            }
        };
        Ok(TokenPreview {
            client,
            user,
            outcome,
        })
    }
}

impl TokenPreview {
    /// For programs: the same from every front end.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "client_id": self.client.id,
            "username": self.user.as_ref().map(|user| &user.username),
        });
        let told = match &self.outcome {
            Ok(preview) => given(preview),
            Err(refused) => json!({ "refused": refusal(refused) }),
        };
        if let (Value::Object(json), Value::Object(told)) = (&mut json, told) {
            json.extend(told);
        }
        json
    }
}

fn given(preview: &Preview) -> Value {
    let id_token = preview.id_token.as_ref();
    let userinfo = preview.userinfo.as_ref().map(|answer| match answer {
        Ok(claims) => json!({ "claims": claims }),
        Err(refused) => json!({ "refused": refusal(refused) }),
    });
    json!({
        "scope": preview.scope,
        "ignored_scope": preview.ignored_scope,
        "asks_consent": preview.asks_consent,
        "refresh_token": preview.has_refresh_token,
        "id_token": id_token.map(|(algorithm, claims)| json!({ "alg": algorithm.name(), "claims": claims })),
        "userinfo": userinfo,
        "access_token": { "typ": preview.access_token_typ.name(), "claims": preview.access_token },
        "claims": preview.claims,
    })
}

fn refusal(refused: &Refusal) -> Value {
    let text = refused.reason.refusal();
    json!({
        "reason": refused.reason.name(), "error": text.code.0, "checked": text.checked, "fix": text.fix,
        "expected": refused.detail.expected, "received": refused.detail.received,
    })
}
