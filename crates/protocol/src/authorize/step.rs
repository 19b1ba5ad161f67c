//! `next_step`: what an interaction needs next. Here are the rules of `max_age`, `prompt`, consent and account choice.

use crate::{
    ScopeSet, client::Client, consent::Consent, error::Refusal, interaction::Interaction,
    reason::Reason, session::Session, time::Timestamp,
};

/// What an interaction needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Login,
    SelectAccount,
    Consent,
    Approve { scope: ScopeSet },
    Refuse(Refusal),
}

/// One screen for all the steps. Every page returns here, and nowhere else is decided what follows.
pub fn next_step(
    client: &Client,
    interaction: &Interaction,
    session: Option<&Session>,
    consent: Option<&Consent>,
    now: Timestamp,
) -> Step {
    let prompt = interaction.request.prompt;
    let needs_user = |step, reason: Reason| {
        if prompt.none {
            Step::Refuse(reason.into())
        } else {
            step
        }
    };

    if interaction.declined {
        return Step::Refuse(Reason::UserDeclined.into());
    }
    let Some(session) = session.filter(|s| s.expires_at > now && is_fresh(interaction, s, now))
    else {
        return needs_user(Step::Login, Reason::LoginNeeded);
    };
    if !interaction.request.is_for(&session.user_id) {
        return needs_user(Step::Login, Reason::LoginNeeded);
    }
    let chosen = interaction.has_chosen(&session.id);
    if prompt.select_account && !chosen {
        return Step::SelectAccount;
    }
    let asked = &interaction.request.scope;
    let just_allowed = is_allowed_here(interaction, session);
    let remembered =
        consent.is_some_and(|c| c.covers(&interaction.request, client)) || client.metadata.trusted;
    let impersonable = client.can_be_impersonated(&interaction.request.redirect_uri);
    let counts = remembered && !(impersonable && asked.contains("offline_access"));
    if !just_allowed && (prompt.consent || !counts) {
        return needs_user(Step::Consent, Reason::ConsentNeeded);
    }
    if impersonable && !just_allowed && !chosen {
        return needs_user(Step::SelectAccount, Reason::InteractionNeeded);
    }
    Step::Approve {
        scope: asked.clone(),
    }
}

/// Whether this user allowed in this interaction all that is asked for.
fn is_allowed_here(interaction: &Interaction, session: &Session) -> bool {
    interaction.consented.as_ref().is_some_and(|(user, scope)| {
        *user == session.user_id && interaction.request.scope.is_subset_of(scope)
    })
}

/// Whether going on as who is signed in is worth offering: the session would be enough, were it chosen.
pub fn may_continue(
    client: &Client,
    interaction: &Interaction,
    session: &Session,
    now: Timestamp,
) -> bool {
    let asked = &interaction.request;
    let choosing = asked.prompt.select_account || client.can_be_impersonated(&asked.redirect_uri);
    choosing
        && asked.is_for(&session.user_id)
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
        .max_age
        .is_none_or(|age| now - session.auth_time <= age && age > 0);
    young && !interaction.request.prompt.login
}
