//! The list of promises names each of them, under its subject.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::Path};

/// Each promise of the sources, as `subject::promise`.
fn written() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/promises");
    let mut written = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let subject = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        for function in text.split("\npub fn ").skip(1) {
            let (name, rest) = function.split_once('(').unwrap();
            if rest.trim_start().starts_with("stores: &impl Stores") {
                written.insert(format!("{subject}::{name}"));
            }
        }
    }
    written
}

#[test]
fn every_promise_is_listed() {
    let mut listed = BTreeSet::new();
    macro_rules! names {
        ($($subject:ident { $($promise:ident)+ })+) => {
            $($(listed.insert(format!("{}::{}", stringify!($subject), stringify!($promise)));)+)+
        };
    }
    latchkey_conformance::each_promise!(names);
    assert!(listed.len() > 60);
    assert_eq!(listed, written());
}
