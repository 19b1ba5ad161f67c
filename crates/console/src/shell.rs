//! What pages show for doing the same elsewhere: the words of commands, and the call of the administration API. A name or a
//! filter may hold what a shell would run.

use latchkey_operations::registry::call_of_page;
use latchkey_protocol::paths;

use crate::{address::segment, visit::Visit};

/// The call that does the same as the page that is visited, with the ids in its address.
pub fn call(visit: &Visit<'_>) -> Option<String> {
    let request = visit.call().request;
    let pattern = request.match_pattern()?;
    let page = pattern
        .strip_prefix(visit.arrival.base())
        .unwrap_or(&pattern);
    let (method, path) = call_of_page(page)?;
    // Of the two ids of a consent, the client's comes first in the console.
    let names = |part: &str| match part {
        "sub" if page.contains("{user}") => "user",
        _ => "id",
    };
    let filled = path.split('/').map(|part| {
        match part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        {
            Some(part) => visit
                .id(names(part))
                .map_or_else(|| part.to_uppercase(), |id| segment(&id)),
            None => part.to_owned(),
        }
    });
    let at = filled.collect::<Vec<_>>().join("/");
    let at = visit.call().realm.at(&format!("{}{at}", paths::API_V1));
    Some(format!("{method} {at}"))
}

/// One word of a command line: as it is where a POSIX shell gives no character of it a meaning, in quotes otherwise.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@%+:,/-".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_run_stands_in_quotes() {
        for plain in ["alice", "alice@app.example", "01a2-0c", "a_b.c"] {
            assert_eq!(word(plain), plain);
        }
        for (text, quoted) in [
            ("x;reboot", "'x;reboot'"),
            ("$(id)", "'$(id)'"),
            ("`id`", "'`id`'"),
            ("it's", r"'it'\''s'"),
            ("user update", "'user update'"),
            ("-rf", "'-rf'"),
            ("", "''"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }
}
