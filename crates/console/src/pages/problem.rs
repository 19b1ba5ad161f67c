//! Why an operation was not carried out, for the form that asked for it.

use latchkey_operations::OperationError;
use latchkey_protocol::{Reason, field_error::FieldError};
use latchkey_ui::failure::Failure;

/// What is wrong with what was typed; empty where nothing is.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// Of the whole.
    pub fn whole(sentence: impl Into<String>) -> Self {
        Self(vec![FieldError::new("", sentence)])
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Adds another.
    pub fn add(&mut self, problem: FieldError) {
        self.0.push(problem);
    }

    /// What is wrong with this field.
    pub fn of(&self, field: &str) -> String {
        let of: Vec<_> = self.0.iter().filter(|p| p.member() == field).collect();
        sentences(&of)
    }

    /// What is wrong with none of these fields.
    pub fn beyond(&self, fields: &[&str]) -> String {
        let is_beyond = |p: &&FieldError| !fields.contains(&p.member());
        let beyond: Vec<_> = self.0.iter().filter(is_beyond).collect();
        sentences(&beyond)
    }
}

fn sentences(problems: &[&FieldError]) -> String {
    let all: Vec<_> = problems.iter().map(|p| p.to_string()).collect();
    all.join(" · ")
}

/// What a user can fix; what is gone is no page any more, and what is our own breakage is a fault.
///
/// # Errors
/// Those two.
pub fn problems(error: OperationError) -> Result<Problems, Failure> {
    match error {
        OperationError::Store(error) => Err(error.into()),
        OperationError::Password(_)
        | OperationError::Jose(_)
        | OperationError::SigningKey { .. }
        | OperationError::Broken(_) => Err(Failure::broken(error)),
        OperationError::UserUnknown(_)
        | OperationError::SessionUnknown(_)
        | OperationError::DeliveryUnknown(_)
        | OperationError::KeyUnknown(_)
        | OperationError::Deleted(_) => Err(Reason::PageUnknown
            .because("what was there", "nothing")
            .into()),
        refused => {
            let named = refused.field_errors();
            Ok(if named.is_empty() {
                Problems::whole(refused.to_string())
            } else {
                Problems(named)
            })
        }
    }
}
