//! Why an operation was not carried out, for the form that asked for it.

use latchkey_operations::OperationError;
use latchkey_protocol::{
    Reason,
    field_error::{FieldError, FieldErrors},
};
use latchkey_ui::{
    Words,
    failure::{Failure, Fault},
};

/// What is wrong with what was typed; empty where nothing is.
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldError>);

impl Problems {
    /// These.
    pub fn all(errors: &FieldErrors) -> Self {
        Self(errors.iter().cloned().collect())
    }

    /// Of the whole.
    pub fn whole(sentence: impl Into<String>) -> Self {
        Self(vec![FieldError::new("", sentence)])
    }

    /// In the language of the page, where that has words of its own for them: English is what operations speak.
    #[must_use]
    pub fn said_in(mut self, words: Words) -> Self {
        for problem in &mut self.0 {
            let Some(id) = problem.id.map(|id| format!("problem-{id}")) else {
                continue;
            };
            let member = problem.field.rsplit('.').next().unwrap_or_default();
            let said = words.say_with(&id, "member", member);
            if said != id {
                (problem.problem, problem.fix) = (said, None);
            }
        }
        self
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Adds another.
    pub fn add(&mut self, problem: FieldError) {
        self.0.push(problem);
    }

    /// One by one.
    pub fn each(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
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
        OperationError::Store(_)
        | OperationError::Busy(_)
        | OperationError::Password(_)
        | OperationError::Jose(_)
        | OperationError::SigningKey { .. }
        | OperationError::Broken(_) => Err(failed(error)),
        gone if is_gone(&gone) => Err(failed(gone)),
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

fn is_gone(error: &OperationError) -> bool {
    matches!(
        error,
        OperationError::UserUnknown(_)
            | OperationError::ClientUnknown(_)
            | OperationError::SessionUnknown(_)
            | OperationError::DeliveryUnknown(_)
            | OperationError::KeyUnknown(_)
            | OperationError::Deleted(_)
    )
}

/// Of a page that only shows: what is gone is no page any more, and all else is our own breakage.
pub fn failed(error: OperationError) -> Failure {
    match error {
        OperationError::Store(error) => error.into(),
        OperationError::Busy(_) => Fault::Busy.into(),
        unknown if is_gone(&unknown) => gone(),
        broken => Failure::broken(broken),
    }
}

/// There is nothing at this address.
pub fn gone() -> Failure {
    Reason::PageUnknown
        .because("what was there", "nothing")
        .into()
}
