//! `latchkey consent`.

use super::support::*;

#[test]
fn consents_are_listed_from_either_side_and_what_was_never_allowed_is_not_revoked() {
    let at = Place::new();
    at.add_alice_and_app();
    for of in [["--user", "alice"], ["--client", "app"]] {
        let arguments = ["consent", "list", of[0], of[1], "--json"];
        assert_eq!(at.json(&arguments, ""), serde_json::json!([]));
    }
    let unknown = at.run(&["consent", "list", "--client", "nothing"], "");
    refused(
        &unknown,
        "there is no client nothing; see latchkey client list",
    );
    let both = ["consent", "list", "--client", "app", "--user", "alice"];
    assert_eq!(at.run(&both, "").status.code(), Some(2));
    assert_eq!(at.run(&["consent", "list"], "").status.code(), Some(2));
    let none = at.run(&["consent", "revoke", "alice", "app"], "");
    refused(&none, "see latchkey consent list");
}
