//! On which line of a JSON text something stands.

use serde::de::{DeserializeOwned, IgnoredAny};

/// A step into a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// To a member of an object.
    Member(&'a str),
    /// To an item of a list, from 0.
    Item(usize),
}

/// The line, from 1, of what `path` leads to in a text that is JSON; of the last thing on the way that is there.
pub fn line_of(text: &str, path: &[Step<'_>]) -> usize {
    let mut at = next(text, 0);
    for step in path {
        match enter(text, at, *step) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    1 + text[..at].matches('\n').count()
}

/// Where the next thing begins, from `at` on.
fn next(text: &str, at: usize) -> usize {
    let between = |c: char| c.is_ascii_whitespace() || c == ',' || c == ':';
    let found = text[at..].find(|c| !between(c));
    found.map_or(text.len(), |skipped| at + skipped)
}

/// Where the step leads, in the value that begins at `at`.
fn enter(text: &str, at: usize, step: Step<'_>) -> Option<usize> {
    let opening = match step {
        Step::Member(_) => '{',
        Step::Item(_) => '[',
    };
    let mut rest = next(text, at + text[at..].strip_prefix(opening).map(|_| 1)?);
    let mut numbers = 0..;
    while !text[rest..].starts_with(['}', ']']) {
        let number = numbers.next()?;
        let wanted = match step {
            Step::Item(wanted) => wanted == number,
            Step::Member(wanted) => {
                let (name, end) = read::<String>(text, rest)?;
                rest = next(text, end);
                name == wanted
            }
        };
        if wanted {
            return Some(rest);
        }
        rest = next(text, read::<IgnoredAny>(text, rest)?.1);
    }
    None
}

/// The value that begins at `at`, and where it ends.
fn read<T: DeserializeOwned>(text: &str, at: usize) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, at + values.byte_offset()))
}

#[cfg(test)]
mod tests {
    use super::{Step::*, *};

    const TEXT: &str = "{\n  \"users\": [\n    {\"username\": \"a, \\\"b\\\": {\", \"n\": -1.5e3},\n    {\n      \"username\":\n\
                        \n        \"b\", \"claims\": {\n        \"locale\": null\n      }\n    }\n  ],\n  \"clients\": []\n}\n";

    #[test]
    fn everything_is_found_on_its_line() {
        let users = Member("users");
        for (path, line) in [
            (&[] as &[_], 1),
            (&[users], 2),
            (&[users, Item(0)], 3),
            (&[users, Item(0), Member("n")], 3),
            (&[users, Item(1)], 4),
            (&[users, Item(1), Member("username")], 7),
            (&[users, Item(1), Member("claims"), Member("locale")], 8),
            (&[Member("clients")], 12),
        ] {
            assert_eq!(line_of(TEXT, path), line, "{path:?}");
        }
    }

    #[test]
    fn what_is_not_there_stands_where_it_would_be() {
        let users = Member("users");
        for (path, line) in [
            (&[Member("nothing")] as &[_], 1),
            (&[Item(0)], 1),
            (&[users, Item(7)], 2),
            (&[users, Item(1), Member("email")], 4),
            (&[users, Item(1), Member("username"), Member("x")], 7),
        ] {
            assert_eq!(line_of(TEXT, path), line, "{path:?}");
        }
    }
}
