//! What a client may get for itself (RFC 6749 4.4). What a refresh may ask for stands in `tests/requests.rs`.

use latchkey_protocol::{Reason, token::client_scope};
use serde_json::json;

use crate::client;

#[test]
fn a_client_gets_for_itself_what_is_registered_and_nothing_that_speaks_of_a_user() {
    let client = client(json!({ "scope": "read write offline_access" }));
    let table: [(Option<&str>, Result<&str, Reason>); 8] = [
        (None, Ok("")),
        (Some(""), Ok("")),
        (Some("read"), Ok("read")),
        (Some("write read"), Ok("write read")),
        (Some("openid read offline_access"), Ok("read")),
        (Some("read email"), Err(Reason::ScopeUnknown)),
        (Some("unknown"), Err(Reason::ScopeUnknown)),
        (Some("read \"write"), Err(Reason::ScopeUnknown)),
    ];
    for (asked, expected) in table {
        let scope = client_scope(asked, &client);
        let scope = scope.as_ref().map(ToString::to_string);
        assert_eq!(
            scope.map_err(|refused| refused.reason),
            expected.map(str::to_owned),
            "{asked:?}"
        );
    }
}
