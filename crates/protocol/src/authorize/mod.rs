//! The authorization endpoint (RFC 6749 3.1, OpenID Connect Core 3.1.2): what is asked, what is next, what is answered.

mod claims_request;
mod prompt;
mod request;
mod request_object;
mod response;
mod response_type;
mod step;

pub use claims_request::{ClaimsRequest, RequestedClaim, RequestedClaims};
pub use prompt::Prompt;
pub use request::{AnswerRoute, AuthorizationRequest, GrantRequest, Hint, RequestRules};
pub use request_object::signed_params;
pub use response::{answer_code, answer_error};
pub use response_type::{ResponseTypes, UnknownResponseType};
pub use step::{Approval, ConsentQuestion, Step, may_continue, next_step};
