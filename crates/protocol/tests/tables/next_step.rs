//! `next_step` and `may_continue`: what an interaction needs next.

mod access;
mod consent;

use latchkey_protocol::{
    ClientId, Digest, SessionId, Subject, UserId,
    authentication::Amr,
    authorization::Authorization,
    authorize::{AuthorizationRequest, Hint, RequestRules, Step, may_continue, next_step},
    client::{Client, ResponseMode},
    consent::Consent,
    interaction::Interaction,
    session::Session,
};
use serde_json::{Value, json};

use crate::{CHALLENGE, LIFETIMES, NOW, client, params, scopes, session};

/// All is well: alice is signed in and has allowed the app what it asks for.
struct World {
    metadata: Value,
    /// Besides what every request has.
    query: &'static str,
    redirect: &'static str,
    scope: &'static str,
    hint: Hint,
    here: Option<Session>,
    consent: Option<Consent>,
    login_session: Option<&'static str>,
    selected_session: Option<&'static str>,
    /// By whom, and what.
    consented: Option<(&'static str, &'static str)>,
    declined: bool,
    /// Alice has lost those that she had.
    without_groups: bool,
}

impl World {
    fn new() -> Self {
        Self {
            metadata: json!({}),
            query: "",
            redirect: crate::REDIRECT,
            scope: "openid email",
            hint: Hint::None,
            here: Some(session("here", "alice")),
            consent: Some(Consent {
                user_id: UserId::new("alice"),
                client_id: ClientId::new("app"),
                scope: scopes("openid email"),
                claims: Default::default(),
                granted_at: NOW,
            }),
            login_session: None,
            selected_session: None,
            consented: None,
            declined: false,
            without_groups: false,
        }
    }

    fn interaction(&self) -> (Client, Interaction) {
        let client = client(self.metadata.clone());
        let query = format!(
            "response_type=code&code_challenge_method=S256&code_challenge={CHALLENGE}&scope={}{}",
            self.scope.replace(' ', "+"),
            self.query
        );
        let to = client
            .return_to(Some(self.redirect), ResponseMode::Query, None)
            .unwrap();
        let request = AuthorizationRequest::check(
            &params(&query),
            &client,
            &to,
            self.hint.clone(),
            RequestRules::default(),
        );
        let interaction = Interaction {
            digest: Digest::of("interaction"),
            browser: Digest::of("browser"),
            former_browser: None,
            request: request.unwrap(),
            created_at: NOW,
            expires_at: NOW + 3600,
            login_session: self.login_session.map(str::to_owned).map(SessionId::new),
            selected_session: self.selected_session.map(str::to_owned).map(SessionId::new),
            consented: self
                .consented
                .map(|(user, scope)| (UserId::new(user), scopes(scope))),
            declined: self.declined,
        };
        (client, interaction)
    }

    fn next(&self) -> String {
        let (client, interaction) = self.interaction();
        let here = self.here.as_ref();
        let mut user = here.map(|here| crate::user(&here.user_id));
        if let Some(user) = &mut user {
            user.groups.retain(|_| !self.without_groups);
        }
        let consent = self.consent.as_ref();
        match next_step(&client, &interaction, here, user.as_ref(), consent, NOW) {
            Step::NoAccess => "no access".into(),
            Step::Login => "login".into(),
            Step::SelectAccount => "account".into(),
            Step::Consent(question) => {
                assert_eq!(Some(question.session()), here);
                "consent".into()
            }
            Step::Approve(approval) => {
                assert_eq!(Some(approval.session()), here);
                format!("approve {}", approval.request().grant.scope)
            }
            Step::Refuse(refused) => refused.reason.name().into(),
        }
    }

    fn aged(&mut self, seconds: i64) {
        let here = self.here.as_mut().unwrap();
        here.auth_time = here.auth_time - seconds;
    }

    /// A public client on a loopback address: another program may answer there.
    fn impersonable(&mut self) {
        self.metadata = json!({
            "redirect_uris": ["http://127.0.0.1/cb"], "application_type": "native",
            "token_endpoint_auth_method": "none",
        });
        self.redirect = "http://127.0.0.1/cb";
    }
}

type Row = (&'static str, fn(&mut World), &'static str);

fn check(table: &[Row]) {
    for (name, change, expected) in table {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.next(), *expected, "{name}");
    }
}

#[test]
fn who_is_signed_in_decides_about_a_login() {
    check(&[
        ("all is well", |_| {}, "approve openid email"),
        ("nobody is signed in", |w| w.here = None, "login"),
        (
            "the session ends now",
            |w| w.here.as_mut().unwrap().expires_at = NOW,
            "login",
        ),
        (
            "the session ends in a second",
            |w| w.here.as_mut().unwrap().expires_at = NOW + 1,
            "approve openid email",
        ),
        ("prompt=login", |w| w.query = "&prompt=login", "login"),
        (
            "prompt=login, and the login was for this",
            |w| (w.query, w.login_session) = ("&prompt=login", Some("here")),
            "approve openid email",
        ),
        (
            "prompt=login, and the login was in another session",
            |w| (w.query, w.login_session) = ("&prompt=login", Some("there")),
            "login",
        ),
        (
            "prompt=login, and the session was only chosen",
            |w| (w.query, w.selected_session) = ("&prompt=login", Some("here")),
            "login",
        ),
        (
            "max_age, just young enough",
            |w| {
                w.query = "&max_age=10";
                w.aged(10);
            },
            "approve openid email",
        ),
        (
            "max_age, a second too old",
            |w| {
                w.query = "&max_age=10";
                w.aged(11);
            },
            "login",
        ),
        ("max_age=0", |w| w.query = "&max_age=0", "login"),
        (
            "max_age=0, and the login was for this",
            |w| {
                (w.query, w.login_session) = ("&max_age=0", Some("here"));
                w.aged(100);
            },
            "approve openid email",
        ),
        (
            "the client's own max_age",
            |w| {
                w.metadata = json!({ "default_max_age": 10 });
                w.aged(11);
            },
            "login",
        ),
        (
            "an ID token hint of another user",
            |w| w.hint = Hint::Subject(Subject::presented("bob")),
            "login",
        ),
        (
            "an ID token hint of this user",
            |w| w.hint = Hint::Subject(Subject::presented("alice")),
            "approve openid email",
        ),
        (
            "a sub of another user",
            |w| w.query = r#"&claims={"id_token":{"sub":{"value":"bob"}}}"#,
            "login",
        ),
        (
            "an essential acr that the session has",
            |w| w.query = r#"&claims={"id_token":{"acr":{"essential":true,"value":"1"}}}"#,
            "approve openid email",
        ),
        (
            "an essential acr that nobody proved in the session",
            |w| {
                w.query = r#"&claims={"id_token":{"acr":{"essential":true,"value":"1"}}}"#;
                w.here.as_mut().unwrap().amr = Amr::default();
            },
            "login",
        ),
        (
            "an acr that would be liked, and nobody proved",
            |w| {
                w.query = r#"&claims={"id_token":{"acr":{"value":"1"}}}"#;
                w.here.as_mut().unwrap().amr = Amr::default();
            },
            "approve openid email",
        ),
        (
            "a sub of another user, signed in for this",
            |w| {
                w.query = r#"&claims={"id_token":{"sub":{"value":"bob"}}}"#;
                w.login_session = Some("here");
            },
            "login",
        ),
    ]);
}

#[test]
fn an_account_is_chosen_where_one_is_asked_for() {
    check(&[
        (
            "nothing chosen",
            |w| w.query = "&prompt=select_account",
            "account",
        ),
        (
            "this one chosen",
            |w| (w.query, w.selected_session) = ("&prompt=select_account", Some("here")),
            "approve openid email",
        ),
        (
            "signed in for this",
            |w| (w.query, w.login_session) = ("&prompt=select_account", Some("here")),
            "approve openid email",
        ),
        (
            "another one chosen",
            |w| (w.query, w.selected_session) = ("&prompt=select_account", Some("there")),
            "account",
        ),
    ]);
}
