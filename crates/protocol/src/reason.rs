//! Every refusal: one word for what happened, and one table of the codes and texts that the outside hears.

use serde::Serialize;

/// The error codes of the specifications: all that the outside hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub &'static str);

/// One line of the table between what happened and what is said.
#[derive(Debug, Clone, Copy)]
pub struct RefusalText {
    /// The error code.
    pub code: ErrorCode,
    /// HTTP status where the answer is not a redirect.
    pub status: u16,
    /// The fixed public sentence.
    pub public: &'static str,
    /// What was checked, for whoever runs the server.
    pub checked: &'static str,
    /// How to fix it, for whoever runs the server.
    pub fix: &'static str,
}

impl RefusalText {
    /// The public sentence with our reference at its end, for answers that have no member of their own for it.
    pub fn described(&self, reference: &str) -> String {
        format!("{} (ref {reference})", self.public)
    }
}

/// The reference in what was pasted: alone, or with the sentence or the address that carried it.
pub fn pasted_reference(text: &str) -> String {
    let marks = ["(ref ", "(ref%20", "(ref+", "%28ref%20", "%28ref+"];
    let after = marks
        .iter()
        .find_map(|mark| text.rsplit_once(mark))
        .map_or(text, |(_, after)| after);
    let letters = after
        .chars()
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take_while(char::is_ascii_alphanumeric);
    letters.collect::<String>().to_uppercase()
}

/// What was expected and what was received, for `latchkey why`. Secrets are masked before they get here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// What would have been right.
    pub expected: String,
    /// What came instead, cut at 300 characters.
    pub received: String,
}

impl Detail {
    /// Cuts what was received.
    pub fn new(expected: impl Into<String>, received: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            received: received.into().chars().take(300).collect(),
        }
    }
}

/// Shows the kind and the length of a secret, nothing else.
pub fn masked(secret: &str) -> String {
    match secret.len() {
        0 => "nothing".into(),
        length => format!("({length} characters, masked)"),
    }
}

/// Shows of an identifier that nothing is known by only its kind and length: id and secret exchanged, it is a secret.
pub fn unknown_id(text: &str) -> String {
    let kind = match text {
        "" => return "nothing".into(),
        t if t.starts_with("lk_secret_") => "has the form of a client secret",
        t if t.len() == 36 && t.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') => {
            "has the form of a UUID"
        }
        _ => "a text",
    };
    format!("({kind}, {} characters, masked)", text.chars().count())
}

macro_rules! reasons {
    ($( $name:ident: $code:literal $status:literal $public:literal, $checked:literal, $fix:literal; )*) => {
        /// Why a request was refused. To the log and to `latchkey why`, never to the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $( #[doc = concat!("Checked: ", $checked, ".")] $name, )* }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &[Reason] = &[ $( Reason::$name, )* ];

            /// Its word, for the log and for `latchkey why`.
            pub fn name(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )* }
            }

            /// THE table.
            pub fn refusal(self) -> RefusalText {
                match self { $( Self::$name => RefusalText {
                    code: ErrorCode($code), status: $status, public: $public, checked: $checked, fix: $fix,
                }, )* }
            }
        }
    };
}

reasons! {
    // Requests that cannot be read.
    ParameterRepeated: "invalid_request" 400 "A parameter was sent more than once.",
        "each parameter comes at most once (RFC 6749 3.1, 3.2)", "Send the parameter once.";
    ParameterMissing: "invalid_request" 400 "A required parameter is missing.",
        "the parameters that this request cannot do without", "Send the parameter named under 'expected'.";
    ParameterMalformed: "invalid_request" 400 "A parameter has a value that cannot be used.",
        "the form of a parameter", "Correct the parameter named under 'expected'.";
    ContentTypeWrong: "invalid_request" 400 "The body must be application/x-www-form-urlencoded.",
        "the Content-Type of the body (RFC 6749 3.2)", "Send the parameters as a form.";
    BodyTooLarge: "invalid_request" 413 "The request is too large.",
        "the size of the body", "No request of these protocols needs this much.";
    BodyUnreadable: "invalid_request" 400 "The request could not be read to its end.",
        "the body arrives whole and in the encoding it names", "Look at what cuts requests short: the client, a proxy, the network.";
    // The authorization endpoint before it knows whom to answer: pages.
    ClientUnknown: "invalid_client" 400 "The application is not known here.",
        "client_id names a registered client", "Register the app (latchkey client create) or correct its client_id.";
    RedirectUriMissing: "invalid_request" 400 "The application did not say where to return to.",
        "redirect_uri is sent when the client has more than one (RFC 6749 3.1.2.3), and always with openid", "Send redirect_uri exactly as it is registered.";
    RedirectUriUnregistered: "invalid_request" 400 "The application asked to return to an address that is not registered for it.",
        "redirect_uri is, character by character, one that the client registered (RFC 9700 2.1)", "Register this address (latchkey client update) or correct the app.";
    InteractionUnknown: "invalid_request" 400 "This sign-in has expired or was already finished. Go back to the application and start again.",
        "the interaction in the address exists and has not expired", "The user starts again at the app. If it happens often, look at how long users take and at the clocks.";
    BrowserDiffers: "invalid_request" 400 "This sign-in was started in another browser. Go back to the application and start again.",
        "the browser carries the cookie it was given when the sign-in began", "Cookies must reach this host; a link to a sign-in must not be passed on.";
    FormForged: "invalid_request" 403 "This form has expired. Go back and try again.",
        "the anti-forgery token of the form belongs to this browser", "Reload the page. Cookies must be allowed for this host.";
    TooManyAttempts: "temporarily_unavailable" 429 "Too many attempts. Wait a few minutes, then try again.",
        "failed sign-ins of this name and this address within the window", "Wait. If many users share the address, set trusted_proxies so that theirs is seen.";
    TooManySignIns: "temporarily_unavailable" 429 "Too many sign-ins were started from your network. Wait a few minutes, then try again.",
        "sign-ins that were begun from this address within ten minutes and not finished, each of which takes a row for an hour", "Wait. If many users share the address, set trusted_proxies so that theirs is seen.";
    NotAVisit: "invalid_request" 403 "Sign-in starts with a visit to this address, not from within another page.",
        "Sec-Fetch-Mode is navigate and Sec-Fetch-Dest is document, where a browser says them: a picture, a script or a frame begins no sign-in", "Send the browser itself to the authorization endpoint. A frame may ask with prompt=none.";
    RequestTooLarge: "invalid_request" 400 "The request is too large to be kept while somebody signs in.",
        "the size of the authorization request as it is stored; control characters take six bytes each", "Keep state, nonce and claims short.";
    Busy: "temporarily_unavailable" 503 "The server is busy. Try again in a moment.",
        "the queue of waiting work has room", "Add a node or cores, or find who floods the server.";
    DatabaseAway: "temporarily_unavailable" 503 "The server cannot answer just now. Try again in a moment.",
        "the database answers", "Look at the database, and the log: it names what the connection failed with.";
    // The authorization endpoint afterwards: back to the client.
    ResponseTypeUnsupported: "unsupported_response_type" 400 "This response_type is not supported.",
        "response_type is code", "Use response_type=code.";
    ResponseModeUnsupported: "invalid_request" 400 "This response_mode is not supported.",
        "response_mode is query or form_post", "Use one of them, or leave it out.";
    GrantNotAllowed: "unauthorized_client" 400 "The application may not use this grant.",
        "grant_types of the client's registration", "Add the grant to grant_types of the client.";
    ScopeUnknown: "invalid_scope" 400 "A scope was asked for that this application cannot have.",
        "each scope is known and within the client's registration", "Correct the scope, or register it for the client.";
    ScopeExceedsGrant: "invalid_scope" 400 "More scope was asked for than was granted.",
        "the scope of a refresh is within what was granted (RFC 6749 6)", "Ask for less, or let the user sign in again.";
    RequestObjectInvalid: "invalid_request_object" 400 "The request object cannot be used.",
        "the request object is a JWT signed with RS256, PS256 or ES256 by a key of the client's registered jwks, for this client and issuer, in its time, with each member once (OpenID Connect Core 6.1, RFC 9101 4, 5)", "Look at 'expected' and 'received'. Unsigned objects and keys behind a jwks_uri are not taken: register jwks.";
    RequestObjectMissing: "invalid_request" 400 "A signed request object is required.",
        "the client's require_signed_request_object (RFC 9101 10.5)", "Sign the request, or update the client.";
    RequestUriUnsupported: "request_uri_not_supported" 400 "Request URIs are not supported.",
        "no request_uri parameter (OpenID Connect Core 6.2)", "Send the parameters themselves.";
    RegistrationUnsupported: "registration_not_supported" 400 "Self-issued registration is not supported.",
        "no registration parameter (OpenID Connect Core 7.2.1)", "Register the client beforehand.";
    PromptMalformed: "invalid_request" 400 "The prompt parameter has a value that cannot be used.",
        "prompt holds known values, and none stands alone (OpenID Connect Core 3.1.2.1)", "Correct prompt.";
    ChallengeMissing: "invalid_request" 400 "A code_challenge is required (PKCE).",
        "public clients send a code_challenge (RFC 9700 2.1.1), and so do all where require_pkce is set for the client or in the settings", "Turn PKCE on in the app's library.";
    ChallengeMethodUnsupported: "invalid_request" 400 "code_challenge_method must be S256.",
        "code_challenge_method is S256; plain is the default of RFC 7636 and refused", "Use S256.";
    HintUnusable: "invalid_request" 400 "The id_token_hint was not issued here.",
        "id_token_hint is an ID token signed by one of our keys", "Send an ID token of this issuer, or none.";
    AcrUnavailable: "unmet_authentication_requirements" 400 "The authentication that the application demands is not available.",
        "an essential acr is one that sign-ins here have (OpenID Connect Core 5.5.1.1)", "Ask for acr without essential, or for the value under 'expected'.";
    LoginNeeded: "login_required" 400 "The user has to sign in.",
        "prompt=none with a session that may answer", "Send the user through a request without prompt=none.";
    ConsentNeeded: "consent_required" 400 "The user has to allow the application first.",
        "prompt=none with a remembered consent for these scopes", "Send the user through a request without prompt=none, or make the client trusted.";
    InteractionNeeded: "interaction_required" 400 "The user has to confirm the sign-in.",
        "prompt=none with a client that cannot be impersonated: a public client on a loopback address or a private-use scheme gets no code without a page (RFC 8252 8.6)", "Send the user through a request without prompt=none, or use refresh tokens.";
    UserNotAdmitted: "access_denied" 403 "The user may not use this application.",
        "the client's access, which names groups, roles and users: the user has none of them", "Give the user a group or role of the client's access, or name them there (latchkey client access CLIENT lists who has it).";
    UserDeclined: "access_denied" 403 "The user did not allow the application.",
        "the user's answer on the consent page", "Nothing: it was the user's choice.";
    ClientDisabled: "unauthorized_client" 400 "This application is disabled.",
        "the client is enabled", "Enable it (latchkey client enable ID) if that is wanted.";
    // The token endpoint: who is asking.
    ClientAuthMissing: "invalid_client" 401 "The client did not authenticate.",
        "credentials of the registered method are sent", "Send the client's credentials.";
    ClientAuthMultiple: "invalid_request" 400 "Two ways of client authentication were used at once.",
        "one method per request (RFC 6749 2.3)", "Send credentials either in the header or in the form.";
    ClientAuthUnknownClient: "invalid_client" 401 "Client authentication failed.",
        "client_id names a registered client", "Correct the client_id (latchkey client list); look whether id and secret were exchanged.";
    ClientAuthMethodWrong: "invalid_client" 401 "Client authentication failed.",
        "the method is the one the client registered (token_endpoint_auth_method); where none was named, Basic or form", "Use the registered method, or update the client.";
    ClientSecretWrong: "invalid_client" 401 "Client authentication failed.",
        "the client secret", "Correct the secret, or make a new one (latchkey client rotate-secret).";
    ClientAuthLocked: "invalid_client" 429 "Client authentication failed too often. Wait a few minutes, then try again.",
        "wrong secrets of this client from this network, or from networks where it never authenticated, within ten minutes", "Correct the secret and wait. If others guess: nothing, they are held up; the client's own servers are not.";
    ClientAuthMalformed: "invalid_client" 401 "Client authentication failed.",
        "the Authorization header is Basic with base64 of form-urlencoded id:secret (RFC 6749 2.3.1)", "Encode the header as the RFC says.";
    // The token endpoint: what for.
    GrantTypeUnsupported: "unsupported_grant_type" 400 "This grant_type is not supported.",
        "grant_type is one that discovery names", "Use a grant_type from the discovery document.";
    CodeUnknown: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the authorization code was issued here", "Send the code as it was received, once, at this issuer.";
    CodeExpired: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the authorization code is within its lifetime", "Exchange the code at once; compare the clocks.";
    CodeReplayed: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the authorization code was not used before; all it gave is revoked now (RFC 6749 4.1.2)", "Find who sends the code twice: a reloaded callback page, a retry, or a thief.";
    CodeOfAnotherClient: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the code was issued to this client", "Find out how the code got to another client.";
    RedirectUriDiffers: "invalid_grant" 400 "The code or refresh token is not valid.",
        "redirect_uri equals that of the authorization request (RFC 6749 4.1.3)", "Send the same redirect_uri in both requests.";
    VerifierMissing: "invalid_grant" 400 "The code or refresh token is not valid.",
        "a code_verifier comes with a code whose request had a challenge (RFC 7636 4.5)", "Send the verifier that was made before the redirect.";
    VerifierUnexpected: "invalid_grant" 400 "The code or refresh token is not valid.",
        "no code_verifier comes with a code whose request had no challenge (RFC 9700 2.1.1)", "Send the code_challenge in the authorization request too.";
    VerifierWrong: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the code_verifier hashes to the challenge (RFC 7636 4.6)", "Keep the verifier from the request until the exchange; one per sign-in.";
    AuthorizationEnded: "invalid_grant" 400 "The code or refresh token is not valid.",
        "what was allowed has not been revoked, signed out or expired", "The user signs in again.";
    RefreshTokenMalformed: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the refresh token is a JWT signed by one of our keys", "Send the refresh token as it was received.";
    RefreshTokenExpired: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the refresh token is within its idle and absolute lifetime", "The user signs in again; see tokens.refresh_token_lifetime and refresh_token_idle.";
    RefreshTokenOfAnotherClient: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the refresh token was issued to this client", "Find out how the token got to another client.";
    RefreshTokenReplayed: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the refresh token is the current one, or its parent within tokens.refresh_replay_window; the family is revoked now (RFC 9700 4.14.2)", "Store the newest refresh token of each answer. If the app does, somebody else has an old one.";
    UserDisabled: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the user still exists and is enabled", "Enable the user (latchkey user enable) if that is wanted.";
    AccessWithdrawn: "invalid_grant" 400 "The code or refresh token is not valid.",
        "the user may still use the client: its access names one of their groups or roles, or themselves", "If the user is to have it, give them a group or role of the client's access (latchkey client access CLIENT). Then the same refresh token is good again.";
    // Bearer endpoints.
    TokenMissing: "" 401 "An access token is needed.",
        "an access token is sent (RFC 6750 2)", "Send Authorization: Bearer.";
    TokenTwice: "invalid_request" 400 "The access token was sent in more than one way.",
        "one way of sending the token (RFC 6750 2)", "Send it once.";
    TokenInvalid: "invalid_token" 401 "The access token is not valid.",
        "the access token is a JWT signed by one of our keys, of this issuer and type", "Send an access token of this issuer.";
    TokenExpired: "invalid_token" 401 "The access token is not valid.",
        "the access token has not expired", "Refresh it.";
    TokenRevoked: "invalid_token" 401 "The access token is not valid.",
        "the token, its authorization, session and user are still there, and the client is still for the user", "The user signs in again.";
    TokenClientDisabled: "invalid_token" 401 "The access token is not valid.",
        "the client that the token was issued to is enabled", "Enable it (latchkey client enable ID) if that is wanted.";
    TokenForOthers: "invalid_token" 401 "The access token is not valid.",
        "the access token is for this issuer too (aud, RFC 9068 4)", "Ask for the scope openid in the authorization request: its tokens are for UserInfo too.";
    TokenNotForCaller: "" 200 "The token is not active.",
        "the client that introspects is the token's own, or one of its audiences (RFC 7662 4)", "Add the caller's client_id to audience of the client that gets the token (latchkey client update), and get a new one.";
    ScopeInsufficient: "insufficient_scope" 403 "The access token lacks the openid scope.",
        "the scope openid (OpenID Connect Core 5.3)", "Ask for openid in the authorization request.";
    // The administration API.
    ApiTokenForOthers: "invalid_token" 401 "The access token is not valid.",
        "the access token is for the administration API alone (aud), and a client got it for itself", "Ask the token endpoint for it with the grant client_credentials and the scope latchkey.read or latchkey.write.";
    ApiScopeInsufficient: "insufficient_scope" 403 "The access token may not do this.",
        "the access token has the scope latchkey.read or latchkey.write, or latchkey.write for a change, and the client's registration still has it", "Ask for the scope; an administrator adds it to scope of the client (latchkey client update).";
    ApiCallsTooMany: "temporarily_unavailable" 429 "Too many calls. Try again in a second.",
        "calls of the administration API within a second, at this node", "Call more slowly: wait as long as Retry-After says.";
    // Sign-out.
    LogoutHintUnusable: "invalid_request" 400 "The sign-out request could not be understood.",
        "id_token_hint is an ID token of this issuer, for the client named", "Send the newest ID token of this issuer as id_token_hint.";
    LogoutRedirectUnregistered: "invalid_request" 400 "The application asked to return to an address that is not registered for it.",
        "post_logout_redirect_uri is exactly one that the client registered", "Register the address in post_logout_redirect_uris.";
    // The console.
    ConsoleRoleMissing: "access_denied" 403 "Your account may not do this in the console.",
        "the user has the role admin, or auditor for a page that changes nothing, at this moment", "Give the role (latchkey user update NAME --role admin) if that is wanted.";
    ConsoleSignInForeign: "invalid_request" 400 "This sign-in to the console was not started in this browser. Open the console again.",
        "the answer to a sign-in carries the state that this browser was given, and belongs to its session", "Open /admin again. Cookies must reach this host.";
    ConsoleSignInRefused: "access_denied" 400 "The sign-in to the console did not succeed. Open the console again.",
        "the sign-in endpoint answers with a code", "Look at what it answered instead, under 'received'.";
    SetupLinkUnusable: "invalid_request" 403 "This set-up link cannot be used any more.",
        "the link is the one that the newest start of the server printed, less than an hour old, and there is no enabled administrator", "Restart the server: while there is no enabled administrator it prints a new link.";
    // Status lists.
    StatusListUnknown: "not_found" 404 "There is no such status list.",
        "the address is one that a token names under status.status_list.uri, of a list whose tokens are not all over, and tokens.status_list is on", "Take the address from a token, or from status_list_aggregation_endpoint.";
    StatusOfThePast: "invalid_request" 501 "Status lists of other times are not kept.",
        "no parameter time (Token Status List 8.4)", "Ask without it: the answer is the list of now.";
    StatusListFormat: "invalid_request" 406 "Status lists are published as application/statuslist+jwt alone.",
        "Accept, where it is sent, allows application/statuslist+jwt", "Send Accept: application/statuslist+jwt, or none.";
    // Sign-in at other providers.
    UpstreamUnknown: "invalid_request" 404 "There is no such way to sign in here.",
        "the address names a provider that is configured and enabled", "Look at latchkey upstream list.";
    UpstreamStateUnknown: "invalid_request" 400 "This sign-in has expired or was already finished. Go back to the application and start again.",
        "the answer of the other provider carries the state of a sign-in that was begun there within ten minutes, and was not answered before", "The user starts again at the app. If it happens often, look at how long users take and at the clocks.";
    UpstreamChanged: "invalid_request" 400 "This way to sign in was changed just now. Go back and try again.",
        "the provider is enabled and has the settings that the sign-in was begun with, until it is finished", "The user starts again.";
    UpstreamIssuerDiffers: "invalid_request" 400 "The sign-in was answered by somebody else. Go back to the application and start again.",
        "iss of the answer is the issuer of the provider that was asked, and is there where the provider sends it (RFC 9207)", "Compare the issuer in the settings with the provider's discovery document. Where they are the same, somebody mixed up two providers: do not go on.";
    UpstreamCancelled: "access_denied" 400 "The sign-in was cancelled. Go back and try again, or choose another way to sign in.",
        "the other provider answers with a code, not with the word that the user did not go on", "Nothing: it was the user's choice.";
    UpstreamRefused: "temporarily_unavailable" 502 "The other provider did not sign you in. Go back and try again, or choose another way to sign in.",
        "the other provider answers with a code", "Look at what it answered, under 'received': most often scopes, client_id or redirect address are not as they are registered there.";
    UpstreamAnswerUnfit: "invalid_request" 502 "The answer of the other provider cannot be used. Go back and try again.",
        "what the other provider answers has the form that its protocol says", "Look at 'expected' and 'received', and run latchkey upstream show.";
    UpstreamLogoutUnfit: "invalid_request" 400 "The logout token cannot be used.",
        "one logout token, signed by the provider, for us, of this time, that names a session or a user", "Look at 'received'; the address to register there is shown by latchkey upstream show.";
    UpstreamSubjectUnfit: "invalid_request" 502 "The other provider did not say who you are.",
        "the claims have a subject where mapping.subject says", "Correct mapping.subject (latchkey upstream update).";
    UpstreamIdentityForeign: "access_denied" 403 "This account at the other provider is connected in another way.",
        "the identity was linked through the provider that the user signed in at", "Two providers have the same issuer: unlink the identity (latchkey user unlink), and link it again.";
    UpstreamUserDisabled: "access_denied" 403 "Your account here is disabled.",
        "the user of the identity is enabled", "Enable the user (latchkey user enable) if that is wanted.";
    UpstreamAddressTaken: "access_denied" 403 "There is an account with your email address already, and this way to sign in cannot be connected to it.",
        "no account has the address, or the provider's trust.link lets the user prove that it is theirs", "Link the identity (latchkey user link), or set trust.link to with_proof.";
    UpstreamAccountUnknown: "access_denied" 403 "You have no account here yet. Ask whoever runs this service for one.",
        "the identity is linked to a user, or trust.create of the provider makes accounts", "Link the identity (latchkey user link), or set trust.create.";
    UpstreamLinkUnknown: "invalid_request" 400 "What was to be connected has expired. Go back to the application and start again.",
        "an identity waits in this interaction to be linked, since less than ten minutes, and the user signed in to the account after that", "The user starts again at the app.";
    UpstreamUnreachable: "temporarily_unavailable" 503 "The other provider does not answer. Try again in a moment, or choose another way to sign in.",
        "the other provider takes a connection and answers within a few seconds, and not with a failure of its own", "Look at 'received', and run latchkey upstream show. A private address is called only where outbound.allow names it.";
    UpstreamTokenUnfit: "invalid_request" 502 "What the other provider says about you could not be verified. Go back and try again.",
        "the ID token is signed by a published key of the provider with RS256, PS256, ES256 or EdDSA, is of its issuer, for our client_id, for this sign-in, and in its time (OpenID Connect Core 3.1.3.7)", "Look at 'received', compare issuer and client_id with what is registered there, and look at the clocks.";
    UpstreamNotFresh: "access_denied" 403 "The application wants you to sign in again, and the other provider does not say that you did. Choose another way to sign in.",
        "where the app asks for a new sign-in (prompt=login, max_age), the provider says in auth_time that there was one", "Nothing, unless the provider can say auth_time and does not: then ask for it there. Providers of OAuth 2.0 alone cannot.";
    // The rest.
    PageUnknown: "not_found" 404 "There is nothing at this address.",
        "the address", "Take the addresses from the discovery document.";
    MethodNotAllowed: "invalid_request" 405 "This address does not answer this method.",
        "the HTTP method", "Use the method that the specification names.";
    ServerFault: "server_error" 500 "Something went wrong here. It has been logged.",
        "our own parts: storage, keys, signing", "Look the request id up in the log.";
}

/// `docs/errors.md`, generated from the table.
pub fn reference() -> String {
    let mut text = String::from(
        "# Refusals\n\nGenerated from the table in `crates/protocol/src/reason.rs` by `latchkey config reference --errors`.\n\
         The outside hears the code and the sentence. `latchkey why REF` tells whoever runs the server the rest.\n\n\
         | reason | code | status | said outside | what was checked | how to fix it |\n|---|---|---|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let r = reason.refusal();
        let code = if r.code.0.is_empty() {
            "(none)"
        } else {
            r.code.0
        };
        text += &format!(
            "| `{}` | `{code}` | {} | {} | {} | {} |\n",
            reason.name(),
            r.status,
            r.public,
            r.checked,
            r.fix
        );
    }
    text
}
