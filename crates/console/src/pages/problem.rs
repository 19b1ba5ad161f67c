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

use crate::visit::Visit;

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
            let outer = problem.member().len();
            let inner = problem.field.get(outer + 1..).unwrap_or(&problem.field);
            let mut named = vec![("member", inner)];
            let arguments = problem.arguments.iter();
            named.extend(arguments.map(|(name, value)| (*name, value.as_str())));
            let said = words.say_all(&id, &named);
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

/// Of a text that is no JSON object: where, and in English why.
pub fn no_object(words: Words, error: &serde_json::Error) -> String {
    let (line, why) = (error.line().to_string(), error.to_string());
    words.say_all("console-no-object", &[("line", &line), ("error", &why)])
}

/// The same as one sentence in the language of the page, for a question that was not answered by it.
///
/// # Errors
/// As [`problems`].
pub fn refusal(visit: &Visit<'_>, error: OperationError) -> Result<String, Failure> {
    let said = problems(error)?.said_in(visit.arrival.words());
    Ok(said.beyond(&[]))
}

/// What a user can fix; what is gone is no page any more, and what is our own breakage is a fault.
///
/// # Errors
/// Those two.
pub fn problems(error: OperationError) -> Result<Problems, Failure> {
    match error {
        OperationError::Store(_)
        | OperationError::Busy(_)
        | OperationError::KeysBusy
        | OperationError::Password(_)
        | OperationError::Jose(_)
        | OperationError::SigningKey { .. }
        | OperationError::Broken(_) => Err(failed(error)),
        gone if is_gone(&gone) => Err(failed(gone)),
        refused => {
            let named = refused.field_errors();
            Ok(if named.is_empty() {
                Problems(vec![refused.fault("")])
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
        OperationError::Busy(_) | OperationError::KeysBusy => Fault::Busy.into(),
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

#[cfg(test)]
mod tests {
    use latchkey_protocol::{ClientId, SigningAlgorithm, registration::Registration};
    use latchkey_ui::Language;
    use serde_json::{Value, json};

    use super::*;

    /// Client metadata with each fault that the form of an app can send, and some that only a hand-made one can.
    fn faulty() -> Vec<Value> {
        let uris = [
            "callback",
            "https://a.example/#f",
            "https://*.example/",
            "https://u:p@a.example/",
            "http://10.0.0.1/",
            "http://a.example/",
            "javascript:x",
            "localhost:8080/cb",
            "com.example:/cb",
            "https://A.example/",
        ];
        let page = json!({ "client_uri": "x", "logo_uri": "x", "policy_uri": "x", "tos_uri": "x" });
        let mut all = vec![page];
        all.extend(uris.map(|uri| json!({ "redirect_uris": [uri] })));
        all.extend(uris.map(|uri| json!({ "backchannel_logout_uri": uri })));
        let long = "x".repeat(2000);
        let many: serde_json::Map<_, _> = (0..51)
            .map(|n| (format!("c{n}"), json!({ "value": 1 })))
            .collect();
        all.extend([
            json!({ "client_id": "\u{e9}" }),
            json!({ "redirect_uris": [] }),
            json!({ "frontchannel_logout_uri": "https://b.example:0/" }),
            json!({ "frontchannel_logout_uri": "https://b.example/" }),
            json!({ "grant_types": ["client_credentials"], "token_endpoint_auth_method": "none" }),
            json!({ "id_token_signed_response_alg": "HS256", "token_endpoint_auth_method": "none" }),
            json!({ "id_token_signed_response_alg": "HS256", "client_secret": "x".repeat(40) }),
            json!({ "client_secret": "short" }),
            json!({ "client_secret": "\u{e9}" }),
            json!({ "client_secret": "x".repeat(40), "token_endpoint_auth_method": "none" }),
            json!({ "scope": "\"", "implied_scope": "\"", "default_max_age": -1, "refresh": "never" }),
            json!({ "scope": "\"", "implied_scope": "\"", "default_max_age": -1 }),
            json!({ "scope": "latchkey.read", "implied_scope": "offline_access latchkey.read" }),
            json!({ "response_types": ["token"], "request_object_signing_alg": "none" }),
            json!({ "jwks": {}, "default_max_age": "x" }),
            json!({ "jwks": {} }),
            json!({ "require_signed_request_object": true }),
            json!({ "access": { "groups": vec!["g"; 2000], "roles": ["\n"], "users": ["\t"] } }),
            json!({ "custom_claims": many }),
            json!({ "custom_claims": { "x": {} } }),
            json!({ "custom_claims": {
                "a b": { "value": 1 }, "iss": { "value": 1 }, "sub": { "value": 1 }, "https://a.example/x": { "value": long },
                "one": { "value": 1, "scope": "a b" }, "two": { "attribute": "a b" }, "three": { "claim": "shoe" },
                "email": { "value": 1 },
            } }),
        ]);
        for metadata in &mut all {
            let members = metadata.as_object_mut().unwrap();
            let uris = json!(["https://a.example/cb"]);
            members.entry("redirect_uris").or_insert(uris);
        }
        all
    }

    fn korean(problems: Problems) {
        for problem in problems.said_in(Words(Language::Korean)).each() {
            let is_korean = |c: char| ('\u{ac00}'..='\u{d7a3}').contains(&c);
            let said = problem.to_string();
            assert!(said.contains(is_korean), "{problem:?}");
            assert!(!said.contains("{$"), "an argument is missing: {said}");
        }
    }

    #[test]
    fn no_problem_of_the_form_of_an_app_stays_english_under_korean() {
        for metadata in faulty() {
            let refused = Registration::parse(&metadata).map(drop);
            let refused = refused.expect_err(&metadata.to_string());
            korean(Problems::all(&refused.errors));
        }
    }

    #[test]
    fn what_stands_against_an_operation_on_an_app_is_said_in_korean() {
        let id = || ClientId::new("app");
        for error in [
            OperationError::ClientIdTaken(id()),
            OperationError::KeyMissing(SigningAlgorithm::Es256),
            OperationError::SecretUnreadable(id()),
            OperationError::ClientPublic(id()),
            OperationError::SessionsEnding(id()),
            OperationError::KeySigns("kid".into()),
            OperationError::KeysFull(SigningAlgorithm::Es256),
            OperationError::KeysMadeInADay(SigningAlgorithm::Es256),
            OperationError::Changed("app".into()),
            OperationError::Contended("app".into()),
            OperationError::ConsentUnknown {
                user: "bob".into(),
                client: id(),
            },
        ] {
            korean(problems(error).unwrap());
        }
    }
}
