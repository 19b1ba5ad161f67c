//! The link for the first administrator, as a start of the server prints it.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use super::support::*;

/// What `serve` says on standard output when it starts. Its log goes to standard error.
fn said(place: &Place) -> Vec<String> {
    let mut child = place
        .command(&["serve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    while !log.next().unwrap().unwrap().contains(" ready ") {}
    // The link comes behind it, where there is one.
    std::thread::sleep(std::time::Duration::from_millis(500));
    child.kill().unwrap();
    child.wait().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines();
    said.map_while(Result::ok).collect()
}

#[test]
fn serve_prints_a_link_for_the_first_administrator_until_there_is_one() {
    let place = Place::new();
    let links = |said: &[String]| -> Vec<String> {
        let link =
            |line: &String| Some(line.split_once("/admin/setup?link=lk_setup_")?.1.to_owned());
        said.iter().filter_map(link).collect()
    };
    let (first, second) = (said(&place), said(&place));
    let (first, second) = (links(&first), links(&second));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second, "a new start prints a new link");
    place.good(
        &[
            "user",
            "create",
            "ada",
            "--role",
            "admin",
            "--password-stdin",
        ],
        PASSWORD,
    );
    assert!(links(&said(&place)).is_empty());
}
