//! What the published status lists say of a token.

use latchkey_protocol::status::{StatusList, Width};
use latchkey_provider::StatusLists;
use serde_json::{Value, json};

use super::{Answer, Harness, answer, claims, part, plain};

/// Bytes of a list as it is before it is compressed.
const LARGEST: usize = 128 * 1024;

/// The entry that a token names.
pub fn entry(token: &Value) -> (String, u64) {
    let named = &claims(token)["status"]["status_list"];
    let uri = named["uri"].as_str().unwrap_or_else(|| panic!("{named}"));
    (uri.to_owned(), named["idx"].as_u64().unwrap())
}

/// The list of a status list token.
pub fn read(token: &str) -> StatusList {
    let list = &part(&json!(token), 1)["status_list"];
    let (bits, lst) = (
        list["bits"].as_u64().unwrap(),
        list["lst"].as_str().unwrap(),
    );
    let read = StatusList::read(bits, lst, LARGEST).unwrap();
    assert_eq!((read.width(), read.bytes().len()), (Width::One, LARGEST));
    read
}

impl Harness {
    pub fn lists(&self) -> &StatusLists {
        self.app.provider.status.as_ref().unwrap()
    }

    /// Where this node answers what has the issuer's address.
    pub fn here(&self, uri: &str) -> String {
        uri.replacen(&self.issuer, &self.address, 1)
    }

    /// The list that a token names, as it is published now.
    pub async fn list_of(&self, token: &Value) -> Answer {
        let list = answer(plain().get(self.here(&entry(token).0))).await;
        assert_eq!(list.status, 200, "{list:?}");
        list
    }

    /// Whether the entry of a token says that it ended, once the node has looked: it does every 200 ms.
    pub async fn has_ended(&self, token: &Value) -> bool {
        self.lists().follow().await.unwrap();
        let list = read(&self.list_of(token).await.text);
        match list.get(entry(token).1) {
            Some(0) => false,
            Some(1) => true,
            other => panic!("{other:?}"),
        }
    }
}
