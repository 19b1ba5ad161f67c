//! `docs/clients.md` leaves no member of client metadata out.

use latchkey_protocol::{
    client_reference::{MEMBERS, Writer},
    metadata::members,
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
