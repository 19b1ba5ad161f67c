//! Why an operation was not carried out, in the sentences that commands print.

use latchkey_jose::JoseError;
use latchkey_protocol::{
    ClientId, SessionId, SigningAlgorithm, StoreError,
    bounds::{IDENTITIES, UPSTREAMS},
    claims::MOST_MAPPINGS,
    field_error::{FieldError, FieldErrors},
    registration::RegistrationError,
    rotation::{KeyBound, MOST_IN_A_DAY, MOST_PUBLISHED},
    store::WriteOutcome,
    user::User,
};

use crate::{Busy, PasswordFault};

/// Why an operation was not carried out, as one sentence for whoever asked for it. The last few are our own breakage.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// No user has this name or address.
    #[error("there is nobody called {0}")]
    UserUnknown(String),
    /// No client has this id.
    #[error("there is no client {0}")]
    ClientUnknown(ClientId),
    /// No session has this `sid`.
    #[error("there is no session {0}")]
    SessionUnknown(SessionId),
    /// No delivery has this number.
    #[error("there is no delivery {0}")]
    DeliveryUnknown(i64),
    /// The user has allowed the client nothing, or has taken it back.
    #[error("{user} has allowed {client} nothing")]
    ConsentUnknown {
        /// The user as they were named.
        user: String,
        /// The client's id.
        client: ClientId,
    },
    /// No key has this id.
    #[error("there is no key {0}")]
    KeyUnknown(String),
    /// No custom claim for all clients has this name.
    #[error("there is no custom claim {0}")]
    ClaimUnknown(String),
    /// No provider that users sign in at has this name.
    #[error("there is no provider {0}")]
    UpstreamUnknown(String),
    /// The user has no such identity there.
    #[error("{user} has no such identity at {upstream}")]
    IdentityUnknown {
        /// The user as they were named.
        user: String,
        /// The provider.
        upstream: String,
    },
    /// No refusal that is kept has this reference.
    #[error(
        "no refusal has the reference {0} (they are kept for seven days; under a flood some are only in the log)"
    )]
    RefusalUnknown(String),
    /// The refusal was written by another version.
    #[error("the refusal {reference} was {reason}, which this version does not know")]
    ReasonUnknown {
        /// The reference of the refusal.
        reference: String,
        /// The reason as it was written.
        reason: String,
    },

    /// Another user has this name.
    #[error("there is already somebody called {0}")]
    NameTaken(String),
    /// Another user has this name as an address.
    #[error("{0} is the email address of another user, who signs in with it")]
    NameIsAddress(String),
    /// Another user has this address.
    #[error("there is already somebody with the email address {0}")]
    AddressTaken(String),
    /// Another user has this address as a name.
    #[error("{0} is the user name of another user, who signs in with it")]
    AddressIsName(String),
    /// Another client has this id.
    #[error("the client_id {0} is taken")]
    ClientIdTaken(ClientId),
    /// Another provider has this name.
    #[error("there is already a provider called {0}")]
    UpstreamNameTaken(String),
    /// Another provider has this issuer.
    #[error("there is already a provider with the issuer {0}")]
    UpstreamIssuerTaken(String),
    /// The identities of users have the provider's issuer.
    #[error(
        "users are linked by what {0} calls them: its issuer, protocol.kind and mapping.subject cannot change"
    )]
    UpstreamIssuerInUse(String),
    /// Users are linked through it.
    #[error("{identities} identities are linked through {name}")]
    UpstreamInUse {
        /// The provider.
        name: String,
        /// How many.
        identities: i64,
    },
    /// There are as many providers as there may be.
    #[error("there are {UPSTREAMS} providers already; delete one first")]
    UpstreamsFull,
    /// The identity is linked to a user.
    #[error("the identity {0} is linked to a user already")]
    IdentityTaken(String),
    /// The user has as many identities as a user may have.
    #[error("{0} has {IDENTITIES} identities already; unlink one first")]
    IdentitiesFull(String),
    /// The user could not sign in any more.
    #[error("{0} has no other way to sign in")]
    LastWayIn(String),
    /// There are as many custom claims as there may be.
    #[error("there are {MOST_MAPPINGS} custom claims already; remove one first")]
    ClaimsFull,

    /// What was given cannot be used: every fault of it.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// The client metadata breaks a rule (RFC 7591 3.2.2).
    #[error(transparent)]
    Metadata(#[from] RegistrationError),
    /// The metadata names another client.
    #[error("the metadata has another client_id than {0}: an id cannot change")]
    ClientIdDiffers(ClientId),
    /// The client authenticates without a secret.
    #[error("{0} is a public client: it has no secret")]
    ClientPublic(ClientId),
    /// A new secret is to be made, and the metadata has one.
    #[error(
        "{0} cannot get both a new secret and the client_secret of the metadata: leave one of them out"
    )]
    SecretGiven(ClientId),
    /// The client's secret is kept as a digest, and HS256 needs the secret itself.
    #[error(
        "ID tokens of {0} can be signed with its secret (HS256) only when it gets a new one: of the old one there is but a digest; repeat it with --new-secret"
    )]
    SecretUnreadable(ClientId),
    /// The ring has no key of this algorithm.
    #[error(
        "there is no key that signs with {name}; make one with latchkey key rotate --algorithm {name}",
        name = .0.name()
    )]
    KeyMissing(SigningAlgorithm),
    /// As many keys of the algorithm are published as may be.
    #[error(
        "there are too many keys of {name}: {MOST_PUBLISHED} can be published; retire one that signs no longer",
        name = .0.name()
    )]
    KeysFull(SigningAlgorithm),
    /// As many keys of the algorithm were made within a day as may be.
    #[error(
        "{MOST_IN_A_DAY} keys of {name} were made within a day, which is as many as may be; wait",
        name = .0.name()
    )]
    KeysMadeInADay(SigningAlgorithm),
    /// Too many keys are being made.
    #[error("too many signing keys are being made; try again in a moment")]
    KeysBusy,
    /// The key signs, so it cannot be retired.
    #[error("{0} is the key that signs")]
    KeySigns(String),

    /// Nobody would be left who can administer.
    #[error("{0} is the last enabled user with the role admin")]
    LastAdministrator(String),

    /// The sessions of the client are being ended, and are found by it.
    #[error("the sessions of {0} are being ended; delete it when that is done")]
    SessionsEnding(ClientId),

    /// Somebody else changed it since it was read.
    #[error("{0} was changed meanwhile")]
    Changed(String),
    /// Somebody else deleted it since it was read.
    #[error("{0} was deleted meanwhile")]
    Deleted(String),
    /// Somebody else changed it at every try.
    #[error("{0} is being changed by others all the time; try again")]
    Contended(String),

    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many passwords wait to be hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// No password was hashed.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// A key cannot be used, or signing failed.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// A stored signing key cannot be opened.
    #[error("signing key {kid}")]
    SigningKey {
        /// Its id.
        kid: String,
        /// What is wrong with it.
        #[source]
        error: JoseError,
    },
    /// A thread that worked for it is gone.
    #[error("{0}")]
    Broken(String),
}

impl OperationError {
    /// What is wrong with the input, each fault at its member, for a form or an answer that names fields. None where it is
    /// about what is there already, or is our own breakage.
    pub fn field_errors(&self) -> Vec<FieldError> {
        let (field, fix) = match self {
            Self::Invalid(errors) => return errors.iter().cloned().collect(),
            Self::Metadata(error) => return error.errors.iter().cloned().collect(),
            Self::NameTaken(_) | Self::NameIsAddress(_) => ("username", "choose another user name"),
            Self::AddressTaken(_) | Self::AddressIsName(_) => {
                ("email", "give another email address, or none")
            }
            Self::LastAdministrator(_) => {
                ("roles", "give the role admin to another enabled user first")
            }
            Self::ClientIdTaken(_) => (
                "client_id",
                "choose another id, or leave it out to get one that is made",
            ),
            Self::ClientIdDiffers(_) => ("client_id", "leave client_id out"),
            Self::UpstreamNameTaken(_) => ("name", "choose another name"),
            Self::UpstreamIssuerTaken(_) => ("protocol", "change the provider that has the issuer"),
            Self::UpstreamIssuerInUse(_) => (
                "protocol",
                "add another provider, or unlink its identities first",
            ),
            Self::KeyMissing(_) => (
                "id_token_signed_response_alg",
                "make a key of this algorithm",
            ),
            Self::SecretUnreadable(_) => (
                "id_token_signed_response_alg",
                "ask for a new secret as well",
            ),
            Self::SecretGiven(_) => ("client_secret", "leave client_secret out"),
            _ => return Vec::new(),
        };
        vec![self.fault(field).fix(fix)]
    }

    /// The sentence at `field`, with the id of the text that says it in another language, where a form or a question can come
    /// to it.
    pub fn fault(&self, field: &str) -> FieldError {
        let fault = FieldError::new(field, self.to_string());
        let (id, name) = match self {
            Self::NameTaken(_) | Self::NameIsAddress(_) => ("username-taken", String::new()),
            Self::AddressTaken(_) | Self::AddressIsName(_) => ("email-taken", String::new()),
            Self::LastAdministrator(_) => ("last-administrator", String::new()),
            Self::ClientIdTaken(id) => ("client-id-taken", id.to_string()),
            Self::KeyMissing(algorithm) => ("key-missing", algorithm.name().to_owned()),
            Self::SecretUnreadable(id) => ("secret-unreadable", id.to_string()),
            Self::ClientPublic(id) => ("client-public", id.to_string()),
            Self::SessionsEnding(id) => ("sessions-ending", id.to_string()),
            Self::ConsentUnknown { user, .. } => ("consent-unknown", user.clone()),
            Self::KeySigns(_) => ("key-signs", String::new()),
            Self::KeysFull(algorithm) => {
                let fault = fault.id("keys-full").with("name", algorithm.name());
                return fault.with("published", MOST_PUBLISHED.to_string());
            }
            Self::KeysMadeInADay(algorithm) => {
                let fault = fault
                    .id("keys-made-in-a-day")
                    .with("name", algorithm.name());
                return fault.with("made", MOST_IN_A_DAY.to_string());
            }
            Self::Changed(_) | Self::Contended(_) => ("changed", String::new()),
            _ => return fault,
        };
        fault.id(id).with("name", name)
    }

    /// Which bound keeps another key of `algorithm` out.
    pub(crate) fn keys_full(bound: KeyBound, algorithm: SigningAlgorithm) -> Self {
        match bound {
            KeyBound::Published => Self::KeysFull(algorithm),
            KeyBound::MadeInADay => Self::KeysMadeInADay(algorithm),
        }
    }

    /// Why `user` was not written.
    pub(crate) fn unwritten(outcome: WriteOutcome, user: &User) -> Self {
        let name = user.username.clone();
        let email = user.email.clone().unwrap_or_default();
        match outcome {
            WriteOutcome::NameTaken => Self::NameTaken(name),
            WriteOutcome::NameIsAddress => Self::NameIsAddress(name),
            WriteOutcome::AddressTaken => Self::AddressTaken(email),
            WriteOutcome::AddressIsName => Self::AddressIsName(email),
            WriteOutcome::LastAdministrator => Self::LastAdministrator(name),
            WriteOutcome::Done | WriteOutcome::Changed => Self::Changed(name),
        }
    }
}
