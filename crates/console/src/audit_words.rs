//! How the names of the audit table are said in the language of a page. What has no words there, as what another version
//! wrote, stands as it is.

use latchkey_operations::Operation;
use latchkey_protocol::audit::Event;
use latchkey_ui::Words;

/// Names by what they stand for: the beginning of the ids of their texts.
pub const EVENT: &str = "audit-event";
pub const ACTOR: &str = "audit-actor";
pub const FRONT_END: &str = "audit-front-end";
pub const TARGET: &str = "audit-target";

/// The words for a name.
pub fn said(words: Words, what: &str, name: &str) -> String {
    let of_id = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name_in_id: String = name.chars().map(of_id).collect();
    let words = words.find(&format!("{what}-{name_in_id}"), None);
    words.unwrap_or_else(|| name.to_owned())
}

/// Every event that there can be, as it is stored and as it is said, in groups with a heading.
pub fn events(words: Words) -> [(&'static str, Vec<(&'static str, String)>); 2] {
    let named = |name: &'static str| (name, said(words, EVENT, name));
    let events = Event::ALL.iter().map(|event| named(event.name()));
    let operations = Operation::ALL.iter().map(|event| named(event.name()));
    [
        ("audit-events", events.collect()),
        ("audit-operations", operations.collect()),
    ]
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::audit::{ActorKind, FrontEnd, TargetKind};
    use latchkey_ui::Language;

    use super::*;

    fn names() -> Vec<(&'static str, &'static str)> {
        let mut names = Vec::new();
        names.extend(Event::ALL.iter().map(|event| (EVENT, event.name())));
        names.extend(Operation::ALL.iter().map(|event| (EVENT, event.name())));
        names.extend(ActorKind::ALL.iter().map(|kind| (ACTOR, kind.name())));
        names.extend(FrontEnd::ALL.iter().map(|end| (FRONT_END, end.name())));
        names.extend(TargetKind::ALL.iter().map(|kind| (TARGET, kind.name())));
        names
    }

    #[test]
    fn every_name_of_the_audit_table_is_said_in_both_languages() {
        for (what, name) in names() {
            let english = said(Words(Language::English), what, name);
            assert_ne!(english, name, "{what} has no English text");
            let korean = said(Words(Language::Korean), what, name);
            // Some things are called in Korean as in English.
            let is_korean = korean.chars().any(|c| ('가'..='힣').contains(&c)) || korean == "API";
            assert!(is_korean, "{what} {name} has no Korean text: {korean}");
        }
    }

    #[test]
    fn no_two_events_are_said_alike() {
        for language in Language::ALL {
            let groups = events(Words(language));
            let all = groups.iter().flat_map(|(_, events)| events);
            let mut said: Vec<_> = all.map(|(_, said)| said).collect();
            let count = said.len();
            said.sort();
            said.dedup();
            assert_eq!(said.len(), count, "{language:?}");
        }
    }

    #[test]
    fn what_another_version_wrote_stands_as_it_is() {
        let words = Words(Language::Korean);
        assert_eq!(said(words, EVENT, "user teleport"), "user teleport");
        assert_eq!(said(words, EVENT, ""), "");
    }
}
