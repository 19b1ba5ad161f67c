//! The tables, as diesel knows them.

diesel::table! {
    clients (id) {
        id -> Text, secret -> Nullable<Binary>, metadata -> Text, created_at -> BigInt, version -> BigInt, sealed_secret -> Nullable<Text>,
        disabled_at -> Nullable<BigInt>, former_secret -> Nullable<Binary>, former_secret_until -> Nullable<BigInt>,
        name_key -> Text, secret_since -> Nullable<BigInt>,
    }
}
diesel::table! {
    users (id) {
        id -> Text, username -> Text, email -> Nullable<Text>, name -> Nullable<Text>, password_hash -> Nullable<Text>,
        roles -> Text, groups -> Text, claims -> Text, disabled_at -> Nullable<BigInt>, created_at -> BigInt, updated_at -> BigInt,
        version -> BigInt, email_key -> Nullable<Text>, attributes -> Text, last_sign_in_at -> BigInt,
    }
}
diesel::table! {
    sessions (id) {
        id -> Text, digest -> Binary, user_id -> Text, auth_time -> BigInt, amr -> Text, remember -> BigInt,
        created_at -> BigInt, expires_at -> BigInt, ends_at -> BigInt, last_used_at -> BigInt, former -> Text,
        device -> Text, address -> Nullable<Text>,
    }
}
diesel::table! {
    interactions (digest) {
        digest -> Binary, browser -> Binary, request -> Text, created_at -> BigInt, expires_at -> BigInt,
        login_session -> Nullable<Text>, selected_session -> Nullable<Text>, consented -> Nullable<Text>, declined -> BigInt,
        consented_by -> Nullable<Text>, former_browser -> Nullable<Binary>, renewed_at -> Nullable<BigInt>,
        network -> Nullable<Binary>, neighbourhood -> Nullable<Binary>, cost -> BigInt,
    }
}
diesel::table! { consents (user_id, client_id) { user_id -> Text, client_id -> Text, scope -> Text, granted_at -> BigInt, claims -> Text, } }
diesel::table! {
    authorizations (id) {
        id -> Text, client_id -> Text, user_id -> Text, session_id -> Text, scope -> Text, offline -> BigInt,
        nonce -> Nullable<Text>, auth_time -> BigInt, amr -> Text, redirect_uri -> Text, redirect_uri_sent -> BigInt,
        code_challenge -> Nullable<Text>, code -> Binary, code_expires_at -> BigInt, created_at -> BigInt,
        exchanged_at -> Nullable<BigInt>, refresh_current -> Nullable<Binary>, refresh_issued_at -> Nullable<BigInt>,
        refresh_idle_expires_at -> Nullable<BigInt>, refresh_kid -> Nullable<Text>, refresh_parent -> Nullable<Binary>,
        refresh_expires_at -> Nullable<BigInt>, revoked_at -> Nullable<BigInt>, expires_at -> BigInt,
        ignored_scope -> Text, asked_claims -> Nullable<Text>, token_entries -> Nullable<Binary>,
        token_entries_until -> Nullable<BigInt>,
    }
}
diesel::table! {
    status_lists (list) { list -> BigInt, taken -> BigInt, leased_at -> BigInt, live_until -> BigInt, }
}
diesel::table! {
    ended_tokens (id) { id -> BigInt, until_at -> BigInt, in_session -> BigInt, entries -> Binary, tx -> BigInt, }
}
diesel::table! { revoked_access_tokens (jti) { jti -> Text, expires_at -> BigInt, } }
diesel::table! { custom_claims (name) { name -> Text, mapping -> Text, } }
diesel::table! {
    signing_keys (kid) {
        kid -> Text, sealed -> Text, created_at -> BigInt, activates_at -> BigInt, retires_at -> Nullable<BigInt>, algorithm -> Text,
    }
}
diesel::table! {
    refusals (reference) {
        reference -> Text, at -> BigInt, reason -> Text, endpoint -> Text, client_id -> Nullable<Text>, request_id -> Text,
        expected -> Text, #[sql_name = "came"]
        received -> Text, share -> Text, neighbourhood -> Nullable<Binary>,
    }
}
diesel::table! {
    audit (id) {
        id -> BigInt, at -> BigInt, event -> Text, actor_kind -> Text, actor -> Nullable<Text>, front_end -> Text,
        target_kind -> Nullable<Text>, target -> Nullable<Text>, target_name -> Nullable<Text>, outcome -> Text,
        address -> Nullable<Text>, request_id -> Nullable<Text>, details -> Text, count -> BigInt, fold -> Nullable<Text>,
        closes_at -> Nullable<BigInt>, logged -> BigInt, position -> Nullable<BigInt>, actor_name -> Nullable<Text>,
        user_id -> Nullable<Text>, hash -> Nullable<Binary>, seal -> Nullable<Binary>,
    }
}
diesel::table! {
    audit_removed (first_position) {
        first_position -> BigInt, last_position -> BigInt, before -> Binary, hash -> Binary, broken_at -> Nullable<BigInt>, seal -> Binary,
    }
}
diesel::table! {
    jobs (id) {
        id -> BigInt, kind -> Text, unique_key -> Nullable<Text>, payload -> Text, run_at -> BigInt, attempts -> BigInt,
        lease_owner -> Nullable<Text>, last_error -> Nullable<Text>, dead_at -> Nullable<BigInt>, created_at -> BigInt,
    }
}
diesel::table! {
    session_clients (session_id, client_id) { session_id -> Text, client_id -> Text, user_id -> Text, since -> BigInt, }
}
diesel::table! {
    deliveries (id) {
        id -> BigInt, session_id -> Text, client_id -> Text, user_id -> Text, cause -> Text, ended_at -> BigInt, since -> BigInt,
        state -> Text, attempts -> BigInt, attempts_before -> BigInt, due_at -> BigInt, lease_owner -> Nullable<Text>, attempted_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>, status -> Nullable<BigInt>, milliseconds -> Nullable<BigInt>, reason -> Nullable<Text>,
    }
}
diesel::table! {
    bulk_ends (id) {
        id -> BigInt, client_id -> Nullable<Text>, until_at -> BigInt, begun_at -> BigInt, actor_kind -> Text, actor -> Nullable<Text>,
        actor_name -> Nullable<Text>, front_end -> Text, address -> Nullable<Text>, request_id -> Nullable<Text>, ended -> BigInt,
        cursor -> Text, done_at -> Nullable<BigInt>,
    }
}
diesel::table! { setup_link (id) { id -> BigInt, digest -> Binary, expires_at -> BigInt, } }
diesel::table! { console_drafts (session_id) { session_id -> Text, page -> Text, form -> Text, expires_at -> BigInt, } }
diesel::table! {
    idempotent_calls (key) { key -> Binary, client_id -> Text, request -> Binary, began_at -> BigInt, answer -> Nullable<Text>, }
}
diesel::table! {
    upstreams (name) {
        name -> Text, issuer -> Text, settings -> Text, position -> BigInt, sealed_secret -> Nullable<Text>, disabled_at -> Nullable<BigInt>,
        created_at -> BigInt, updated_at -> BigInt, version -> BigInt,
    }
}
diesel::table! {
    identities (issuer, subject) {
        issuer -> Text, subject -> Text, upstream -> Text, user_id -> Text, linked_at -> BigInt, linked_by -> Text,
        last_sign_in_at -> Nullable<BigInt>, profile -> Text, brought -> Text,
    }
}
diesel::table! {
    upstream_logins (state) {
        state -> Binary, interaction -> Binary, upstream -> Text, version -> BigInt, nonce -> Binary, sealed -> Text,
        created_at -> BigInt, expires_at -> BigInt,
    }
}
diesel::table! {
    pending_links (interaction) {
        interaction -> Binary, issuer -> Text, subject -> Text, upstream -> Text, version -> BigInt, user_id -> Nullable<Text>,
        profile -> Text, created_at -> BigInt, expires_at -> BigInt,
    }
}
diesel::table! {
    session_upstreams (session_id) { session_id -> Text, upstream -> Text, issuer -> Text, subject -> Text, sid -> Nullable<Text>, came_at -> BigInt, }
}
diesel::allow_tables_to_appear_in_same_query!(interactions, sessions);
diesel::allow_tables_to_appear_in_same_query!(identities, users);
diesel::table! { hourly_counts (hour, what) { hour -> BigInt, what -> Text, count -> BigInt, } }
diesel::table! { attempts (key) { key -> Binary, since -> BigInt, count -> BigInt, } }
diesel::allow_tables_to_appear_in_same_query!(
    authorizations,
    users,
    sessions,
    clients,
    revoked_access_tokens
);
