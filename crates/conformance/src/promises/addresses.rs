//! Addresses beyond ASCII: one key for each, and no name that is another's address.

use super::*;

pub fn with(id: &str, name: &str, email: Option<&str>) -> User {
    User {
        username: name.to_owned(),
        email: email.map(str::to_owned),
        ..user(id)
    }
}

pub fn a_name_and_an_address_with_an_international_domain_are_one(stores: &impl Stores) {
    stores.each(async |store| {
        let (letters, ascii) = ["m\u{fc}nchen.de", "xn--mnchen-3ya.de"].into();
        let mut n = 0;
        for first in [letters, ascii, "M\u{dc}NCHEN.de"] {
            for second in [letters, ascii, "M\u{dc}NCHEN.de"] {
                n += 1;
                let at = |domain: &str| format!("bob{n}@{domain}");
                let name = latchkey_protocol::names::username(&at(first)).unwrap();
                let bob = with(&format!("bob{n}"), &name, None);
                let carl = with(&format!("carl{n}"), &format!("carl{n}"), Some(&at(second)));
                let created = store.create_user(&bob).await.unwrap();
                assert_eq!(created, WriteOutcome::Done);
                assert_eq!(
                    store.create_user(&carl).await.unwrap(),
                    WriteOutcome::AddressIsName,
                    "{first} {second}"
                );
                let same = with(
                    "same",
                    &latchkey_protocol::names::username(&at(second)).unwrap(),
                    None,
                );
                assert_eq!(
                    store.create_user(&same).await.unwrap(),
                    WriteOutcome::NameTaken,
                    "{first} {second}"
                );
                // The other way round.
                store
                    .delete_user(&bob.id, None, LastAdministrator::Stays)
                    .await
                    .unwrap();
                assert_eq!(store.create_user(&carl).await.unwrap(), WriteOutcome::Done);
                assert_eq!(
                    store.create_user(&bob).await.unwrap(),
                    WriteOutcome::NameIsAddress,
                    "{first} {second}"
                );
                let plain = User {
                    email: None,
                    ..bob.clone()
                };
                let own = User {
                    email: Some(at(second)),
                    ..plain
                };
                store
                    .delete_user(&carl.id, None, LastAdministrator::Stays)
                    .await
                    .unwrap();
                assert_eq!(
                    store.create_user(&own).await.unwrap(),
                    WriteOutcome::Done,
                    "one's own is no other's"
                );
            }
        }
    });
}
