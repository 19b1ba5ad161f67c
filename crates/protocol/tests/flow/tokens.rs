//! The token endpoint's side: codes, refresh tokens, and what ends them.

use latchkey_protocol::{
    Issuer, Params, Reason, ScopeSet, Secret,
    authorization::{Authorization, CodeHandover, Handover, RefreshFamily},
    claims::{CustomClaims, RefreshToken},
    introspection, kind,
    revocation::{Revocation, of_refresh_token},
    token::{
        Grant, Holder, Rotation, TokenIssuer, client_scope, narrowed, redeem, rotate,
        starts_refresh, token_set,
    },
};

use crate::world::{Acts, CHALLENGE, CLOCKS_DIFFER, ISSUER, LIFETIMES, VERIFIER, WINDOW, World};

impl World {
    /// One of the newest authorizations, and who comes with what it gave: its client, or another.
    fn presented(&self, acts: &mut Acts<'_>) -> Option<(usize, usize)> {
        let back = acts.pick(3);
        let at = self.stories.len().checked_sub(back + 1)?;
        let own = self.stories[at].client;
        let client = if acts.pick(8) == 7 {
            (own + 1) % 3
        } else {
            own
        };
        Some((at, client))
    }

    pub fn redeem(&mut self, acts: &mut Acts<'_>) {
        let Some((at, by)) = self.presented(acts) else {
            return;
        };
        let sent = acts.one(&[Some(0), Some(0), Some(0), Some(0), None, Some(1)]);
        let right = Some(VERIFIER);
        let verifier = acts.one(&[right, right, right, right, None, Some(CHALLENGE)]);
        let (context, story) = (self.context(at), &self.stories[at]);
        let allowed = &story.authorization;
        let sent = sent.map(|wrong| {
            if wrong == 0 {
                &code(allowed).redirect_uri
            } else {
                ISSUER
            }
        });
        let form = [("redirect_uri", sent), ("code_verifier", verifier)];
        let form = form.map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let params = Params::from_pairs(form.into_iter().flatten());

        let own = by == story.client;
        let replayed = own && code(allowed).exchanged_at.is_some();
        let returned = sent.map_or(!code(allowed).redirect_uri_sent, |uri| {
            uri == code(allowed).redirect_uri
        });
        let good = own
            && !replayed
            && self.now < code(allowed).expires_at
            && returned
            && verifier == Some(VERIFIER)
            && self.stands(at)
            // An ID token is given within a live session only.
            && (!allowed.scope.contains("openid") || context.session_lives(self.now));
        match redeem(&context, &self.clients[by], &params, self.now) {
            Ok(user) => {
                assert!(good && user.id == allowed.user_id);
                self.exchange(at);
            }
            Err(denied) => {
                assert!(!good, "{denied:?}");
                assert_eq!(denied.refused.reason == Reason::CodeReplayed, replayed);
                assert_eq!(denied.revoke, replayed && allowed.revoked_at.is_none());
                self.deny(at, denied.revoke);
            }
        }
    }

    fn deny(&mut self, at: usize, revoke: bool) {
        if revoke {
            self.stories[at].authorization.revoked_at = Some(self.now);
        }
    }

    /// What the exchange of a code gives.
    fn exchange(&mut self, at: usize) {
        let secret = Secret::<kind::RefreshToken>::generate(&self.entropy);
        let (now, context) = (self.now, self.context(at));
        let client = &self.clients[self.stories[at].client];
        let story = &mut self.stories[at];
        let Handover::Code(spent) = &mut story.authorization.handover;
        spent.exchanged_at = Some(now);
        let offline = story.authorization.scope.contains("offline_access");
        let starts = story.client == 1 || (story.client == 0 && offline);
        assert_eq!(starts_refresh(client, &story.authorization), starts);
        let mut family = None;
        if starts {
            let first = RefreshFamily::first(&secret, "kid", &LIFETIMES, now);
            (story.issued_at, story.idle_end) = (now, now + LIFETIMES.refresh_idle);
            story.end = now + LIFETIMES.refresh_token;
            family = Some(first);
            story.secrets.push(secret);
        }
        let kept = context.kept_until(family.as_ref(), &LIFETIMES, now);
        assert!(kept > story.end, "no row goes before it ends");
        story.authorization.refresh = family;
        let scope = story.authorization.scope.clone();
        self.issue(at, &scope);
    }

    /// The claims of one answer say no more than was granted.
    fn issue(&self, at: usize, scope: &ScopeSet) {
        let (context, story) = (self.context(at), &self.stories[at]);
        let authorization = &context.authorization;
        let refresh = story.secrets.last().zip(authorization.refresh.as_ref());
        let grant = Grant {
            client: &self.clients[story.client],
            scope,
            holder: Holder::User {
                user: context.user.as_ref().expect("there"),
                authorization,
                session: context.session_lives(self.now),
                nonce: None,
                refresh,
            },
            status: None,
        };
        let custom_claims = CustomClaims::default();
        let issuer = TokenIssuer {
            name: &Issuer::new(ISSUER),
            lifetimes: &LIFETIMES,
            custom_claims: &custom_claims,
            jwt_typ_audiences: &[],
        };
        let set = token_set(issuer, &grant, "random", self.now);
        let access = &set.access_token;
        assert_eq!(access.authorization(), Some(authorization.id.clone()));
        assert!(access.scope.is_subset_of(&authorization.scope));
        assert!(access.sub.names(grant.client, &authorization.user_id));
        assert_eq!(access.exp, self.now + LIFETIMES.access_token);
        assert_eq!(set.id_token.is_some(), scope.contains("openid"));
        let id = set.id_token.map(|draft| draft.finish("signed"));
        let email = id.is_some_and(|id| id.more.contains_key("email"));
        assert!(!email || scope.contains("email"));
        let refresh = set.refresh_token.map(|(_, token)| token.jti);
        assert_eq!(
            refresh.as_deref(),
            story.secrets.last().map(|secret| secret.expose())
        );
    }

    /// Takes a refresh token from so far back.
    fn refresh_token(
        &self,
        at: usize,
        back: usize,
    ) -> Option<(RefreshToken, Secret<kind::RefreshToken>)> {
        let story = &self.stories[at];
        let newest = story.secrets.len().checked_sub(1)?;
        let secret = story.secrets[newest.saturating_sub(back)].clone();
        let token = RefreshToken {
            iss: Issuer::new(ISSUER),
            aud: Issuer::new(ISSUER),
            client_id: self.clients[story.client].id.clone(),
            authorization: story.authorization.id.clone(),
            jti: secret.expose().into(),
            iat: story.issued_at,
            exp: story.idle_end,
        };
        Some((token, secret))
    }

    pub fn rotate(&mut self, acts: &mut Acts<'_>) {
        let Some((at, by)) = self.presented(acts) else {
            return;
        };
        let back = acts.one(&[0, 0, 1, 2]);
        let Some((token, secret)) = self.refresh_token(at, back) else {
            return;
        };
        let (context, client) = (self.context(at), &self.clients[by]);
        let (story, now) = (&self.stories[at], self.now);
        let back = back.min(story.secrets.len() - 1);
        let own = by == story.client;
        let usable = own && self.stands(at);
        let live = now < story.idle_end && now < story.end;

        let seen = introspection::refresh_token(&context, &token, client, now).is_some();
        assert_eq!(seen, usable && back == 0 && now < story.idle_end);
        let age = now - story.issued_at;
        let again = back == 1 && (-CLOCKS_DIFFER..=WINDOW).contains(&age);
        let replay = usable && back > 0 && !again;
        match rotate(&context, &token, &secret, client, &LIFETIMES, "kid", now) {
            Ok(Rotation::Next { successor, family }) => {
                assert!(usable && back == 0 && live);
                assert!(!story.secrets.contains(&successor));
                self.replaced(at, successor, family);
                self.narrow(at, acts);
            }
            Ok(Rotation::Again { successor, family }) => {
                assert!(usable && again);
                assert_eq!(story.secrets.last(), Some(&successor));
                assert_eq!(story.authorization.refresh, Some(family));
                self.narrow(at, acts);
            }
            Err(denied) => {
                assert!(!(usable && (again || (back == 0 && live))), "{denied:?}");
                assert_eq!(
                    denied.refused.reason == Reason::RefreshTokenReplayed,
                    replay
                );
                assert_eq!(denied.revoke, replay && (back > 1 || age >= 0));
                self.deny(at, denied.revoke);
            }
        }
    }

    fn replaced(
        &mut self,
        at: usize,
        successor: Secret<kind::RefreshToken>,
        family: RefreshFamily,
    ) {
        let (now, story) = (self.now, &mut self.stories[at]);
        assert_eq!(
            family.expires_at, story.end,
            "the end of a family does not move"
        );
        story.secrets.push(successor);
        story.issued_at = now;
        story.idle_end = (now + LIFETIMES.refresh_idle).min(story.end);
        assert_eq!(family.idle_expires_at, story.idle_end);
        story.authorization.refresh = Some(family);
        let context = self.context(at);
        let Some((id, used)) = context.session_use(&LIFETIMES, now) else {
            return;
        };
        assert!(!context.authorization.scope.contains("offline_access"));
        let mut live = self.sessions.iter_mut().flatten();
        let session = live.find(|session| session.id == *id).expect("there");
        (session.last_used_at, session.expires_at) = (used.at, used.expires_at);
        assert!(session.expires_at <= session.ends_at);
    }

    /// A refresh may ask for less.
    fn narrow(&self, at: usize, acts: &mut Acts<'_>) {
        let asked = acts.one(&[None, Some("openid"), Some("email"), Some("openid profile")]);
        let story = &self.stories[at];
        let (client, granted) = (&self.clients[story.client], &story.authorization.scope);
        let within = asked.is_none_or(|asked| {
            let asked = ScopeSet::from(asked.to_owned());
            asked.is_subset_of(granted)
        });
        let scope = narrowed(asked, client, &story.authorization);
        assert_eq!(scope.is_ok(), within, "{asked:?} of {granted}");
        if let Ok(scope) = scope {
            assert!(scope.is_subset_of(granted));
            self.issue(at, &scope);
        }
        // For itself it never gets what speaks of a user.
        let own = client_scope(asked, client);
        assert!(own.is_err() || own.is_ok_and(|own| !own.contains("openid")));
    }

    pub fn revoke(&mut self, acts: &mut Acts<'_>) {
        let Some((at, by)) = self.presented(acts) else {
            return;
        };
        let Some((token, _)) = self.refresh_token(at, acts.pick(3)) else {
            return;
        };
        // Not often: what is revoked tells no more stories.
        if acts.pick(4) > 0 {
            return;
        }
        let story = &self.stories[at];
        let expected = match by == story.client {
            true => Revocation::Authorization(&story.authorization.id),
            false => Revocation::Nothing,
        };
        let revocation = of_refresh_token(&token, &self.clients[by]);
        assert_eq!(revocation, expected);
        self.deny(at, revocation != Revocation::Nothing);
    }
}

fn code(authorization: &Authorization) -> &CodeHandover {
    let Handover::Code(code) = &authorization.handover;
    code
}
