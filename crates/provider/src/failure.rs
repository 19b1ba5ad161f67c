//! Why a call does not get what it asked for: one type, which travels by `?` to the door that turns it into an answer.

use latchkey_jose::JoseError;
use latchkey_protocol::{
    Reason, StoreError, authorization::Authorization, error::Refusal, token::Denial,
};

use crate::{fault::Fault, signing::Busy};

/// A refusal, or our own breakage.
#[derive(Debug)]
pub enum Failure {
    /// Refused; where a rule found a replay, `revoke` is the authorization that ends as well.
    Refused {
        refusal: Refusal,
        revoke: Option<String>,
    },
    /// Nobody's fault but ours.
    Fault(Fault),
}

impl Failure {
    /// What a rule says of an authorization.
    pub fn denied(denial: Denial, authorization: &Authorization) -> Self {
        Self::Refused {
            refusal: denial.refused,
            revoke: denial.revoke.then(|| authorization.id.clone()),
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

impl From<JoseError> for Failure {
    fn from(error: JoseError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<Busy> for Failure {
    fn from(busy: Busy) -> Self {
        Self::Fault(busy.into())
    }
}
