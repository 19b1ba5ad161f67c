//! Why a token is not accepted: said to the owner of the API in full, and to the caller by [`Challenge`](crate::Challenge) alone.

/// Why a request was refused. Each has a sentence for the owner's log; a stranger hears no more than its
/// [`Challenge`](crate::Challenge).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No `Authorization: Bearer` (RFC 6750 2.1).
    #[error("there is no access token")]
    Missing,
    /// More than one `Authorization` header (RFC 6750 3.1).
    #[error("there are two Authorization headers")]
    Twice,
    /// Longer than [`MOST_BYTES`](crate::MOST_BYTES).
    #[error("the token is longer than 16 KiB")]
    TooLong,
    /// Not a JWS with a JSON header and the claims of RFC 9068 2.2.
    #[error(
        "the token is no signed JWT with the claims iss, sub, aud, exp, iat, jti and client_id (RFC 9068 2.2)"
    )]
    Malformed,
    /// The header has `crit` (RFC 7515 4.1.11).
    #[error("the header asks for an extension that must be understood (`crit`)")]
    Critical,
    /// The `typ` is that of another kind of token (RFC 9068 4).
    #[error("the type is that of another kind of token: an access token has `typ` at+jwt")]
    Type,
    /// The `alg` is not in the allow-list, or not that of the key (RFC 8725 3.1).
    #[error("the algorithm is not accepted, or is not the one that its key is used with")]
    Algorithm,
    /// The issuer publishes no key of this `kid`.
    #[error("the issuer publishes no key with this `kid`")]
    UnknownKey,
    /// The signature was made over other bytes, or with another key.
    #[error("the signature does not match")]
    Signature,
    /// The `iss` is not the issuer, byte for byte.
    #[error("the token is of another issuer")]
    Issuer,
    /// The `aud` does not name the API.
    #[error("the token is for another audience")]
    Audience,
    /// The time of `exp` has come.
    #[error("the token has expired")]
    Expired,
    /// The `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet: look at the clocks of issuer and API")]
    NotYet,
    /// The token is bound to a key of its client (RFC 9449 7.1, RFC 8705 3): who presents it as a mere Bearer token may
    /// have stolen it.
    #[error("the token is bound to a key of its client (`cnf`), and came as a Bearer token")]
    SenderConstrained,
    /// The issuer was asked, and says that it is no access token that still counts (RFC 7662 2.2).
    #[error(
        "the issuer says that the token is not active: it was revoked, has ended, or is none of this API's"
    )]
    Inactive,
    /// The status list of the issuer says that it does not count any more (draft-ietf-oauth-status-list-21 8.3).
    #[error("the token was revoked, says the status list of the issuer")]
    Revoked,
    /// The issuer publishes status lists, and the token names none.
    #[error("the token has no `status`, though its issuer publishes status lists")]
    StatusMissing,
    /// The token names no list that is believed, or a place that the list does not have.
    #[error(
        "the `status` of the token cannot be looked up: it names no status list of the issuer, or no place in it"
    )]
    StatusUnreadable,
    /// [`RequireScope`](crate::RequireScope): the client was not granted all of it.
    #[error("the scope `{needed}` is needed")]
    Scope {
        /// What is needed, separated by spaces.
        needed: String,
    },
    /// [`RequireRole`](crate::RequireRole): the user does not have it.
    #[error("the role `{needed}` is needed")]
    Role {
        /// The role.
        needed: String,
    },
    /// [`RequireGroup`](crate::RequireGroup): the user is not in it.
    #[error("the group `{needed}` is needed")]
    Group {
        /// The group.
        needed: String,
    },
    /// [`StepUp`](crate::StepUp): the user has to prove again, or better, who they are (RFC 9470).
    #[error("a more recent or a stronger sign-in is needed (RFC 9470)")]
    StepUp {
        /// One of these is good enough; empty: any.
        acr_values: Vec<String>,
        /// How old the sign-in may be, in seconds.
        max_age: Option<u64>,
    },
    /// A [`Guard`](crate::Guard) of your own said no, and why.
    #[error("{0}")]
    Forbidden(&'static str),
}

/// The token could not be judged. Nothing is let through then: the answer is 503, and the caller may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The keys of the issuer are not known, or are older than
    /// [`keys_stale_for`](crate::Builder::keys_stale_for) allows, and cannot be fetched.
    #[error("the keys of the issuer cannot be fetched")]
    Keys,
    /// Too many requests wait for the issuer.
    #[error("too many requests wait for the issuer")]
    Busy,
    /// The issuer cannot be asked about the token.
    #[error("the issuer cannot be asked about the token")]
    Introspection,
    /// There is no status list that still counts, and [`WhenStale`](crate::WhenStale) lets nothing pass without one.
    #[error("the status list of the issuer is stale")]
    StatusList,
}

/// Why there is no verified token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The request is at fault: 401 or 403.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// We are: 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}
