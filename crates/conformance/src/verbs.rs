//! Every verb of the store, passed on through [`Flaky::ask`].

use std::sync::Arc;

use async_trait::async_trait;
use latchkey_protocol::{
    AuthorizationId, ClientId, Digest, SessionId, Store, Timestamp, UserId,
    admission::{Review, ReviewedPage},
    attempts::{Allowance, Origin},
    audit::{AuditEntry, StoredAuditEntry},
    audit_chain::{ChainKey, Checkpoint},
    audit_row::{AuditFilter, AuditRow},
    audit_walk::StoredRun,
    authorization::{Authorization, Context, RefreshFamily, Support},
    bulk_end::{BulkEnd, SessionCount},
    claims::{CustomClaims, Mapping},
    client::{Client, FormerSecret},
    client_list::{ClientCounts, ClientCursor, ClientList},
    consent::Consent,
    console::{Draft, SetupLink},
    deliveries::{
        AfterAttempt, Again, Attempted, DeliveryLease, GivenUp, Receipt, ReceiptsOf,
        TakeDeliveries, TakenDelivery,
    },
    entry_change::EntryChange,
    idempotency::{IdempotencyOutcome, IdempotentCall},
    interaction::Interaction,
    jobs::{EnqueueOutcome, Job, JobLease, NewJob, TakeJobs},
    kind,
    names::Login,
    observe::{KeptRefusal, RefusalFilter},
    page::Page,
    rotation::{KeyBound, RotationOutcome, StoredKey},
    session::{ClientSessions, ListedSession, Session, SessionClient, SessionStart, Use},
    status::TokenEntry,
    store::{
        AccessTokens, Attempts, Audit, Authorizations, BeginOutcome, BulkEnds, ClaimMappings,
        ClaimOutcome, Clients, ConsentEnd, Consents, ConsentsOf, Console, Deliveries, EndedCursor,
        EntryLease, Housekeeping, IdempotentCalls, Identities, IdentitySignIn,
        IdentitySignInOutcome, Interactions, Jobs, KeptRefusals, LastAdministrator, LeaseRequest,
        LinkOutcome, Result, Sessions, SetupOutcome, SigningKeys, StatusChanges, StatusLists,
        Tallies, UnlinkOutcome, UpstreamEnd, UpstreamSessionEnd, UpstreamWrite, Upstreams, UserEnd,
        Users, WriteOutcome,
    },
    tally::{Counted, HourlyCount},
    upstream::{
        Identity, IdentityKey, PendingLink, Upstream, UpstreamLogin, UpstreamName, UpstreamSession,
    },
    user::User,
    user_list::{UserCursor, UserPage, UserQuery},
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
        client(id: &ClientId) -> Option<Arc<Client>>;
        client_now(id: &ClientId) -> Option<Client>;
        client_of_token(id: &ClientId, jti: &str) -> Option<Client>;
        clients(page: &Page<String>) -> Vec<Client>;
        client_list(asked: &ClientList, page: &Page<ClientCursor>) -> Vec<Client>;
        client_counts(id: &ClientId, now: Timestamp) -> ClientCounts;
        update_client_metadata(client: &Client) -> bool;
        set_client_secret(id: &ClientId, version: i64, secret: &Digest<kind::KeyedClientSecret>, sealed: Option<&str>, former: Option<&FormerSecret>, now: Timestamp) -> bool;
        set_client_disabled(id: &ClientId, version: Option<i64>, at: Option<Timestamp>) -> bool;
        delete_client(id: &ClientId, version: Option<i64>) -> bool;
    }
    Users {
        create_user(user: &User) -> WriteOutcome;
        user(id: &UserId) -> Option<User>;
        user_by_name(username: &str) -> Option<User>;
        user_by_login(login: &Login) -> Option<User>;
        users(page: &Page<String>) -> Vec<User>;
        user_list(query: &UserQuery, page: &Page<UserCursor>) -> UserPage;
        last_sign_in(id: &UserId) -> Option<Timestamp>;
        update_user_profile(before: &User, after: &User, last: LastAdministrator) -> WriteOutcome;
        set_password(user_id: &UserId, version: Option<i64>, hash: &str, now: Timestamp) -> Option<usize>;
        rehash_password(user_id: &UserId, old: &str, new: &str) -> bool;
        disable_user(user_id: &UserId, version: Option<i64>, last: LastAdministrator, now: Timestamp) -> UserEnd;
        enable_user(user_id: &UserId, version: Option<i64>, now: Timestamp) -> bool;
        delete_user(id: &UserId, version: Option<i64>, last: LastAdministrator) -> UserEnd;
    }
    Sessions {
        sign_in(session: &Session, password_hash: &str, replaces: Option<&Digest<kind::Session>>, interaction: Option<&Digest<kind::Interaction>>) -> Option<SessionStart>;
        session(digest: &Digest<kind::Session>, now: Timestamp) -> Option<(Session, User)>;
        session_of(sid: &SessionId, user_id: &UserId, now: Timestamp) -> Option<Session>;
        session_by_id(sid: &SessionId) -> Option<(Session, User)>;
        clients_of_session(sid: &SessionId) -> Vec<SessionClient>;
        use_session(id: &SessionId, used: Use) -> bool;
        client_sessions(client_id: &ClientId, page: &Page<String>, now: Timestamp) -> ClientSessions;
        user_client_sessions(user_id: &UserId, client_id: &ClientId, page: &Page<(Timestamp, String)>, now: Timestamp) -> Vec<ListedSession>;
        session_list(user_id: Option<&UserId>, page: &Page<(Timestamp, String)>, now: Timestamp) -> Vec<ListedSession>;
        end_session(id: &SessionId, offline: bool, now: Timestamp) -> bool;
        end_session_of(sid: &SessionId, user_id: Option<&UserId>, offline: bool, now: Timestamp) -> Option<Session>;
        end_user(user_id: &UserId, now: Timestamp) -> usize;
        end_user_at(user_id: &UserId, version: i64, now: Timestamp) -> Option<usize>;
    }
    Upstreams {
        create_upstream(upstream: &Upstream) -> UpstreamWrite;
        upstream(name: &UpstreamName) -> Option<Upstream>;
        upstreams() -> Vec<Upstream>;
        update_upstream(upstream: &Upstream) -> UpstreamWrite;
        set_upstream_disabled(name: &UpstreamName, version: Option<i64>, disabled: bool, now: Timestamp) -> bool;
        delete_upstream(name: &UpstreamName, version: Option<i64>, with_identities: bool) -> UpstreamEnd;
        begin_upstream_login(login: &UpstreamLogin) -> bool;
        take_upstream_login(state: &Digest<kind::UpstreamState>, now: Timestamp) -> Option<UpstreamLogin>;
    }
    Identities {
        identity(key: &IdentityKey) -> Option<(Identity, User)>;
        identities(user_id: &UserId) -> Vec<Identity>;
        create_user_of_identity(user: &User, identity: &Identity, upstream_version: i64) -> LinkOutcome;
        link_identity(identity: &Identity, user_version: i64, upstream_version: i64) -> LinkOutcome;
        unlink_identity(user_id: &UserId, key: &IdentityKey, last_may_go: bool, now: Timestamp) -> UnlinkOutcome;
        keep_pending_link(pending: &PendingLink) -> bool;
        pending_link(interaction: &Digest<kind::Interaction>, now: Timestamp) -> Option<PendingLink>;
        forget_pending_link(interaction: &Digest<kind::Interaction>) -> ();
        finish_pending_link(interaction: &Digest<kind::Interaction>, now: Timestamp) -> Option<(LinkOutcome, Identity)>;
        sign_in_by_identity(asked: IdentitySignIn<'_>) -> IdentitySignInOutcome;
        end_upstream_sessions(end: UpstreamSessionEnd<'_>, now: Timestamp) -> usize;
        upstream_of_session(session: &SessionId) -> Option<UpstreamSession>;
        count_identities(upstream: &UpstreamName, most: i64) -> i64;
    }
    BulkEnds {
        begin_bulk_end(client: Option<&ClientId>, version: Option<i64>, now: Timestamp) -> Option<BulkEnd>;
        continue_bulk_end(id: i64, now: Timestamp, most: i64) -> Option<BulkEnd>;
        bulk_ends(since: Timestamp) -> Vec<BulkEnd>;
        count_sessions(client: Option<&ClientId>, most: i64, now: Timestamp) -> SessionCount;
    }
    Interactions {
        begin_interaction(interaction: &Interaction, from: &Origin) -> BeginOutcome;
        interaction(digest: &Digest<kind::Interaction>) -> Option<Interaction>;
        renew_browser(old: &Digest<kind::Browser>, new: &Digest<kind::Browser>, now: Timestamp) -> bool;
        select_account(digest: &Digest<kind::Interaction>, session_id: &SessionId) -> bool;
        end_interaction(digest: &Digest<kind::Interaction>) -> ();
    }
    Consents {
        record_consent(digest: &Digest<kind::Interaction>, session_id: &SessionId, consent: &Consent) -> bool;
        decline(digest: &Digest<kind::Interaction>, session_id: &SessionId) -> bool;
        consent(user_id: &UserId, client_id: &ClientId) -> Option<Consent>;
        consents(of: ConsentsOf<'_>, after: Option<&str>, most: i64) -> Vec<Consent>;
        named_consents(client_id: &ClientId, after: Option<&str>, most: i64) -> Vec<(Consent, String)>;
        revoke_consent(user_id: &UserId, client_id: &ClientId, now: Timestamp) -> ConsentEnd;
    }
    Authorizations {
        issue_code(interaction: Option<&Digest<kind::Interaction>>, authorization: &Authorization) -> bool;
        authorization_by_code(code: &Digest<kind::AuthorizationCode>) -> Option<Context>;
        authorization(id: &AuthorizationId) -> Option<Context>;
        support(id: &AuthorizationId, jti: &str) -> Option<Support>;
        exchange_code(id: &AuthorizationId, now: Timestamp, refresh: Option<&RefreshFamily>, expires_at: Timestamp, entries: &EntryChange) -> bool;
        exchange_code_in_session(id: &AuthorizationId, now: Timestamp, refresh: Option<&RefreshFamily>, expires_at: Timestamp, entries: &EntryChange) -> bool;
        rotate_refresh_token(id: &AuthorizationId, expected: &Digest<kind::RefreshToken>, next: &RefreshFamily, entries: &EntryChange) -> bool;
        revoke_authorization(id: &AuthorizationId, now: Timestamp) -> ();
    }
    AccessTokens {
        revoke_access_token(jti: &str, expires_at: Timestamp, entry: Option<TokenEntry>) -> ();
        is_access_token_revoked(jti: &str) -> bool;
    }
    StatusLists {
        lease_status_entries(request: LeaseRequest) -> EntryLease;
        status_lists_since(cursor: EndedCursor, most: i64) -> StatusChanges;
        review_admissions(job: &JobLease, review: &Review, most: i64, now: Timestamp) -> Option<ReviewedPage>;
        add_token_entry(id: &AuthorizationId, change: &EntryChange) -> bool;
    }
    ClaimMappings {
        custom_claims() -> CustomClaims;
        set_custom_claim(name: &str, mapping: &Mapping, seen: Option<&Mapping>) -> ClaimOutcome;
        remove_custom_claim(name: &str, seen: Option<&Mapping>) -> bool;
    }
    SigningKeys {
        signing_keys() -> Vec<StoredKey>;
        add_first_key(key: &StoredKey) -> bool;
        rotate_key(key: &StoredKey, others_retire_at: Timestamp, bounds: &'static [KeyBound]) -> RotationOutcome;
        succeed_key(key: &StoredKey, others_retire_at: Timestamp, predecessor: Option<&str>) -> bool;
        retire_key(kid: &str, at: Timestamp) -> bool;
    }
    Attempts {
        reserve_attempts(allowances: &[Allowance], now: Timestamp) -> Option<Digest<kind::Attempts>>;
        give_back_attempts(keys: &[Digest<kind::Attempts>], clear: bool, reserved: Timestamp) -> ();
    }
    Jobs {
        enqueue(job: &NewJob) -> EnqueueOutcome;
        take_jobs(take: &TakeJobs<'_>) -> Vec<Job>;
        finish_job(lease: &JobLease) -> bool;
        repeat_job(lease: &JobLease, run_at: Timestamp) -> bool;
        retry_job(lease: &JobLease, run_at: Timestamp, error: &str) -> bool;
        bury_job(lease: &JobLease, now: Timestamp, error: &str) -> bool;
        has_due_jobs(kind: &'static str, now: Timestamp) -> bool;
        => job_added();
    }
    Deliveries {
        session_clients(session: &SessionId) -> Vec<ClientId>;
        clients_to_tell(now: Timestamp) -> Vec<ClientId>;
        take_deliveries(take: &TakeDeliveries<'_>) -> Vec<TakenDelivery>;
        note_attempt(lease: &DeliveryLease, attempted: &Attempted, after: AfterAttempt) -> bool;
        give_back_delivery(lease: &DeliveryLease, at: Timestamp) -> bool;
        receipts(of: ReceiptsOf<'_>, page: &Page<i64>) -> Vec<Receipt>;
        receipt(id: i64) -> Option<Receipt>;
        send_again(what: Again, now: Timestamp) -> usize;
        waiting_deliveries(most: i64) -> i64;
        give_up_failing(share: i64, most: i64, times: usize, now: Timestamp) -> Option<GivenUp>;
        => delivery_added();
    }
    Console {
        has_administrator() -> bool;
        offer_setup(link: &SetupLink) -> ();
        is_setup_open(link: &Digest<kind::SetupLink>, now: Timestamp) -> bool;
        set_up(link: &Digest<kind::SetupLink>, user: &User, now: Timestamp) -> SetupOutcome;
        keep_draft(session: &SessionId, draft: &Draft) -> bool;
        draft(session: &SessionId, page: &str, now: Timestamp) -> Option<String>;
        forget_draft(session: &SessionId, page: &str) -> ();
    }
    IdempotentCalls {
        begin_call(call: &IdempotentCall) -> IdempotencyOutcome;
        answer_call(call: &IdempotentCall, answer: &str) -> bool;
        forget_call(call: &IdempotentCall) -> ();
    }
    Tallies {
        add_counts(counts: &[(Counted, i64)], now: Timestamp) -> ();
        hourly_counts(since: Timestamp) -> Vec<HourlyCount>;
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

    async fn refusals(
        &self,
        filter: &RefusalFilter,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Vec<KeptRefusal>> {
        self.inner.refusals(filter, page).await
    }

    async fn refusal(&self, reference: &str) -> Result<Option<KeptRefusal>> {
        self.inner.refusal(reference).await
    }
}

/// What is recorded is part of another verb; nothing hangs on the rest.
#[async_trait]
impl Audit for Flaky {
    fn recording(&self, entry: AuditEntry) -> Arc<dyn Store> {
        Arc::new(self.before(self.inner.recording(entry)))
    }

    async fn count_failure(&self, entry: &AuditEntry) -> Result<()> {
        self.inner.count_failure(entry).await
    }

    async fn audit_entries(
        &self,
        filter: &AuditFilter,
        page: &Page<(Timestamp, i64)>,
    ) -> Result<Vec<AuditRow>> {
        self.inner.audit_entries(filter, page).await
    }

    async fn audit_chain(&self, after: i64, most: i64) -> Result<Vec<AuditRow>> {
        self.inner.audit_chain(after, most).await
    }

    async fn audit_checkpoint(&self) -> Result<Option<Checkpoint>> {
        self.inner.audit_checkpoint().await
    }

    async fn removed_audit_entries(&self, position: i64) -> Result<Option<StoredRun>> {
        self.inner.removed_audit_entries(position).await
    }

    async fn misplaced_audit_entry(&self) -> Result<Option<i64>> {
        self.inner.misplaced_audit_entry().await
    }

    async fn unsealed_audit_entries(&self) -> Result<i64> {
        self.inner.unsealed_audit_entries().await
    }

    async fn has_new_audit_entries(&self, now: Timestamp) -> Result<bool> {
        self.inner.has_new_audit_entries(now).await
    }

    async fn unlogged_audit_entries(&self, most: i64) -> Result<Vec<StoredAuditEntry>> {
        self.inner.unlogged_audit_entries(most).await
    }

    async fn note_logged(&self, ids: &[i64]) -> Result<()> {
        self.inner.note_logged(ids).await
    }

    async fn seal_audit_entries(
        &self,
        key: &ChainKey,
        known: Option<&Checkpoint>,
        now: Timestamp,
        most: i64,
    ) -> Result<Option<usize>> {
        self.happen_before_sealing();
        self.inner.seal_audit_entries(key, known, now, most).await
    }

    async fn forget_audit_entries(
        &self,
        key: &ChainKey,
        keep: i64,
        now: Timestamp,
        most: i64,
    ) -> Result<usize> {
        let inner = &self.inner;
        inner.forget_audit_entries(key, keep, now, most).await
    }

    async fn bound_audit_entries(&self, key: &ChainKey, bound: i64, most: i64) -> Result<usize> {
        self.inner.bound_audit_entries(key, bound, most).await
    }
}
