//! What is wrong with an input, member by member.

use std::fmt;

use serde::Serialize;

/// One fault of an input: where, what, and what to do about it. A form shows it at its field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The member as JSON names it, with a dot before a member of its own (`claims.locale`). Empty where the fault is of the
    /// whole.
    pub field: String,
    /// What is wrong, as a sentence that can stand alone.
    pub problem: String,
    /// What to do about it, where the problem does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The id of the text that says both in another language, where there is one.
    #[serde(skip)]
    pub id: Option<&'static str>,
    /// What that text names, by the names that it has there.
    #[serde(skip)]
    pub arguments: Vec<(&'static str, String)>,
}

impl FieldError {
    /// Of `field`; empty: of the whole.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
            fix: None,
            id: None,
            arguments: Vec::new(),
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    /// With the id of the text that says it in another language.
    #[must_use]
    pub fn id(self, id: &'static str) -> Self {
        let id = Some(id);
        Self { id, ..self }
    }

    /// With what that text names.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.push((name, value.into()));
        self
    }

    /// The member of the input itself, without what is within it: `claims` of `claims.locale`.
    pub fn member(&self) -> &str {
        self.field.split('.').next().unwrap_or_default()
    }

    /// The same of a member of `outer`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        let field = match self.field.as_str() {
            "" => outer.to_owned(),
            inner => format!("{outer}.{inner}"),
        };
        Self { field, ..self }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        match &self.fix {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

/// All faults of an input, in the order in which they were looked for; at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// All faults, or what was asked for where there is none.
    ///
    /// # Errors
    /// The faults.
    pub fn check(errors: Vec<FieldError>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self(errors))
        }
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.0.iter()
    }

    /// Those of one member and of what is within it.
    pub fn of<'a>(&'a self, member: &'a str) -> impl Iterator<Item = &'a FieldError> {
        self.iter().filter(move |error| error.member() == member)
    }

    /// As a list.
    pub fn into_vec(self) -> Vec<FieldError> {
        self.0
    }
}

impl From<FieldError> for FieldErrors {
    fn from(error: FieldError) -> Self {
        Self(vec![error])
    }
}

impl std::error::Error for FieldErrors {}

/// One as a sentence, several on a line each.
impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            all => all.iter().try_for_each(|error| write!(f, "\n  {error}")),
        }
    }
}
