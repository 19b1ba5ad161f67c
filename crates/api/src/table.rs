//! THE route table: each address, its method, the call that answers it, and what is documented of it.

use crate::{
    parameters::{
        CHECKPOINT, LAST_WAY_IN, NEW_SECRET, OF_DELIVERY, OF_ENTRY, OF_OVERVIEW, OF_PREVIEW,
        OF_REFUSAL, OF_SESSION, OF_USERS, WITH_IDENTITIES,
    },
    resources::{
        audit::{self, AuditEntry, ChainVerdict},
        bulk_ends::{self, EndOfSessions, EndsOfSessions},
        claims::{self, CustomClaim, CustomClaims},
        client_shapes::{
            ClientMetadataChange, ClientToRegister, ClientToReplace, RegisteredClientInformation,
        },
        clients::{self, AdmittedUser, Rotation},
        consents::{self, Consent, EndedConsent},
        deliveries::{self, Delivery, SentAgain},
        identities::{self, Identities, Identity, IdentityToLink, UnlinkedIdentity},
        keys::{self, KeyRotation, SigningKey, SigningKeys},
        overview::{self, Overview},
        preview::{self, TokenPreview},
        refusals::{self, Refusal, RefusalExplained},
        session::{self, SessionRecord},
        sessions::{self, EndedSession, Session},
        upstreams::{self, Upstream, UpstreamToCreate, UpstreamToUpdate, Upstreams},
        user_list::{self, ListedUser},
        user_password::{self, NewPassword},
        users::{self, User, UserChange, UserToCreate, UserToReplace, UserWithEndedSessions},
    },
    route::{Route, route},
};

const NEW_USER: &str =
    r#"{"username":"minji","email":"minji@example.org","name":"Kim Minji","groups":["editors"]}"#;
const USER: &str = r#"{"email":"minji@example.org","name":"Kim Minji","groups":["editors"]}"#;
const NEW_CLIENT: &str =
    r#"{"client_name":"My app","redirect_uris":["https://app.example/callback"]}"#;
const NEW_UPSTREAM: &str = r#"{"name":"kakao","preset":"kakao","settings":{"client_id":"0123abcd"},"secret":"what Kakao gave"}"#;
const CLIENT_CHANGE: &str = r#"{"client_name":"Our app","tos_uri":null}"#;

/// Every address under `/admin/api/v1`.
pub const ROUTES: &[Route] = &[
    route!(Get "/overview" "getOverview" overview::show)
        .says(
            "Reads how much happened lately: sign-ins and failures, tokens, sessions.",
            "Each server counts in memory and adds that up once a minute: what other servers counted within the last minute is missing.",
        )
        .takes(OF_OVERVIEW)
        .answers::<Overview>(),
    route!(Get "/users" "listUsers" user_list::list)
        .says(
            "Lists users, or finds some.",
            "A search has its own order, that of what was found; `sort` is of the whole list.",
        )
        .takes(OF_USERS)
        .lists::<ListedUser>(),
    route!(Post "/users" "createUser" users::create)
        .says(
            "Creates a user.",
            "Without a password the user cannot sign in.",
        )
        .body::<UserToCreate>(NEW_USER)
        .creates::<User>()
        .versioned(),
    route!(Get "/users/{sub}" "getUser" users::show)
        .says("Reads a user.", "")
        .answers::<User>()
        .versioned(),
    route!(Put "/users/{sub}" "replaceUser" users::replace)
        .says(
            "Replaces all that describes a user.",
            "What is left out is taken away. Name and password stay.",
        )
        .body::<UserToReplace>(USER)
        .answers::<User>()
        .versioned()
        .conditional()
        .conflicts(),
    route!(Patch "/users/{sub}" "updateUser" users::update)
        .says(
            "Changes what describes a user.",
            "A merge patch (RFC 7396): what is left out stays, null takes away.",
        )
        .body::<UserChange>(r#"{"name":"Kim Min-ji","claims":{"locale":"ko-KR"}}"#)
        .answers::<User>()
        .versioned()
        .conditional()
        .conflicts(),
    route!(Delete "/users/{sub}" "deleteUser" users::delete)
        .says(
            "Deletes a user, with sessions, consents and authorizations.",
            "",
        )
        .conditional()
        .conflicts(),
    route!(Post "/users/{sub}/disable" "disableUser" users::disable)
        .says(
            "Disables a user.",
            "All sessions and authorizations end at once.",
        )
        .answers::<UserWithEndedSessions>()
        .versioned()
        .conflicts()
        .guarded(),
    route!(Post "/users/{sub}/enable" "enableUser" users::enable)
        .says("Lets a disabled user in again.", "")
        .answers::<User>()
        .versioned()
        .guarded(),
    route!(Post "/users/{sub}/set-password" "setUserPassword" user_password::set)
        .says(
            "Sets a new password.",
            "All sessions and authorizations end at once.",
        )
        .body::<NewPassword>(r#"{"password":"correct horse battery staple"}"#)
        .answers::<UserWithEndedSessions>()
        .versioned()
        .guarded(),
    route!(Post "/users/{sub}/end-sessions" "endUserSessions" users::end_sessions)
        .says(
            "Ends all sessions and authorizations of a user, who may sign in again.",
            "",
        )
        .answers::<UserWithEndedSessions>()
        .versioned()
        .guarded(),
    route!(Get "/users/{sub}/consents" "listUserConsents" consents::of_user)
        .says("Lists what a user has allowed, by client.", "")
        .lists::<Consent>(),
    route!(Delete "/users/{sub}/consents/{client_id}" "revokeConsent" consents::revoke)
        .says(
            "Takes back what a user has allowed a client, and ends all that came of it.",
            "",
        )
        .answers::<EndedConsent>(),
    route!(Get "/users/{sub}/identities" "listUserIdentities" identities::list)
        .says("Lists who a user is at other providers.", "What each of them said, and what the user got by it.")
        .answers::<Identities>(),
    route!(Post "/users/{sub}/identities" "linkIdentity" identities::link)
        .says(
            "Links an identity at another provider to a user.",
            "On the word of whoever calls: the user is asked nothing, and whoever has the identity there can sign in as the user from then on.",
        )
        .body::<IdentityToLink>(r#"{"upstream":"kakao","subject":"2632712345"}"#)
        .creates::<Identity>(),
    route!(Delete "/users/{sub}/identities/{upstream}/{subject}" "unlinkIdentity" identities::unlink)
        .says(
            "Unlinks an identity from a user.",
            "Sessions that came from it end. Without `force` the last way to sign in stays.",
        )
        .takes(LAST_WAY_IN)
        .answers::<UnlinkedIdentity>()
        .conflicts(),
    route!(Get "/upstreams" "listUpstreams" upstreams::list)
        .says("Lists other providers that users sign in at, in the order of their buttons.", "Never their secrets.")
        .answers::<Upstreams>(),
    route!(Post "/upstreams" "createUpstream" upstreams::create)
        .says(
            "Adds a provider, from a preset, from settings, or from both.",
            "The answer has the redirect address to register there.",
        )
        .body::<UpstreamToCreate>(NEW_UPSTREAM)
        .creates::<Upstream>()
        .versioned(),
    route!(Get "/upstreams/{name}" "getUpstream" upstreams::show)
        .says("Reads a provider.", "Never its secret.")
        .answers::<Upstream>()
        .versioned(),
    route!(Patch "/upstreams/{name}" "updateUpstream" upstreams::update)
        .says(
            "Changes a provider.",
            "What is left out stays; `null` in a mapping says that nothing is read. Sign-ins that are under way there begin anew. A secret has to be given again where it would go to another address.",
        )
        .body::<UpstreamToUpdate>(r#"{"settings":{"trust":{"create":false}}}"#)
        .answers::<Upstream>()
        .versioned()
        .conditional()
        .conflicts(),
    route!(Delete "/upstreams/{name}" "deleteUpstream" upstreams::delete)
        .says("Deletes a provider.", "Without `force` one that no user is linked through.")
        .takes(WITH_IDENTITIES)
        .conditional()
        .conflicts(),
    route!(Post "/upstreams/{name}/disable" "disableUpstream" upstreams::disable)
        .says("Lets nobody sign in there any more.", "Sessions that came from there go on.")
        .answers::<Upstream>()
        .versioned()
        .guarded(),
    route!(Post "/upstreams/{name}/enable" "enableUpstream" upstreams::enable)
        .says("Lets users sign in there again.", "")
        .answers::<Upstream>()
        .versioned()
        .guarded(),
    route!(Get "/clients" "listClients" clients::list)
        .says("Lists clients by their ids.", "")
        .lists::<RegisteredClientInformation>(),
    route!(Post "/clients" "createClient" clients::create)
        .says(
            "Registers a client.",
            "The answer has the client's secret, this once.",
        )
        .body::<ClientToRegister>(NEW_CLIENT)
        .creates::<RegisteredClientInformation>()
        .versioned(),
    route!(Get "/clients/{client_id}" "getClient" clients::show)
        .says("Reads a client.", "Never its secret.")
        .answers::<RegisteredClientInformation>()
        .versioned(),
    route!(Put "/clients/{client_id}" "replaceClient" clients::replace)
        .says(
            "Replaces a client's metadata.",
            "What is left out is taken away. The secret stays.",
        )
        .takes(NEW_SECRET)
        .body::<ClientToReplace>(NEW_CLIENT)
        .answers::<RegisteredClientInformation>()
        .versioned()
        .conditional()
        .conflicts(),
    route!(Patch "/clients/{client_id}" "updateClient" clients::update)
        .says(
            "Changes a client's metadata.",
            "A merge patch (RFC 7396): what is left out stays, null takes away.",
        )
        .takes(NEW_SECRET)
        .body::<ClientMetadataChange>(CLIENT_CHANGE)
        .answers::<RegisteredClientInformation>()
        .versioned()
        .conditional()
        .conflicts(),
    route!(Delete "/clients/{client_id}" "deleteClient" clients::delete)
        .says("Deletes a client, with all that it was allowed.", "")
        .conditional(),
    route!(Post "/clients/{client_id}/disable" "disableClient" clients::disable)
        .says(
            "Disables a client.",
            "Nobody signs in to it, and its tokens count no more until it is enabled.",
        )
        .answers::<RegisteredClientInformation>()
        .versioned()
        .guarded(),
    route!(Post "/clients/{client_id}/enable" "enableClient" clients::enable)
        .says("Lets a disabled client go on.", "")
        .answers::<RegisteredClientInformation>()
        .versioned()
        .guarded(),
    route!(Post "/clients/{client_id}/rotate-secret" "rotateClientSecret" clients::rotate_secret)
        .says(
            "Gives a client another secret.",
            "The answer has it, this once.",
        )
        .optional_body::<Rotation>(r#"{"keep_old":3600}"#)
        .answers::<RegisteredClientInformation>()
        .versioned()
        .conflicts()
        .guarded(),
    route!(Post "/clients/{client_id}/end-sessions" "endClientSessions" bulk_ends::of_client)
        .says("Ends all sessions in which users signed in to a client, and all that was allowed to it.", "It counts at once; the sessions are ended one after another.")
        .answers::<EndOfSessions>()
        .guarded(),
    route!(Get "/clients/{client_id}/preview" "previewTokens" preview::show)
        .says("Shows what a user would get of a client, and why each claim is there or is not.", "Nothing is issued, signed or written.")
        .takes(OF_PREVIEW)
        .answers::<TokenPreview>(),
    route!(Get "/clients/{client_id}/access" "listClientAccess" clients::access)
        .says(
            "Lists who may use a client, and why.",
            "A piece can be short, or empty, although more follow: go on while there is a `next`.",
        )
        .lists::<AdmittedUser>(),
    route!(Get "/clients/{client_id}/consents" "listClientConsents" consents::of_client)
        .says("Lists what a client was allowed, by user.", "")
        .lists::<Consent>(),
    route!(Get "/sessions" "listSessions" sessions::list)
        .says("Lists the sessions that live, the oldest first.", "")
        .takes(OF_SESSION)
        .lists::<Session>(),
    route!(Post "/sessions/end-all" "endAllSessions" bulk_ends::all)
        .says("Ends all sessions, and everything that was allowed to any client.", "It counts at once; the sessions are ended one after another.")
        .answers::<EndOfSessions>(),
    route!(Get "/sessions/ends" "listEndsOfSessions" bulk_ends::list)
        .says("Lists ends of many sessions that are under way, or were over within the last hour.", "")
        .answers::<EndsOfSessions>(),
    route!(Get "/sessions/{id}" "getSession" session::show)
        .says(
            "Reads what is known of a session, live or ended.",
            "Its clients, and what they have heard of its end.",
        )
        .answers::<SessionRecord>(),
    route!(Delete "/sessions/{id}" "endSession" sessions::end)
        .says(
            "Ends a session, and everything that came of it.",
            "Answers with the receipts of the logout tokens that are on their way.",
        )
        .answers::<EndedSession>(),
    route!(Get "/keys" "listKeys" keys::list)
        .says("Lists the signing keys.", "Retired ones too.")
        .answers::<SigningKeys>(),
    route!(Post "/keys/rotate" "rotateKey" keys::rotate)
        .says(
            "Makes the next signing key.",
            "It is published at once, and signs when every cache has it.",
        )
        .optional_body::<KeyRotation>(r#"{"algorithm":"RS256"}"#)
        .creates::<SigningKey>(),
    route!(Post "/keys/{kid}/retire" "retireKey" keys::retire)
        .says(
            "Takes a key out of the published set, at once and for good.",
            "What it signed is refused from then on.",
        )
        .conflicts(),
    route!(Get "/refusals" "listRefusals" refusals::list)
        .says(
            "Lists requests that were refused, the newest first.",
            "They are kept for seven days.",
        )
        .takes(OF_REFUSAL)
        .lists::<Refusal>(),
    route!(Get "/refusals/{reference}" "getRefusal" refusals::show)
        .says(
            "Explains a refusal by the reference that its answer carried.",
            "",
        )
        .answers::<RefusalExplained>(),
    route!(Get "/audit" "listAuditEntries" audit::list)
        .says("Lists the audit log, the newest entries first.", "")
        .takes(OF_ENTRY)
        .lists::<AuditEntry>(),
    route!(Get "/audit/verification" "verifyAudit" audit::verify)
        .says(
            "Verifies the hash chain of the audit log.",
            "It reads the whole log, one call at a time.",
        )
        .takes(CHECKPOINT)
        .answers::<ChainVerdict>(),
    route!(Get "/deliveries" "listDeliveries" deliveries::list)
        .says("Lists the receipts of logout tokens, the oldest first.", "")
        .takes(OF_DELIVERY)
        .lists::<Delivery>(),
    route!(Post "/deliveries/retry-dead" "retryDeadDeliveries" deliveries::retry_dead)
        .says("Has all dead logout tokens sent again.", "")
        .answers::<SentAgain>(),
    route!(Post "/deliveries/{id}/retry" "retryDelivery" deliveries::retry)
        .says("Has a logout token sent again.", "")
        .answers::<SentAgain>(),
    route!(Get "/claims" "listClaims" claims::list)
        .says("Lists the custom claims for all clients.", "")
        .answers::<CustomClaims>(),
    route!(Get "/claims/{name}" "getClaim" claims::show)
        .says("Reads a custom claim for all clients.", "")
        .answers::<CustomClaim>()
        .versioned(),
    route!(Put "/claims/{name}" "setClaim" claims::set)
        .says("Sets a custom claim for all clients.", "")
        .body::<CustomClaim>(r#"{"attribute":"department"}"#)
        .answers::<CustomClaim>()
        .conflicts()
        .versioned()
        .guarded(),
    route!(Delete "/claims/{name}" "removeClaim" claims::remove)
        .says("Removes a custom claim.", "")
        .guarded(),
];
