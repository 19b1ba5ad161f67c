//! `next_step`: what an interaction needs next. Here are the rules of `max_age`, `prompt`, consent and account choice.

use super::AuthorizationRequest;
use crate::{
    access::JudgedVersions, authentication::Acr, client::Client, consent::Consent, error::Refusal,
    interaction::Interaction, reason::Reason, session::Session, time::Timestamp, user::User,
};

/// What an interaction needs next. Where it was decided by who is signed in, the step says so, and what is committed
/// belongs to exactly that session and its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// The user proves who they are.
    Login,
    /// The user says whether they go on as who is signed in.
    SelectAccount,
    /// The user hears that the client is not for them, and can sign in as somebody else.
    NoAccess,
    /// The user is asked what the client may have.
    Consent(ConsentQuestion<'a>),
    /// Nothing is left to ask: a code is issued.
    Approve(Approval<'a>),
    /// The client hears a refusal.
    Refuse(Refusal),
}

/// What the user of one session is to be asked. Made by [`next_step`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentQuestion<'a> {
    client: &'a Client,
    request: &'a AuthorizationRequest,
    session: &'a Session,
}

impl<'a> ConsentQuestion<'a> {
    /// Whose answer counts.
    pub fn session(&self) -> &'a Session {
        self.session
    }

    /// That the user allows all that is asked for.
    pub fn allowed(&self, now: Timestamp) -> Consent {
        let asked = &self.request.grant;
        Consent {
            user_id: self.session.user_id.clone(),
            client_id: self.client.id.clone(),
            scope: asked.scope.clone(),
            claims: asked.claims.beyond(&asked.scope, self.client),
            granted_at: now,
        }
    }
}

/// That a request may be answered, in one session. Made by [`next_step`] alone, so that nothing is issued for a session
/// that was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval<'a> {
    request: &'a AuthorizationRequest,
    session: &'a Session,
    rests_on_consent: bool,
    access_judged_at: Option<JudgedVersions>,
}

impl<'a> Approval<'a> {
    /// What is granted.
    pub fn request(&self) -> &'a AuthorizationRequest {
        self.request
    }

    /// In which session, and so to which user.
    pub fn session(&self) -> &'a Session {
        self.session
    }

    /// Whether the user's consent to the client has to stand still when the code is issued. A trusted client needs none.
    pub fn rests_on_consent(&self) -> bool {
        self.rests_on_consent
    }

    /// Of a client that is limited to some users: the versions of user and client by which this user was admitted.
    pub fn access_judged_at(&self) -> Option<JudgedVersions> {
        self.access_judged_at
    }
}

/// One screen for all the steps. Every page returns here, and nowhere else is decided what follows. `user` is the one
/// whose session it is.
pub fn next_step<'a>(
    client: &'a Client,
    interaction: &'a Interaction,
    session: Option<&'a Session>,
    user: Option<&User>,
    consent: Option<&Consent>,
    now: Timestamp,
) -> Step<'a> {
    let request = &interaction.request;
    let asked = &request.grant;
    let prompt = asked.prompt;
    let needs_user = |step, reason: Reason| {
        if prompt.none {
            Step::Refuse(reason.into())
        } else {
            step
        }
    };

    let is_admitted = is_admitted(client, session, user);
    if interaction.declined {
        // From the page that says so, the way back to the client is a decision too.
        return Step::Refuse(match session {
            Some(_) if !is_admitted => Reason::UserNotAdmitted.into(),
            _ => Reason::UserDeclined.into(),
        });
    }
    let Some(session) = session.filter(|s| s.expires_at > now && is_fresh(interaction, s, now))
    else {
        return needs_user(Step::Login, Reason::LoginNeeded);
    };
    if !asked.is_for(client, &session.user_id) {
        return needs_user(Step::Login, Reason::LoginNeeded);
    }
    if !asked.claims.is_met_by(Acr::of(session.amr)) {
        return needs_user(Step::Login, Reason::LoginNeeded);
    }
    let chosen = interaction.has_chosen(&session.id);
    if prompt.select_account && !chosen {
        return Step::SelectAccount;
    }
    if !is_admitted {
        return needs_user(Step::NoAccess, Reason::UserNotAdmitted);
    }
    let just_allowed = is_allowed_here(interaction, session);
    // What somebody else allowed, or allowed another client, counts for nothing.
    let consent = consent.filter(|c| c.user_id == session.user_id && c.client_id == client.id);
    let remembered = consent.is_some_and(|c| c.covers(asked, client)) || client.metadata.trusted;
    let impersonable = client.can_be_impersonated(&request.route.redirect_uri);
    let counts = remembered && !(impersonable && asked.scope.contains("offline_access"));
    if !just_allowed && (prompt.consent || !counts) {
        let question = ConsentQuestion {
            client,
            request,
            session,
        };
        return needs_user(Step::Consent(question), Reason::ConsentNeeded);
    }
    if impersonable && !just_allowed && !chosen {
        return needs_user(Step::SelectAccount, Reason::InteractionNeeded);
    }
    Step::Approve(Approval {
        request,
        session,
        rests_on_consent: !client.metadata.trusted,
        access_judged_at: judged_versions(client, user),
    })
}

/// Of a client that is limited to some users: what was judged.
fn judged_versions(client: &Client, user: Option<&User>) -> Option<JudgedVersions> {
    let limited = client.metadata.access.as_ref().and(user);
    limited.map(|user| JudgedVersions {
        user: user.version,
        client: client.version,
    })
}

/// Whether the client is for the user of this session.
fn is_admitted(client: &Client, session: Option<&Session>, user: Option<&User>) -> bool {
    if client.metadata.access.is_none() {
        return true;
    }
    let whose = user.zip(session).filter(|(user, s)| user.id == s.user_id);
    whose.is_some_and(|(user, _)| client.admits(user))
}

/// Whether this user allowed in this interaction all that is asked for.
fn is_allowed_here(interaction: &Interaction, session: &Session) -> bool {
    interaction.consented.as_ref().is_some_and(|(user, scope)| {
        *user == session.user_id && interaction.request.grant.scope.is_subset_of(scope)
    })
}

/// Whether going on as who is signed in is worth offering: the session would be enough, were it chosen.
pub fn may_continue(
    client: &Client,
    interaction: &Interaction,
    session: &Session,
    now: Timestamp,
) -> bool {
    let (asked, route) = (&interaction.request.grant, &interaction.request.route);
    let choosing = asked.prompt.select_account || client.can_be_impersonated(&route.redirect_uri);
    choosing
        && asked.claims.is_met_by(Acr::of(session.amr))
        && asked.is_for(client, &session.user_id)
        && session.expires_at > now
        && is_fresh(interaction, session, now)
}

/// Whether this session may answer: a login made for this interaction always may, so that `max_age=1` does not loop;
/// `prompt=login` takes no other; `max_age` measures the rest (OpenID Connect Core 3.1.2.1).
fn is_fresh(interaction: &Interaction, session: &Session, now: Timestamp) -> bool {
    if interaction.login_session.as_ref() == Some(&session.id) {
        return true;
    }
    let young = interaction
        .request
        .grant
        .max_age
        .is_none_or(|age| now - session.auth_time <= age && age > 0);
    young && !interaction.request.grant.prompt.login
}
