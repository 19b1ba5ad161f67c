//! Why a call was not carried out, as problem details (RFC 9457).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use latchkey_operations::OperationError;
use latchkey_protocol::{
    Issuer, Reason, StoreError, api, error::Refusal, field_error::FieldError,
    field_error::FieldErrors, paths,
};
use latchkey_ui::{Ui, call::request_id};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer;

macro_rules! kinds {
    ($($(#[doc = $about:literal])+ $name:ident = $code:literal $status:literal $title:literal;)*) => {
        /// What kind of problem it is. Each has an address in the reference page, which names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[doc = $about])+ $name,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, which stays.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The same sentence each time.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to do about it.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($about,)+),)* }
            }
        }
    };
}

kinds! {
    /// The body is no JSON object, has a member twice, or is nested too deeply.
    Unreadable = "unreadable" 400 "The body cannot be read";
    /// A parameter of the address, or a header, is unknown or has a value that cannot be used. `errors` names it.
    Parameter = "parameter-invalid" 400 "A parameter cannot be used";
    /// Send `Authorization: Bearer` with an access token that a client got for itself with a scope of this API. It lives some
    /// minutes: get another one when it has expired.
    Token = "token-invalid" 401 "An access token for this API is needed";
    /// The token, or the client's registration, lacks the scope that this call needs.
    Scope = "scope-insufficient" 403 "The access token may not do this";
    /// There is nothing of this name, or not any more.
    Missing = "not-found" 404 "There is nothing here";
    /// `Allow` names the methods of this address.
    Method = "method-not-allowed" 405 "This address does not answer this method";
    /// What is there already stands against it: a name that is taken, a key that signs.
    Conflict = "conflict" 409 "What is there stands against it";
    /// A call with this `Idempotency-Key` is being carried out at this moment. Wait as long as `Retry-After` says.
    InProgress = "in-progress" 409 "The same call is being carried out";
    /// Somebody else has changed the record since it was read. Read it again, and send the `ETag` that comes with it.
    Changed = "changed-meanwhile" 412 "The record was changed meanwhile";
    /// A body has at most 64 KiB.
    TooLarge = "body-too-large" 413 "The body is too large";
    /// Bodies are `application/json`, those of PATCH also `application/merge-patch+json`.
    MediaType = "media-type" 415 "The body has another media type";
    /// `errors` names each member that is wrong, and what to do about it.
    Invalid = "invalid" 422 "The request has values that cannot be used";
    /// An `Idempotency-Key` belongs to one call: use another key for another one.
    KeyReused = "idempotency-key-reused" 422 "The idempotency key belongs to another call";
    /// Send `If-Match` with the `ETag` of the record as it was read.
    Unconditional = "if-match-needed" 428 "If-Match is needed";
    /// Wait as long as `Retry-After` says.
    TooMany = "too-many-calls" 429 "Too many calls";
    /// It has been logged under the `request_id`.
    Fault = "server-fault" 500 "Something went wrong here";
    /// The database is away, or too much waits. Wait as long as `Retry-After` says.
    Busy = "busy" 503 "The server cannot answer just now";
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// The member of the body, with a dot before a member of its own (`claims.locale`), or the name of the parameter or the
    /// header. Empty where the fault is of the whole.
    pub field: String,
    /// The same as a JSON pointer into the body (RFC 6901). Null for parameters and headers.
    pub pointer: Option<String>,
    /// What is wrong, as a sentence that can stand alone.
    pub problem: String,
    /// What to do about it, where the problem does not say so.
    pub fix: Option<String>,
}

impl Fault {
    fn in_body(error: &FieldError) -> Self {
        let mut pointer = String::from("#");
        for part in error.field.split('.').filter(|part| !part.is_empty()) {
            pointer += "/";
            pointer += &part.replace('~', "~0").replace('/', "~1");
        }
        Self {
            pointer: Some(pointer),
            field: error.field.clone(),
            problem: error.problem.clone(),
            fix: error.fix.clone(),
        }
    }
}

/// Problem details (RFC 9457), with members of our own.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProblemDetails {
    /// The kind of problem, and where it is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words: the same each time.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What it was this time.
    pub detail: String,
    /// The kind of problem as one word, which stays: for programs.
    pub code: String,
    /// The call's name in the log.
    pub request_id: String,
    /// By which `latchkey why` and `GET /refusals/{reference}` explain a refused token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Each fault, where members or parameters can be named.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<Fault>,
}

/// Why a call was not carried out.
#[derive(Debug)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    detail: String,
    errors: Vec<Fault>,
    /// What is kept for `latchkey why`.
    refusal: Option<Box<Refusal>>,
    headers: Vec<(header::HeaderName, String)>,
    /// Somebody else was faster: it can be tried again.
    pub is_contended: bool,
    /// Nothing was done, and that is known: whatever the kind says, it can be sent again.
    pub is_undone: bool,
}

impl Problem {
    /// A problem of a kind, in words.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            refusal: None,
            headers: Vec::new(),
            is_contended: false,
            is_undone: false,
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A parameter of the address, or a header.
    pub fn parameter(name: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        let problem = problem.into();
        let mut parameter = Self::new(Kind::Parameter, format!("{name}: {problem}"));
        parameter.errors.push(Fault {
            field: name.to_owned(),
            pointer: None,
            problem,
            fix: Some(fix.into()),
        });
        parameter
    }

    /// Members of the body.
    pub fn fields(kind: Kind, detail: impl Into<String>, errors: &[FieldError]) -> Self {
        Self {
            errors: errors.iter().map(Fault::in_body).collect(),
            ..Self::new(kind, detail)
        }
    }

    /// Members of the body that cannot be used.
    pub fn invalid(errors: &[FieldError]) -> Self {
        Self::fields(Kind::Invalid, Kind::Invalid.title(), errors)
    }

    /// The token, or how often it comes, for whatever call.
    fn refused(refusal: Refusal) -> Self {
        let said = refusal.reason.refusal();
        let kind = match said.status {
            403 => Kind::Scope,
            429 => Kind::TooMany,
            503 => Kind::Busy,
            500 => Kind::Fault,
            _ => Kind::Token,
        };
        Self {
            refusal: Some(Box::new(refusal)),
            ..Self::new(kind, said.public)
        }
    }

    /// The answer. Refused tokens are kept for `latchkey why`, and our own breakage is logged.
    pub fn answer(self, ui: &Ui, request: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.kind.status());
        let mut builder = answer::builder(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        builder.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        let reference = self
            .refusal
            .as_ref()
            .map(|refusal| ui.note(request, refusal));
        if let Some(challenge) = self.challenge(reference.as_deref().unwrap_or_default()) {
            builder.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if matches!(self.kind, Kind::TooMany | Kind::Busy | Kind::InProgress) {
            builder.insert_header((header::RETRY_AFTER, "1"));
        }
        for (name, value) in self.headers {
            builder.insert_header((name, value));
        }
        builder.json(ProblemDetails {
            kind: kind_uri(&ui.realm(request).issuer, self.kind),
            title: self.kind.title().to_owned(),
            status: self.kind.status(),
            detail: self.detail,
            code: self.kind.code().to_owned(),
            request_id: request_id(request),
            reference: reference.filter(|reference| !reference.is_empty()),
            errors: self.errors,
        })
    }

    /// RFC 6750 3: nothing sent, no error code; the scopes of which one is enough.
    fn challenge(&self, reference: &str) -> Option<String> {
        let refusal = self.refusal.as_ref()?;
        let said = refusal.reason.refusal();
        match (self.kind, refusal.reason) {
            (Kind::Token, Reason::TokenMissing) => Some("Bearer realm=\"latchkey\"".to_owned()),
            (Kind::Token | Kind::Scope, _) => {
                let mut challenge = format!(
                    "Bearer realm=\"latchkey\", error=\"{}\", error_description=\"{}\", error_ref=\"{reference}\"",
                    said.code.0, said.public
                );
                if self.kind == Kind::Scope {
                    challenge += &format!(", scope=\"{}\"", needed(refusal));
                }
                Some(challenge)
            }
            _ => None,
        }
    }
}

fn needed(refusal: &Refusal) -> &'static str {
    match refusal.detail.expected.as_str() {
        api::WRITE => api::WRITE,
        _ => api::READ,
    }
}

/// What a kind of problem is called under an issuer: its place in the reference page.
pub fn kind_uri(issuer: &Issuer, kind: Kind) -> String {
    format!("{}#{}", issuer.at(paths::API), kind.code())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let reason = error.reason();
        let kind = match reason.refusal().status {
            503 => Kind::Busy,
            _ => Kind::Fault,
        };
        tracing::error!(%error, "our own fault");
        Self::new(kind, reason.refusal().public)
    }
}

impl From<FieldErrors> for Problem {
    fn from(errors: FieldErrors) -> Self {
        Self::invalid(&errors.into_vec())
    }
}

/// Something of ours that failed.
pub fn broken(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "our own fault");
    Problem::new(Kind::Fault, Reason::ServerFault.refusal().public)
}

impl From<OperationError> for Problem {
    fn from(error: OperationError) -> Self {
        let kind = match error {
            OperationError::Store(error) => return error.into(),
            // The line is before the work: no fault of ours, and nothing was begun.
            OperationError::Busy(_) | OperationError::KeysBusy => {
                let busy = Self::new(Kind::Busy, Reason::Busy.refusal().public);
                return Self {
                    is_undone: true,
                    ..busy
                };
            }
            OperationError::Password(_)
            | OperationError::Jose(_)
            | OperationError::SigningKey { .. }
            | OperationError::Broken(_) => return broken(error),
            OperationError::UserUnknown(_)
            | OperationError::ClientUnknown(_)
            | OperationError::SessionUnknown(_)
            | OperationError::DeliveryUnknown(_)
            | OperationError::ConsentUnknown { .. }
            | OperationError::KeyUnknown(_)
            | OperationError::ClaimUnknown(_)
            | OperationError::UpstreamUnknown(_)
            | OperationError::IdentityUnknown { .. }
            | OperationError::RefusalUnknown(_)
            | OperationError::ReasonUnknown { .. }
            | OperationError::Deleted(_) => Kind::Missing,
            OperationError::Invalid(errors) => return errors.into(),
            OperationError::Metadata(_)
            | OperationError::ClientIdDiffers(_)
            | OperationError::SecretGiven(_)
            | OperationError::SecretUnreadable(_) => Kind::Invalid,
            // What is there stands against it.
            _ => Kind::Conflict,
        };
        let is_contended = matches!(error, OperationError::Contended(_));
        Self {
            is_contended,
            ..Self::fields(kind, error.to_string(), &error.field_errors())
        }
    }
}
