//! `docs/clients.md` leaves no member of client metadata out.

use latchkey_protocol::{
    client_reference::{MEMBERS, Writer},
    metadata::members,
    scope::STANDARD,
};

#[test]
fn every_member_of_client_metadata_is_in_the_reference_and_nothing_else() {
    // The client's own are read beside its metadata.
    let mut read = [members(), &["client_id", "client_secret"]].concat();
    let mut explained: Vec<_> = MEMBERS
        .iter()
        .filter(|m| m.writer != Writer::Answer)
        .map(|m| m.name)
        .collect();
    read.sort_unstable();
    explained.sort_unstable();
    assert_eq!(read, explained);
}

#[test]
fn the_reference_names_the_scopes_that_a_client_may_ask_for_without_a_registered_one() {
    let scope = MEMBERS.iter().find(|m| m.name == "scope").unwrap();
    assert_eq!(scope.absent, format!("`{}`", STANDARD.join(" ")));
}
