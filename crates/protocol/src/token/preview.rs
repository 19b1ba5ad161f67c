//! What somebody would get of a client: decided and said by the rules that issue it, with nothing issued, signed or kept.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Grant, Holder, TokenIssuer, TokenSet, client_scope, starts_refresh, token_set};
use crate::{
    AuthorizationId, Digest, IdTokenAlgorithm, Params, Reason, ScopeSet, SessionId,
    authorization::Authorization,
    authorize::{Approval, AuthorizationRequest, Hint, RequestRules, Step, next_step},
    bearer::{for_userinfo, userinfo_answer},
    claims::{ClaimRules, ExplainedClaim, Place},
    client::{AccessTokenTyp, Client, GrantType},
    consent::Consent,
    error::Refusal,
    interaction::{Interaction, LIFETIME},
    pkce,
    session::Session,
    status::{StatusClaim, StatusEntry},
    time::Timestamp,
    user::User,
};

/// Stands where a token has a value that is another one each time.
pub const VARIES: &str = "(another one each time)";
/// The members that have such a value.
const VARYING: [&str; 5] = ["jti", "sid", "nonce", "at_hash", "status"];

/// What is to be looked at.
#[derive(Clone, Copy)]
pub struct PreviewRequest<'a> {
    /// What the tokens of the installation have in common.
    pub issuer: TokenIssuer<'a>,
    /// What it asks of authorization requests.
    pub rules: RequestRules,
    /// Whether its access tokens have entries in status lists.
    pub has_status_lists: bool,
    /// Who asks.
    pub client: &'a Client,
    /// The value of a `scope` parameter.
    pub scope: &'a str,
    /// When.
    pub now: Timestamp,
}

/// What would be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What would be granted.
    pub scope: ScopeSet,
    /// What would be ignored: the client cannot have it.
    pub ignored_scope: ScopeSet,
    /// Whether the user would be asked first.
    pub asks_consent: bool,
    /// Whether there would be a refresh token.
    pub has_refresh_token: bool,
    /// Header `typ` of the access token.
    pub access_token_typ: AccessTokenTyp,
    /// The access token's claims.
    pub access_token: Map<String, Value>,
    /// What the ID token would be signed with, and its claims; none without the scope `openid`.
    pub id_token: Option<(IdTokenAlgorithm, Map<String, Value>)>,
    /// What UserInfo would answer; none where the client asks for itself.
    pub userinfo: Option<Result<Map<String, Value>, Refusal>>,
    /// Why each claim is there, or is not.
    pub claims: Vec<ExplainedClaim>,
}

impl PreviewRequest<'_> {
    /// For a user who has just signed in and allows what they are asked. `consent`: what they have allowed before.
    ///
    /// # Errors
    /// Why there would be nothing: the first refusal that the client or the user would hear.
    pub fn of_user(&self, user: &User, consent: Option<&Consent>) -> Result<Preview, Refusal> {
        let client = self.client;
        client.enabled()?;
        if user.disabled_at.is_some() {
            return Err(Reason::UserDisabled.because("enabled", "disabled"));
        }
        let session = Session::begin(
            SessionId::new(VARIES),
            Digest::of(VARIES),
            user.id.clone(),
            false,
            self.issuer.lifetimes,
            self.now,
        );
        let mut interaction = self.interaction(&session)?;
        let step = next_step(
            client,
            &interaction,
            Some(&session),
            Some(user),
            consent,
            self.now,
        );
        let asks_consent = matches!(step, Step::Consent(_));
        if asks_consent {
            let scope = interaction.request.grant.scope.clone();
            interaction.consented = Some((user.id.clone(), scope));
        }
        let step = next_step(
            client,
            &interaction,
            Some(&session),
            Some(user),
            consent,
            self.now,
        );
        match step {
            Step::Approve(approval) => Ok(Preview {
                asks_consent,
                ..self.approved(user, &approval)
            }),
            Step::NoAccess => Err(Reason::UserNotAdmitted.because(
                "one of the groups, roles or users of the client's access",
                &user.username,
            )),
            Step::Refuse(refused) => Err(refused),
            Step::Login | Step::SelectAccount => Err(Reason::LoginNeeded.into()),
            Step::Consent(_) => Err(Reason::ConsentNeeded.into()),
        }
    }

    /// A request for this scope in which the user has signed in.
    fn interaction(&self, session: &Session) -> Result<Interaction, Refusal> {
        let client = self.client;
        if !client.may(GrantType::AuthorizationCode) {
            return Err(Reason::GrantNotAllowed
                .because("authorization_code among grant_types", "not there"));
        }
        let challenge = pkce::challenge(VARIES);
        let redirect_uri = client.metadata.redirect_uris.first();
        let sent = [
            ("client_id", client.id.as_str()),
            ("redirect_uri", redirect_uri.map_or("", String::as_str)),
            ("response_type", "code"),
            ("scope", self.scope),
            ("nonce", VARIES),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let pairs = sent.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let params = Params::from_pairs(pairs);
        let to = AuthorizationRequest::destination(&params, client)?;
        let request = AuthorizationRequest::check(&params, client, &to, Hint::None, self.rules)?;
        Ok(Interaction {
            digest: Digest::of(VARIES),
            browser: Digest::of(VARIES),
            former_browser: None,
            request,
            created_at: self.now,
            expires_at: self.now + LIFETIME,
            login_session: Some(session.id.clone()),
            selected_session: None,
            consented: None,
            declined: false,
        })
    }

    fn approved(&self, user: &User, approval: &Approval<'_>) -> Preview {
        let authorization = Authorization::approve(
            AuthorizationId::new(VARIES),
            Digest::of(VARIES),
            approval,
            self.issuer.lifetimes,
            self.now,
        );
        let scope = &authorization.scope;
        let status = self.status();
        let grant = Grant {
            client: self.client,
            scope,
            holder: Holder::User {
                user,
                authorization: &authorization,
                session: true,
                nonce: approval.request().route.nonce.as_deref(),
                refresh: None,
            },
            status: status.as_ref(),
        };
        let set = token_set(self.issuer, &grant, VARIES, self.now);
        let asked = &authorization.asked_claims.userinfo;
        let userinfo = for_userinfo(&set.access_token, Some(user), self.issuer.name).map(|user| {
            let for_all = self.issuer.custom_claims;
            userinfo_answer(&set.access_token, user, Some(self.client), asked, for_all)
        });
        Preview {
            has_refresh_token: starts_refresh(self.client, &authorization),
            ignored_scope: authorization.ignored_scope.clone(),
            ..self.said(Some(user), scope, set, Some(userinfo))
        }
    }

    /// For the client itself (RFC 6749 4.4).
    ///
    /// # Errors
    /// As [`PreviewRequest::of_user`].
    pub fn of_client(&self) -> Result<Preview, Refusal> {
        let client = self.client;
        client.enabled()?;
        if !client.may(GrantType::ClientCredentials) {
            return Err(Reason::GrantNotAllowed
                .because("client_credentials among grant_types", "not there"));
        }
        let scope = client_scope(Some(self.scope), client)?;
        let status = self.status();
        let grant = Grant {
            client,
            scope: &scope,
            holder: Holder::Client,
            status: status.as_ref(),
        };
        let set = token_set(self.issuer, &grant, VARIES, self.now);
        Ok(self.said(None, &scope, set, None))
    }

    /// Some entry, which each token has another one of.
    fn status(&self) -> Option<StatusClaim> {
        let entry = StatusEntry { list: 0, idx: 0 };
        self.has_status_lists.then(|| entry.claim(self.issuer.name))
    }

    /// The documents of a token set, and why they say what they say.
    fn said(
        &self,
        user: Option<&User>,
        scope: &ScopeSet,
        set: TokenSet<'_>,
        userinfo: Option<Result<Map<String, Value>, Refusal>>,
    ) -> Preview {
        let id_token = set.id_token.map(|draft| {
            let algorithm = draft.algorithm();
            (algorithm, document(&draft.finish(VARIES)))
        });
        let access_token = document(&set.access_token);
        let rules = ClaimRules {
            client: self.client,
            user,
            for_all: self.issuer.custom_claims,
            granted: scope,
        };
        let mut claims = Vec::new();
        if let Some((_, said)) = &id_token {
            claims.extend(rules.explain(Place::IdToken, said));
        }
        if let Some(Ok(said)) = &userinfo {
            claims.extend(rules.explain(Place::Userinfo, said));
        }
        claims.extend(rules.explain(Place::AccessToken, &access_token));
        Preview {
            scope: scope.clone(),
            ignored_scope: ScopeSet::default(),
            asks_consent: false,
            has_refresh_token: false,
            access_token_typ: set.access_token_typ,
            access_token,
            id_token,
            userinfo,
            claims,
        }
    }
}

/// The claims as JSON, without what is another one each time.
fn document(claims: &impl Serialize) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(claims) else {
        return Map::new();
    };
    for name in VARYING {
        if let Some(value) = members.get_mut(name) {
            *value = VARIES.into();
        }
    }
    members
}
