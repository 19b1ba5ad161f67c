//! What commands print.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Write},
};

use anyhow::Result;
use latchkey_protocol::{Timestamp, page::Page};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Prints a line, as `println!` does, and ends the program quietly when nobody reads any more, as in `| head -1`.
/// What is to be done besides is done before.
macro_rules! say {
    ($($line:tt)*) => { crate::commands::print::line(format_args!($($line)*)) };
}
pub(crate) use say;

pub fn line(line: Arguments<'_>) {
    text(format_args!("{line}\n"));
}

/// What was done: for a machine with the names of the administration API, else as a sentence.
pub fn done(json: bool, answer: &Value, sentence: &str) {
    match json {
        true => say!("{answer}"),
        false => say!("{sentence}"),
    }
}

/// As [`say!`], without the end of a line.
fn text(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_fmt(text) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("latchkey: standard output cannot be written: {error}");
        std::process::exit(1);
    }
}

/// Items that are read from the store at once.
const PIECE: i64 = 500;

/// A list to be printed.
pub struct List<'a, T> {
    pub head: &'a [&'a str],
    /// As a JSON array; otherwise as a table.
    pub json: bool,
    /// How many items at most; none: all.
    pub limit: Option<i64>,
    pub shown: fn(&T) -> Value,
    pub row: fn(&T) -> Vec<String>,
}

impl<T> List<'_, T> {
    /// Prints it piece by piece as it is read, however long it is. `cursor`: what a piece after an item goes on from.
    pub async fn print<C>(
        &self,
        read: impl AsyncFn(&Page<C>) -> Result<Vec<T>>,
        cursor: impl Fn(&T) -> C,
    ) -> Result<()> {
        self.print_pieces(async |page: &Page<C>| {
            let items = read(page).await?;
            let is_full = i64::try_from(items.len()).unwrap_or(i64::MAX) == page.limit;
            let next = items.last().filter(|_| is_full).map(&cursor);
            Ok((items, next))
        })
        .await
    }

    /// As [`List::print`], of pieces that say themselves what the next goes on from.
    pub async fn print_pieces<C>(
        &self,
        read: impl AsyncFn(&Page<C>) -> Result<(Vec<T>, Option<C>)>,
    ) -> Result<()> {
        let mut left = self.limit.unwrap_or(i64::MAX);
        let mut page = Page::first(PIECE.min(left));
        let mut widths = Vec::new();
        let mut is_first = true;
        loop {
            let (items, next) = read(&page).await?;
            if !items.is_empty() || next.is_none() {
                self.print_piece(&items, &mut widths, is_first);
                is_first = false;
            }
            let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
            left = left.saturating_sub(count);
            match next {
                Some(next) if left > 0 => page = Page::after(next, PIECE.min(left)),
                _ => break,
            }
        }
        if self.json {
            say!("]");
        }
        Ok(())
    }

    fn print_piece(&self, items: &[T], widths: &mut Vec<usize>, is_first: bool) {
        if self.json {
            let items: Vec<_> = items
                .iter()
                .map(|item| (self.shown)(item).to_string())
                .collect();
            let before = match (is_first, items.is_empty()) {
                (true, _) => "[",
                (false, true) => "",
                (false, false) => ",",
            };
            text(format_args!("{before}{}", items.join(",")));
        } else {
            let rows: Vec<_> = items.iter().map(self.row).collect();
            fit(widths, self.head, &rows);
            if is_first {
                print_row(widths, self.head.iter().copied());
            }
            print_rows(widths, &rows);
        }
    }
}

/// A table whose columns line up.
pub fn print_table(head: &[&str], rows: &[Vec<String>]) {
    let mut widths = Vec::new();
    fit(&mut widths, head, rows);
    print_row(&widths, head.iter().copied());
    print_rows(&widths, rows);
}

/// Widens columns for rows; those of a later piece may be wider than those above them.
fn fit(widths: &mut Vec<usize>, head: &[&str], rows: &[Vec<String>]) {
    widths.resize(head.len(), 0);
    for (column, width) in widths.iter_mut().enumerate() {
        let cells = rows.iter().map(|row| row[column].chars().count());
        let widest = cells.chain([head[column].len()]).max();
        *width = (*width).max(widest.unwrap_or_default());
    }
}

fn print_rows(widths: &[usize], rows: &[Vec<String>]) {
    for row in rows {
        print_row(widths, row.iter().map(String::as_str));
    }
}

fn print_row<'a>(widths: &[usize], cells: impl Iterator<Item = &'a str>) {
    let padded: Vec<_> = cells
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    say!("{}", padded.join("  ").trim_end());
}

/// Nothing that a terminal takes for a command.
pub fn printable(cell: String) -> String {
    cell.replace(char::is_control, "\u{fffd}")
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
