//! Words of the commands that pages show: a name or a filter may hold what a shell would run.

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
