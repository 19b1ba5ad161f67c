//! What commands print.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Write},
};

use latchkey_protocol::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Prints a line, as `println!` does, and ends the program quietly when nobody reads any more, as in `| head -1`.
/// What is to be done besides is done before.
macro_rules! say {
    ($($line:tt)*) => { crate::commands::print::line(format_args!($($line)*)) };
}
pub(crate) use say;

pub fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}") {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("latchkey: standard output cannot be written: {error}");
        std::process::exit(1);
    }
}

/// A table whose columns line up.
pub fn print_table(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<_> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        say!("{}", padded.join("  ").trim_end());
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}

/// Seconds since the epoch as UTC, for users. What lies outside the years -9999 to 9999 stays a number.
pub fn utc(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.as_seconds())
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::Timestamp;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(
            super::utc(Timestamp::from_seconds(0)),
            "1970-01-01T00:00:00Z"
        );
        assert_eq!(
            super::utc(Timestamp::from_seconds(951_782_400)),
            "2000-02-29T00:00:00Z"
        );
        assert_eq!(
            super::utc(Timestamp::from_seconds(1_795_219_199)),
            "2026-11-20T23:59:59Z"
        );
        assert_eq!(
            super::utc(Timestamp::from_seconds(-1)),
            "1969-12-31T23:59:59Z"
        );
        assert_eq!(
            super::utc(Timestamp::from_seconds(i64::MAX)),
            i64::MAX.to_string()
        );
    }
}
