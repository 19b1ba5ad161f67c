//! An authorization request (RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1): what is read of it, and what it must keep to.

use serde::{Deserialize, Serialize};

use super::{ClaimsRequest, Prompt, ResponseTypes};
use crate::{
    ClientId, Params, ScopeSet, Subject, UserId,
    client::{Client, GrantType, ResponseMode, ReturnTo},
    error::Refusal,
    pkce,
    reason::Reason,
};

/// The longest of what is kept as it came, in bytes.
const LONGEST: [(&str, usize); 3] = [("state", 4096), ("nonce", 1024), ("scope", 4096)];

/// What an `id_token_hint` turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// None was sent.
    None,
    /// It is one of ours, issued to whichever client, and names this user.
    Subject(Subject),
    /// It is none of ours, or says that the secret of another client signed it.
    Unusable,
}

impl Hint {
    fn subject(self) -> Result<Option<Subject>, Refusal> {
        match self {
            Self::None => Ok(None),
            Self::Subject(subject) => Ok(Some(subject)),
            Self::Unusable => Err(Reason::HintUnusable.into()),
        }
    }
}

/// What an installation asks of requests beyond the specifications.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestRules {
    /// Every client sends a code challenge.
    pub require_pkce: bool,
}

/// A checked authorization request: what is asked for, and how that is answered. It is stored flat, as one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The client that asks.
    pub client_id: ClientId,
    /// What it asks for.
    #[serde(flatten)]
    pub grant: GrantRequest,
    /// How it is answered.
    #[serde(flatten)]
    pub route: AnswerRoute,
}

/// How an answer finds its way through the browser back to the request that it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRoute {
    /// Where the answer goes; registered.
    pub redirect_uri: String,
    /// Whether it was sent: the token request must then send it too (RFC 6749 4.1.3).
    pub redirect_uri_sent: bool,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// What the client hears again (RFC 6749 4.1.1).
    pub state: Option<String>,
    /// For the ID token (OpenID Connect Core 3.1.2.1).
    pub nonce: Option<String>,
    /// S256 of the verifier (RFC 7636 4.3).
    pub code_challenge: Option<String>,
}

/// What a client asks a user for. It needs neither a redirect URI nor a browser, so that a flow without them asks for the
/// same under the same rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// What it asks for, of what it can have.
    pub scope: ScopeSet,
    /// What was asked for and the client cannot have.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub ignored_scope: ScopeSet,
    /// What was asked for claim by claim.
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
    /// Which pages it wants shown, or none.
    pub prompt: Prompt,
    /// In seconds.
    pub max_age: Option<i64>,
    /// What the login page has as a name to begin with.
    pub login_hint: Option<String>,
    /// The subject of the `id_token_hint`.
    pub hint_subject: Option<Subject>,
    /// The languages that it wants pages in, best first.
    pub ui_locales: Option<String>,
    /// The name of the provider that it wants the user to sign in at. A wish: what is there under another name, or not at all,
    /// is as if it were not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp_hint: Option<String>,
}

impl GrantRequest {
    /// Whether this user may be the answer: the one of the `id_token_hint`, and of a `sub` asked for with a value.
    pub fn is_for(&self, client: &Client, user_id: &UserId) -> bool {
        let subject = Subject::of_user(client, user_id);
        let hinted = self.hint_subject.as_ref();
        hinted.is_none_or(|hinted| *hinted == subject) && self.claims.is_for(&subject)
    }

    /// Reads what is asked for (OpenID Connect Core 3.1.2.1).
    fn check(params: &Params, client: &Client, hint: Hint) -> Result<Self, Refusal> {
        let (scope, ignored_scope) = scope(params, client)?;
        let claims = params
            .optional("claims")
            .filter(|_| scope.contains("openid"));
        Ok(Self {
            scope,
            ignored_scope,
            claims: claims
                .map(|text| ClaimsRequest::parse(text, client))
                .transpose()?
                .unwrap_or_default(),
            prompt: Prompt::parse(params.optional("prompt").unwrap_or_default())?,
            max_age: max_age(params, client)?,
            login_hint: cut(params, "login_hint", 200),
            hint_subject: hint.subject()?,
            ui_locales: cut(params, "ui_locales", 100),
            idp_hint: cut(params, "idp_hint", 32),
        })
    }
}

impl AuthorizationRequest {
    /// Everything that is read of a request; the rest is ignored (RFC 6749 3.1).
    pub const PARAMETERS: [&str; 19] = [
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "ui_locales",
        "idp_hint",
        "claims",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
        "registration",
    ];

    /// Proves the destination (first half): until this has passed, only a page can answer.
    ///
    /// # Errors
    /// [`Refusal`] for a page.
    pub fn destination(params: &Params, client: &Client) -> Result<ReturnTo, Refusal> {
        params.sound_in(&["client_id", "redirect_uri", "response_mode", "state"])?;
        let mode = match params.optional("response_mode") {
            Some("form_post") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        };
        client.return_to(
            params.optional("redirect_uri"),
            mode,
            params.optional("state"),
        )
    }

    /// Checks everything else, in this order; what is wrong goes back to the client.
    ///
    /// # Errors
    /// [`Refusal`], for the client at `to`.
    pub fn check(
        params: &Params,
        client: &Client,
        to: &ReturnTo,
        hint: Hint,
        rules: RequestRules,
    ) -> Result<Self, Refusal> {
        params.sound()?;
        unsupported(params)?;
        lengths(params)?;
        response(params, client)?;
        if !client.may(GrantType::AuthorizationCode) {
            return Err(Reason::GrantNotAllowed
                .because("authorization_code among grant_types", "not there"));
        }
        let grant = GrantRequest::check(params, client, hint)?;
        let route = AnswerRoute {
            redirect_uri: to.redirect_uri().to_owned(),
            redirect_uri_sent: params.optional("redirect_uri").is_some(),
            mode: to.mode(),
            state: to.state().map(str::to_owned),
            nonce: params.optional("nonce").map(str::to_owned),
            code_challenge: challenge(params, client, rules)?,
        };
        Ok(Self {
            client_id: client.id.clone(),
            grant,
            route,
        })
    }
}

/// Ways of asking that are not had here.
fn unsupported(params: &Params) -> Result<(), Refusal> {
    if params.optional("request_uri").is_some() {
        return Err(Reason::RequestUriUnsupported.into());
    }
    if params.optional("registration").is_some() {
        return Err(Reason::RegistrationUnsupported.into());
    }
    Ok(())
}

/// An interaction is kept for an hour, and anyone may begin one.
fn lengths(params: &Params) -> Result<(), Refusal> {
    for (name, most) in LONGEST {
        let length = params.optional(name).map_or(0, str::len);
        if length > most {
            return Err(Reason::ParameterMalformed.because(
                format!("{name}: at most {most} bytes"),
                format!("{length} bytes"),
            ));
        }
    }
    Ok(())
}

/// What the answer is to be, and how it travels (RFC 6749 3.1.1).
fn response(params: &Params, client: &Client) -> Result<(), Refusal> {
    let missing = || Reason::ParameterMissing.because("response_type", "nothing");
    let text = params.optional("response_type").ok_or_else(missing)?;
    let asked = text.parse().ok().filter(|asked| client.may_ask_for(*asked));
    if !asked.is_some_and(ResponseTypes::is_supported) {
        return Err(Reason::ResponseTypeUnsupported.because(ResponseTypes::supported(), text));
    }
    match params.optional("response_mode") {
        None | Some("query" | "form_post") => Ok(()),
        Some(mode) => Err(Reason::ResponseModeUnsupported.because("query or form_post", mode)),
    }
}

/// The first characters of a parameter that is only a hint.
fn cut(params: &Params, name: &str, most: usize) -> Option<String> {
    let text = params.optional(name)?;
    Some(text.chars().take(most).collect())
}

/// What the client is asked to get, and the rest: scopes that are not understood are ignored (OpenID Connect Core 3.1.2.1),
/// those that the registration implies are added.
fn scope(params: &Params, client: &Client) -> Result<(ScopeSet, ScopeSet), Refusal> {
    let text = params.optional("scope").unwrap_or_default();
    let asked = ScopeSet::requested(text)?;
    let may_refresh = client.may(GrantType::RefreshToken);
    let known = asked.filter(|s| client.knows_scope(s) && (may_refresh || s != "offline_access"));
    if known.is_empty() && !asked.is_empty() {
        return Err(Reason::ScopeUnknown.because("a scope of the client's registration", text));
    }
    let given = known.union(&client.metadata.implied_scope);
    let ignored = asked.filter(|s| !given.contains(s));
    Ok((given, ignored))
}

fn max_age(params: &Params, client: &Client) -> Result<Option<i64>, Refusal> {
    match params.optional("max_age") {
        None => Ok(client.metadata.default_max_age),
        Some(text) => match text.parse() {
            Ok(age) if (0..=i64::from(u32::MAX)).contains(&age) => Ok(Some(age)),
            _ => Err(Reason::ParameterMalformed.because("max_age: seconds, 0 or more", text)),
        },
    }
}

fn challenge(
    params: &Params,
    client: &Client,
    rules: RequestRules,
) -> Result<Option<String>, Refusal> {
    let method = params.optional("code_challenge_method");
    let required = rules.require_pkce || client.metadata.require_pkce || client.is_public();
    match params.optional("code_challenge") {
        None if method.is_some() || required => Err(Reason::ChallengeMissing.into()),
        None => Ok(None),
        Some(_) if method != Some("S256") => Err(Reason::ChallengeMethodUnsupported
            .because("S256", method.unwrap_or("nothing, which means plain"))),
        Some(challenge) if pkce::is_challenge(challenge) => Ok(Some(challenge.to_owned())),
        Some(challenge) => Err(Reason::ParameterMalformed
            .because("code_challenge: 43 base64url characters", challenge)),
    }
}
