//! The browser's side: authorization requests, sign-ins, answers, and what `next_step` makes of them.

use latchkey_protocol::{
    AuthorizationId, ClientId, Digest, Params, Reason, ScopeSet, Secret, SessionId, Timestamp,
    UserId,
    authorization::Authorization,
    authorize::{AuthorizationRequest, Hint, RequestRules, Step, next_step},
    consent::{Consent, merged},
    interaction::{self, Interaction},
    kind,
    session::Session,
};

use crate::world::{Acts, CALLBACK, CHALLENGE, LIFETIMES, LOOPBACK, Story, USERS, World};

impl World {
    pub fn authorize(&mut self, acts: &mut Acts<'_>) {
        let at = acts.pick(self.clients.len());
        let client = &self.clients[at];
        let redirect = acts.one(&[
            None,
            Some(CALLBACK),
            Some(LOOPBACK),
            Some("https://evil.example/"),
        ]);
        let asked = acts.one(&[
            "openid",
            "openid email offline_access",
            "email unknown",
            "unknown",
            "",
            "offline_access",
        ]);
        let prompt = acts.one(&[
            "",
            "none",
            "login",
            "consent",
            "select_account",
            "login consent",
        ]);
        let age = acts.one(&["", "&max_age=0", "&max_age=100"]);
        let to = redirect.map_or(String::new(), |uri| format!("&redirect_uri={uri}"));
        let query = format!(
            "response_type=code&state=s&code_challenge={CHALLENGE}&code_challenge_method=S256&scope={}&prompt={}{age}{to}",
            asked.replace(' ', "+"),
            prompt.replace(' ', "+"),
        );
        let params = Params::parse(query.as_bytes());
        let registered = &client.metadata.redirect_uris;
        let proven = match redirect {
            Some(uri) => registered.iter().any(|known| known == uri),
            None => registered.len() == 1,
        };
        let to = AuthorizationRequest::destination(&params, client);
        assert_eq!(to.is_ok(), proven, "{query}");
        let Ok(to) = to else { return };
        assert!(registered.iter().any(|known| known == to.redirect_uri()));

        let rules = RequestRules::default();
        let request = AuthorizationRequest::check(&params, client, &to, Hint::None, rules);
        let can_have = |scope: &str| match at {
            2 => ["openid", "email"].contains(&scope),
            _ => scope != "unknown",
        };
        let mut scopes = asked.split(' ').filter(|scope| !scope.is_empty());
        let good = asked.is_empty() || scopes.any(can_have);
        assert_eq!(request.is_ok(), good, "{query}");
        let Ok(request) = request else { return };
        assert!(
            request
                .grant
                .scope
                .iter()
                .all(|s| can_have(s) && asked.contains(s))
        );
        let secret = Secret::<kind::Interaction>::generate(&self.entropy);
        let interaction = Interaction {
            digest: secret.digest(),
            browser: Digest::of(secret.expose()),
            former_browser: None,
            request,
            created_at: self.now,
            expires_at: self.now + interaction::LIFETIME,
            login_session: None,
            selected_session: None,
            consented: None,
            declined: false,
        };
        self.interactions.push((interaction, at));
        if self.interactions.len() > 4 {
            self.interactions.remove(0);
        }
        self.resume_at(self.interactions.len() - 1);
    }

    /// A user signs in for an interaction, in the place of who was there.
    pub fn log_in(&mut self, acts: &mut Acts<'_>) {
        let user = acts.one(&USERS);
        if self.interactions.is_empty() || self.user(user).disabled_at.is_some() {
            return;
        }
        let at = acts.pick(self.interactions.len());
        if let Some(before) = self.here {
            self.sessions[before] = None;
        }
        let digest = Secret::<kind::Session>::generate(&self.entropy).digest();
        let id = format!("session-{}", self.sessions.len());
        let session = Session::begin(
            SessionId::new(id.clone()),
            digest,
            UserId::new(user),
            false,
            &LIFETIMES,
            self.now,
        );
        self.here = Some(self.sessions.len());
        self.sessions.push(Some(session));
        self.interactions[at].0.login_session = Some(SessionId::new(id));
        self.resume_at(at);
    }

    /// Whoever is signed in chooses the account, allows all or less, or declines.
    pub fn answer(&mut self, acts: &mut Acts<'_>) {
        let Some(session) = self.session().cloned() else {
            return;
        };
        if self.interactions.is_empty() {
            return;
        }
        let at = acts.pick(self.interactions.len());
        let (interaction, client) = &mut self.interactions[at];
        let scope = interaction.request.grant.scope.clone();
        match acts.pick(8) {
            0 => interaction.selected_session = Some(session.id),
            1 => interaction.declined = true,
            2 => {
                let less = scope.filter(|s| s == "openid");
                interaction.consented = Some((session.user_id, less));
            }
            _ => {
                interaction.consented = Some((session.user_id.clone(), scope.clone()));
                let client_id = self.clients[*client].id.clone();
                self.remember(session.user_id, client_id, &scope);
            }
        }
        self.resume_at(at);
    }

    fn remember(&mut self, user_id: UserId, client_id: ClientId, scope: &ScopeSet) {
        let of = |c: &Consent| c.user_id == user_id && c.client_id == client_id;
        let before = self.consents.iter().position(of);
        let before = before.map(|at| self.consents.swap_remove(at));
        self.consents.push(Consent {
            scope: merged(before.as_ref().map(|consent| &consent.scope), scope),
            claims: Default::default(),
            granted_at: self.now,
            user_id,
            client_id,
        });
    }

    pub fn resume(&mut self, acts: &mut Acts<'_>) {
        if !self.interactions.is_empty() {
            self.resume_at(acts.pick(self.interactions.len()));
        }
    }

    fn resume_at(&mut self, at: usize) {
        let (interaction, client_at) = &self.interactions[at];
        let (client, client_at) = (&self.clients[*client_at], *client_at);
        let session = self.session();
        let consent = self.consents.iter().find(|consent| {
            let here = session.is_some_and(|session| session.user_id == consent.user_id);
            here && consent.client_id == client.id
        });
        let request = &interaction.request;
        let user = session.map(|session| self.user(&session.user_id));
        let step = next_step(client, interaction, session, user, consent, self.now);
        // Where nothing can lack, nothing is asked.
        let just = |s: &Session| match &interaction.consented {
            Some((user, scope)) => *user == s.user_id && request.grant.scope.is_subset_of(scope),
            None => false,
        };
        let for_this = |s: &Session| interaction.login_session.as_ref() == Some(&s.id);
        let complete = !interaction.declined && session.is_some_and(|s| just(s) && for_this(s));
        assert!(!complete || matches!(step, Step::Approve(_)), "{step:?}");
        let approval = match step {
            Step::Approve(approval) => approval,
            Step::Refuse(refused) => {
                let declined = refused.reason == Reason::UserDeclined;
                assert_eq!(declined, interaction.declined);
                assert!(declined || request.grant.prompt.none, "{refused:?}");
                self.interactions.remove(at);
                return;
            }
            Step::Login | Step::SelectAccount | Step::NoAccess | Step::Consent(_) => {
                assert!(!request.grant.prompt.none && !interaction.declined);
                return;
            }
        };
        let session = session.expect("only who is signed in is approved");
        assert_eq!(approval.session(), session);
        let scope = &approval.request().grant.scope;
        let remembered = consent.is_some_and(|c| scope.is_subset_of(&c.scope));
        assert!(!interaction.declined && *scope == request.grant.scope);
        assert!(just(session) || (!request.grant.prompt.consent && (remembered || client_at == 2)));
        assert!(for_this(session) || !request.grant.prompt.login);
        let age = self.now - session.auth_time;
        let young = request
            .grant
            .max_age
            .is_none_or(|most| most > 0 && age <= most);
        assert!(for_this(session) || young);
        let chosen =
            for_this(session) || interaction.selected_session.as_ref() == Some(&session.id);
        assert!(chosen || !request.grant.prompt.select_account);
        // RFC 8252 8.6: the native client.
        assert!(client_at != 1 || just(session) || (chosen && !scope.contains("offline_access")));

        let code = Secret::<kind::AuthorizationCode>::generate(&self.entropy);
        let id = format!("authorization-{}", self.stories.len());
        let authorization = Authorization::approve(
            AuthorizationId::new(id),
            code.digest(),
            &approval,
            &LIFETIMES,
            self.now,
        );
        self.interactions.remove(at);
        self.stories.push(Story {
            authorization,
            client: client_at,
            secrets: Vec::new(),
            issued_at: Timestamp::from_seconds(0),
            idle_end: Timestamp::from_seconds(0),
            end: Timestamp::from_seconds(0),
        });
    }
}
