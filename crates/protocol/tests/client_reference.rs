//! `docs/clients.md` leaves no member of client metadata out.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    client::Metadata,
    client_reference::{MEMBERS, Writer},
};
use serde::{Deserialize, Deserializer, de::Visitor, forward_to_deserialize_any};

/// Notes which members a type reads.
struct Members<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Members<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("only members are asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.extend(members);
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[test]
fn every_member_of_client_metadata_is_in_the_reference_and_nothing_else() {
    let mut read = Vec::new();
    assert!(Metadata::deserialize(Members(&mut read)).is_err());
    // Read besides: what an administrator may give the client itself.
    read.extend(["client_id", "client_secret"]);
    let mut explained: Vec<_> = MEMBERS.iter().filter(|m| m.writer != Writer::Answer).map(|m| m.name).collect();
    read.sort_unstable();
    explained.sort_unstable();
    assert_eq!(read, explained);
}
