//! Why a call does not get what it asked for: one type, which travels by `?` to the door that turns it into an answer.

use std::error::Error;

use latchkey_protocol::{
    AuthorizationId, Reason, StoreError, authorization::Authorization, error::Refusal,
    token::Denial,
};

/// A refusal, or our own breakage.
#[derive(Debug)]
pub enum Failure {
    /// Refused; where a rule found a replay, `revoke` is the authorization that ends as well.
    Refused {
        /// What was refused, and why.
        refusal: Refusal,
        /// The authorization that ends with it.
        revoke: Option<AuthorizationId>,
    },
    /// Nobody's fault but ours.
    Fault(Fault),
}

/// Our own breakage: no refusal. Logged once at the boundary, `server_error` outside.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing threads have more than they can sign in time.
    #[error("too much is waiting to be signed")]
    Busy,
    /// A library failed, as that of signatures.
    #[error(transparent)]
    Broken(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// What a rule says of an authorization.
    pub fn denied(denial: Denial, authorization: &Authorization) -> Self {
        Self::Refused {
            refusal: denial.refused,
            revoke: denial.revoke.then(|| authorization.id.clone()),
        }
    }

    /// A library that failed.
    pub fn broken(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Fault(Fault::Broken(Box::new(error)))
    }
}

impl Fault {
    /// What the outside hears of it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Store(error) => error.reason(),
            Self::Busy => Reason::Busy,
            Self::Broken(_) => Reason::ServerFault,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            refusal,
            revoke: None,
        }
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Refusal::from(reason).into()
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
