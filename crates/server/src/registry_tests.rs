//! The command line, the administration API and the console offer the same, or say why not.

use std::collections::BTreeSet;

use clap::CommandFactory;
use latchkey_console::{Method, Needs};
use latchkey_operations::{
    Operation,
    registry::{Lack, OFFERS, Offer, PAGES_APART},
};

use crate::cli::Cli;

/// Of the program itself, not of what an installation holds.
const OWN: [&str; 12] = [
    "serve",
    "bff",
    "dev",
    "migrate",
    "token inspect",
    "config check",
    "config show",
    "config reference",
    "healthcheck",
    "completions",
    "man",
    "version",
];

/// Each command without commands of its own, by its words.
fn commands() -> BTreeSet<String> {
    fn collect(command: &clap::Command, words: &str, found: &mut BTreeSet<String>) {
        let mut below = command
            .get_subcommands()
            .filter(|c| c.get_name() != "help")
            .peekable();
        if below.peek().is_none() {
            found.insert(words.trim().to_owned());
        }
        for one in below {
            collect(one, &format!("{words} {}", one.get_name()), found);
        }
    }
    let mut found = BTreeSet::new();
    collect(&Cli::command(), "", &mut found);
    found.retain(|words| !OWN.contains(&words.as_str()));
    found
}

/// Without options.
fn bare(name: &str) -> &str {
    name.split(" --").next().unwrap_or_default()
}

fn lacks(offer: &Offer, wanted: impl Fn(&Lack) -> Option<&'static str>) -> bool {
    let reason = offer.lacks.iter().find_map(wanted);
    if let Some(reason) = reason {
        assert!(reason.len() > 15, "{}: a reason", offer.name);
    }
    reason.is_some()
}

#[test]
fn every_command_is_an_offer_and_every_offer_has_its_command() {
    let lacks = |offer: &&Offer| {
        !lacks(offer, |lack| match lack {
            Lack::Command(reason) => Some(reason),
            _ => None,
        })
    };
    let offered: BTreeSet<_> = OFFERS
        .iter()
        .filter(lacks)
        .map(|offer| bare(offer.name).to_owned())
        .collect();
    assert_eq!(offered, commands());
}

#[test]
fn every_call_of_the_api_is_an_offer_and_every_offer_has_its_call() {
    let served: BTreeSet<_> = latchkey_api::table()
        .map(|call| (call.method, call.path))
        .collect();
    let mut offered = BTreeSet::new();
    for offer in OFFERS {
        let lacks = lacks(offer, |lack| match lack {
            Lack::Call(reason) => Some(reason),
            _ => None,
        });
        assert_eq!(offer.calls.is_empty(), lacks, "{}", offer.name);
        offered.extend(offer.calls.iter().copied());
    }
    assert_eq!(offered, served);
}

#[test]
fn every_change_in_the_console_is_an_offer_and_every_offer_has_its_page() {
    let pages: BTreeSet<_> = latchkey_console::table().map(|(_, path, _)| path).collect();
    let mut offered = BTreeSet::new();
    for offer in OFFERS {
        let lacks = lacks(offer, |lack| match lack {
            Lack::Page(reason) => Some(reason),
            _ => None,
        });
        assert_eq!(offer.pages.is_empty(), lacks, "{}", offer.name);
        for page in offer.pages {
            assert!(
                pages.contains(page),
                "{}: there is no page {page}",
                offer.name
            );
            offered.insert(*page);
        }
    }
    let changes = latchkey_console::table()
        .filter(|(method, _, needs)| *method == Method::Post && *needs == Needs::Admin);
    for (_, path, _) in changes {
        assert!(
            offered.contains(path),
            "{path} changes something that is no offer"
        );
    }
}

/// What only reads, as opposed to a form's own page, is somebody's question: it can be asked at all three.
fn offers_reading() -> impl Iterator<Item = &'static Offer> {
    let only_reads = |offer: &&Offer| {
        let posts = latchkey_console::table().filter(|(method, ..)| *method == Method::Post);
        let posts: BTreeSet<_> = posts.map(|(_, path, _)| path).collect();
        offer.calls.iter().all(|(method, _)| *method == "GET")
            && offer.pages.iter().all(|page| !posts.contains(page))
    };
    OFFERS.iter().filter(only_reads)
}

#[test]
fn every_page_that_shows_something_is_an_offer_that_only_reads() {
    for (page, reason) in PAGES_APART {
        assert!(reason.len() > 15, "{page}: a reason");
        let is_there = |(_, path, _): (_, &str, _)| path == *page;
        assert!(latchkey_console::table().any(is_there), "{page}");
    }
    for (method, page, needs) in latchkey_console::table() {
        let is_apart = PAGES_APART.iter().any(|(apart, _)| *apart == page);
        if method == Method::Get && needs != Needs::Admin && !is_apart {
            let is_offered = offers_reading().any(|offer| offer.pages.contains(&page));
            assert!(is_offered, "{page} shows something that is no offer");
        }
    }
}

#[test]
fn every_call_that_reads_is_an_offer_that_only_reads() {
    for call in latchkey_api::table().filter(|call| call.method == "GET") {
        let is_it = |at: &(&str, &str)| *at == ("GET", call.path);
        let is_offered = offers_reading().any(|offer| offer.calls.iter().any(is_it));
        assert!(is_offered, "{} reads something that is no offer", call.path);
    }
}

/// What the audit log can say of an administrator can be done by all of them.
#[test]
fn every_operation_is_an_offer() {
    for operation in Operation::ALL {
        let name = match operation {
            // The server makes these by itself.
            Operation::KeyCreate | Operation::KeyAnnounce => continue,
            Operation::KeyRotateNow => "key rotate",
            other => other.name(),
        };
        assert!(OFFERS.iter().any(|offer| offer.name == name), "{name}");
    }
}
