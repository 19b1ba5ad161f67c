//! Why an operation was not carried out.

use latchkey_jose::JoseError;
use latchkey_protocol::{
    SigningAlgorithm, StoreError, claims::MOST_MAPPINGS, registration::RegistrationError,
    store::WriteOutcome, user::User,
};

use crate::PasswordFault;

/// Why an operation was not carried out, as one sentence for whoever asked for it. The last few are our own breakage.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    #[error("there is nobody called {0}")]
    UserUnknown(String),
    #[error("there is no client {0}")]
    ClientUnknown(String),
    #[error("there is no session {0}")]
    SessionUnknown(String),
    #[error("{user} has allowed {client} nothing")]
    ConsentUnknown { user: String, client: String },
    #[error("there is no key {0}")]
    KeyUnknown(String),
    #[error("there is no custom claim {0}")]
    ClaimUnknown(String),
    #[error(
        "no refusal has the reference {0} (they are kept for seven days; under a flood some are only in the log)"
    )]
    RefusalUnknown(String),
    #[error("the refusal {reference} was {reason}, which this version does not know")]
    ReasonUnknown { reference: String, reason: String },

    #[error("there is already somebody called {0}")]
    NameTaken(String),
    #[error("{0} is the email address of another user, who signs in with it")]
    NameIsAddress(String),
    #[error("there is already somebody with the email address {0}")]
    AddressTaken(String),
    #[error("{0} is the user name of another user, who signs in with it")]
    AddressIsName(String),
    #[error("the client_id {0} is taken")]
    ClientIdTaken(String),
    #[error("there are {MOST_MAPPINGS} custom claims already; remove one first")]
    ClaimsFull,

    /// What was given cannot be used.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Metadata(#[from] RegistrationError),
    #[error("the metadata has another client_id than {0}: an id cannot change")]
    ClientIdDiffers(String),
    #[error("{0} is a public client: it has no secret")]
    ClientPublic(String),
    #[error(
        "ID tokens of {0} can be signed with its secret (HS256) only when it gets a new one: of the old one there is but a digest; repeat it with --new-secret"
    )]
    SecretUnreadable(String),
    #[error(
        "there is no key that signs with {name}; make one with latchkey key rotate --algorithm {name}",
        name = .0.name()
    )]
    KeyMissing(SigningAlgorithm),
    #[error("{0} is the key that signs")]
    KeySigns(String),

    #[error("{0} was changed meanwhile")]
    Changed(String),
    #[error("{0} was deleted meanwhile")]
    Deleted(String),
    #[error("{0} is being changed by others all the time; try again")]
    Contended(String),

    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Password(#[from] PasswordFault),
    #[error(transparent)]
    Jose(#[from] JoseError),
    #[error("signing key {kid}")]
    SigningKey {
        kid: String,
        #[source]
        error: JoseError,
    },
    /// A thread that worked for it is gone.
    #[error("{0}")]
    Broken(String),
}

impl OperationError {
    /// What a rule of `protocol` said.
    pub(crate) fn invalid(sentence: String) -> Self {
        Self::Invalid(sentence)
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
            WriteOutcome::Done | WriteOutcome::Changed => Self::Changed(name),
        }
    }
}
