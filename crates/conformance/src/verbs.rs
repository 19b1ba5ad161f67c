//! Every verb of the store, passed on through [`Flaky::ask`].

use std::sync::Arc;

use async_trait::async_trait;
use latchkey_protocol::{
    Digest, Timestamp,
    attempts::{Allowance, Origin},
    authorization::{Authorization, Context, RefreshFamily, Support},
    claims::{CustomClaims, Mapping},
    client::Client,
    consent::Consent,
    interaction::Interaction,
    jobs::{EnqueueOutcome, Job, JobLease, NewJob, TakeJobs},
    names::Login,
    observe::KeptRefusal,
    rotation::StoredKey,
    session::{Session, SessionStart, Use},
    store::{
        AccessTokens, Attempts, Authorizations, BeginOutcome, ClaimMappings, Clients, CommandEvent,
        CommandEvents, ConsentEnd, Consents, ConsentsOf, Housekeeping, Interactions, Jobs,
        KeptRefusals, Result, Sessions, SigningKeys, Users, WriteOutcome,
    },
    user::User,
};

use crate::Flaky;

macro_rules! pass_on {
    ($($subject:ident { $($verb:ident($($name:ident: $type:ty),*) -> $answer:ty;)+ $(=> $wait:ident();)* })+) => {
        $(
            #[async_trait]
            impl $subject for Flaky {
                $(
                    async fn $verb(&self, $($name: $type),*) -> Result<$answer> {
                        self.ask(stringify!($verb), self.inner.$verb($($name),*)).await
                    }
                )+
                $(
                    /// Answers nothing, and so cannot fail.
                    async fn $wait(&self) {
                        self.inner.$wait().await;
                    }
                )*
            }
        )+
    };
}

pass_on! {
    Clients {
        create_client(client: &Client) -> bool;
        client(id: &str) -> Option<Arc<Client>>;
        clients() -> Vec<Client>;
        update_client_metadata(client: &Client) -> bool;
        set_client_secret(id: &str, version: i64, secret: &Digest, sealed: Option<&str>) -> bool;
        delete_client(id: &str) -> bool;
    }
    Users {
        create_user(user: &User) -> WriteOutcome;
        user(id: &str) -> Option<User>;
        user_by_name(username: &str) -> Option<User>;
        user_by_login(login: &Login) -> Option<User>;
        users() -> Vec<User>;
        update_user_profile(before: &User, after: &User) -> WriteOutcome;
        set_password(user_id: &str, hash: &str, now: Timestamp) -> Option<usize>;
        rehash_password(user_id: &str, old: &str, new: &str) -> bool;
        disable_user(user_id: &str, now: Timestamp) -> Option<usize>;
        enable_user(user_id: &str, now: Timestamp) -> bool;
        delete_user(id: &str) -> bool;
    }
    Sessions {
        sign_in(session: &Session, password_hash: &str, replaces: Option<&Digest>, interaction: Option<&Digest>) -> Option<SessionStart>;
        session(digest: &Digest, now: Timestamp) -> Option<(Session, User)>;
        session_of(sid: &str, user_id: &str, now: Timestamp) -> Option<Session>;
        use_session(id: &str, used: Use) -> bool;
        sessions(user_id: Option<&str>) -> Vec<Session>;
        end_session(id: &str, offline: bool, now: Timestamp) -> bool;
        end_session_of(sid: &str, user_id: Option<&str>, offline: bool, now: Timestamp) -> Option<Session>;
        end_user(user_id: &str, now: Timestamp) -> usize;
    }
    Interactions {
        begin_interaction(interaction: &Interaction, from: &Origin) -> BeginOutcome;
        interaction(digest: &Digest) -> Option<Interaction>;
        renew_browser(old: &Digest, new: &Digest, now: Timestamp) -> bool;
        select_account(digest: &Digest, session_id: &str) -> bool;
        end_interaction(digest: &Digest) -> ();
    }
    Consents {
        record_consent(digest: &Digest, session_id: &str, consent: &Consent) -> bool;
        decline(digest: &Digest, session_id: &str) -> bool;
        consent(user_id: &str, client_id: &str) -> Option<Consent>;
        consents(of: ConsentsOf<'_>, after: Option<&str>, most: i64) -> Vec<Consent>;
        revoke_consent(user_id: &str, client_id: &str, now: Timestamp) -> ConsentEnd;
    }
    Authorizations {
        issue_code(interaction: Option<&Digest>, authorization: &Authorization) -> bool;
        authorization_by_code(code: &Digest) -> Option<Context>;
        authorization(id: &str) -> Option<Context>;
        support(id: &str, jti: &str) -> Option<Support>;
        exchange_code(id: &str, now: Timestamp, refresh: Option<&RefreshFamily>, expires_at: Timestamp) -> bool;
        rotate_refresh_token(id: &str, expected: &Digest, next: &RefreshFamily) -> bool;
        revoke_authorization(id: &str, now: Timestamp) -> ();
    }
    AccessTokens {
        revoke_access_token(jti: &str, expires_at: Timestamp) -> ();
        is_access_token_revoked(jti: &str) -> bool;
    }
    ClaimMappings {
        custom_claims() -> CustomClaims;
        set_custom_claim(name: &str, mapping: &Mapping) -> bool;
        remove_custom_claim(name: &str) -> bool;
    }
    SigningKeys {
        signing_keys() -> Vec<StoredKey>;
        add_first_key(key: &StoredKey) -> bool;
        rotate_key(key: &StoredKey, others_retire_at: Timestamp) -> ();
        succeed_key(key: &StoredKey, others_retire_at: Timestamp, predecessor: Option<&str>) -> bool;
        retire_key(kid: &str, at: Timestamp) -> bool;
    }
    CommandEvents {
        add_command_event(event: &CommandEvent) -> ();
        command_events(most: i64) -> Vec<CommandEvent>;
        forget_command_events(ids: &[String]) -> ();
    }
    Attempts {
        reserve_attempts(allowances: &[Allowance], now: Timestamp) -> Option<Digest>;
        give_back_attempts(keys: &[Digest], clear: bool, reserved: Timestamp) -> ();
    }
    Jobs {
        enqueue(job: &NewJob) -> EnqueueOutcome;
        take_jobs(take: &TakeJobs<'_>) -> Vec<Job>;
        finish_job(lease: &JobLease) -> bool;
        repeat_job(lease: &JobLease, run_at: Timestamp) -> bool;
        retry_job(lease: &JobLease, run_at: Timestamp, error: &str) -> bool;
        bury_job(lease: &JobLease, now: Timestamp, error: &str) -> bool;
        has_due_jobs(kinds: &[&'static str], now: Timestamp) -> bool;
        => job_added();
    }
    Housekeeping {
        sweep(now: Timestamp, most: i64) -> usize;
        recount() -> ();
        ready() -> bool;
    }
}

/// Kept behind the answer, at a time of their own.
#[async_trait]
impl KeptRefusals for Flaky {
    async fn keep_refusal(&self, refusal: &KeptRefusal) -> Result<()> {
        self.inner.keep_refusal(refusal).await
    }

    async fn refusal(&self, reference: &str) -> Result<Option<KeptRefusal>> {
        self.inner.refusal(reference).await
    }
}
