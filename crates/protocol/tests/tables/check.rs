//! `AuthorizationRequest::destination` and `check`: what an authorization request must keep to.

mod rows;

use latchkey_protocol::{
    Reason, Subject,
    authorize::{AuthorizationRequest, Hint, RequestRules},
};
use serde_json::{Value, json};

use crate::{CHALLENGE, REDIRECT, client, params, shows_each};

use rows::{AGE_AND_CHALLENGE, DESTINATION, REQUEST};

/// All is well: the least that a request of this client must have.
struct World {
    metadata: Value,
    /// In the place of `response_type=code`.
    query: String,
    hint: Hint,
    rules: RequestRules,
}

impl World {
    fn new() -> Self {
        Self {
            metadata: json!({}),
            query: "response_type=code&scope=openid".into(),
            hint: Hint::None,
            rules: RequestRules::default(),
        }
    }

    fn with(&mut self, more: &str) {
        self.query = format!("{}&{more}", self.query);
    }

    fn public(&mut self) {
        self.metadata = json!({ "token_endpoint_auth_method": "none" });
    }

    /// The request, or why not.
    fn check(&self) -> Result<AuthorizationRequest, Reason> {
        let (client, params) = (client(self.metadata.clone()), params(&self.query));
        let to = AuthorizationRequest::destination(&params, &client).map_err(|r| r.reason)?;
        assert_eq!(to.redirect_uri(), REDIRECT);
        let checked =
            AuthorizationRequest::check(&params, &client, &to, self.hint.clone(), self.rules);
        checked.map_err(|refused| refused.reason)
    }
}

type Row = (&'static str, fn(&mut World), Option<Reason>);

fn long(name: &str, bytes: usize) -> String {
    format!("{name}={}", "a".repeat(bytes))
}

#[test]
fn a_request_is_refused_for_the_first_thing_that_is_wrong() {
    let mut seen = Vec::new();
    let rows = DESTINATION.iter().chain(&REQUEST).chain(&AGE_AND_CHALLENGE);
    for (name, change, expected) in rows {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.check().err(), *expected, "{name}");
        seen.extend(*expected);
    }
    shows_each(
        &seen,
        &[
            Reason::ParameterRepeated,
            Reason::ParameterMalformed,
            Reason::RedirectUriMissing,
            Reason::RedirectUriUnregistered,
            Reason::RequestUriUnsupported,
            Reason::RegistrationUnsupported,
            Reason::ParameterMissing,
            Reason::ResponseTypeUnsupported,
            Reason::ResponseModeUnsupported,
            Reason::GrantNotAllowed,
            Reason::ScopeUnknown,
            Reason::AcrUnavailable,
            Reason::PromptMalformed,
            Reason::HintUnusable,
            Reason::ChallengeMissing,
            Reason::ChallengeMethodUnsupported,
        ],
    );
}

/// OpenID Connect Core 3.1.2.1: scopes that are not understood are ignored.
#[test]
fn a_request_gets_the_scopes_that_the_client_can_have() {
    // The registration, what is asked for, what is given, what is ignored.
    let table = [
        (json!({}), "openid custom", "openid", "custom"),
        (
            json!({ "scope": "email" }),
            "openid email profile",
            "openid email",
            "profile",
        ),
        (json!({ "scope": "email custom" }), "custom", "custom", ""),
        (
            json!({ "implied_scope": "groups" }),
            "openid",
            "openid groups",
            "",
        ),
        (json!({ "implied_scope": "groups" }), "", "groups", ""),
        (
            json!({}),
            "openid offline_access",
            "openid offline_access",
            "",
        ),
        (
            json!({ "grant_types": ["authorization_code"] }),
            "openid offline_access",
            "openid",
            "offline_access",
        ),
    ];
    for (metadata, asked, given, ignored) in table {
        let told = format!("{metadata} {asked}");
        let mut world = World::new();
        world.metadata = metadata;
        world.query = format!("response_type=code&scope={}", asked.replace(' ', "+"));
        let request = world.check().unwrap();
        let found = (
            request.grant.scope.to_string(),
            request.grant.ignored_scope.to_string(),
        );
        assert_eq!(found, (given.into(), ignored.into()), "{told}");
    }
}

#[test]
fn a_request_is_kept_as_it_came_but_for_hints_which_are_cut() {
    let mut world = World::new();
    world.metadata = json!({ "default_max_age": 7 });
    world.hint = Hint::Subject(Subject::presented("alice"));
    world.with(&format!(
        "redirect_uri={REDIRECT}&state=s&nonce=n&prompt=login"
    ));
    world.with(&format!(
        "{}&{}",
        long("login_hint", 300),
        long("ui_locales", 300)
    ));
    let request = world.check().unwrap();
    assert!(request.route.redirect_uri_sent && request.grant.prompt.login);
    assert_eq!(
        (
            request.client_id.as_str(),
            request.route.redirect_uri.as_str()
        ),
        ("app", REDIRECT)
    );
    assert_eq!(
        (
            request.route.state.as_deref(),
            request.route.nonce.as_deref()
        ),
        (Some("s"), Some("n"))
    );
    assert_eq!(
        (
            request.grant.hint_subject.as_ref().map(Subject::as_str),
            request.grant.max_age
        ),
        (Some("alice"), Some(7)),
        "the client's own age where it sends none"
    );
    assert_eq!(request.grant.login_hint.map(|hint| hint.len()), Some(200));
    assert_eq!(
        request.grant.ui_locales.map(|locales| locales.len()),
        Some(100)
    );
    world.with("max_age=9");
    assert_eq!(world.check().unwrap().grant.max_age, Some(9));
}
