//! Reads `latchkey.toml`.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{SettingValue, Values, table::SETTINGS};

/// A value of the file.
struct Leaf {
    path: String,
    value: String,
    /// Where its key begins, in bytes.
    at: usize,
}

/// Puts what the file says into `given`.
pub fn read(path: &Path, text: &str, given: &mut Values, problems: &mut Vec<String>) {
    let source = |at: usize| {
        let before = text.bytes().take(at);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", path.display())
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let said = errors.iter().map(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("{}: {}", source(at), error.message())
        });
        return problems.extend(said);
    }
    let mut leaves = Vec::new();
    flatten("", table.get_ref(), &mut leaves);
    leaves.sort_by_key(|leaf| leaf.at);
    for Leaf { path, value, at } in leaves {
        let source = source(at);
        match SETTINGS.iter().find(|s| s.path == path) {
            Some(setting) => {
                given.insert(setting.path, SettingValue { value, source });
            }
            None => problems.push(format!(
                "{source}: there is no setting {path}{}",
                suggestion(&path)
            )),
        }
    }
}

fn flatten(prefix: &str, table: &DeTable<'_>, leaves: &mut Vec<Leaf>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(inner) => flatten(&path, inner, leaves),
            leaf => leaves.push(Leaf {
                path,
                value: as_text(leaf),
                at: key.span().start,
            }),
        }
    }
}

fn as_text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let texts: Vec<_> = items.iter().map(|item| as_text(item.get_ref())).collect();
            texts.join(",")
        }
        // In an array. No setting is a list of tables, so this is refused where the value is parsed.
        DeValue::Table(_) => "{...}".to_owned(),
    }
}

/// The setting that was probably meant: same letters, mostly.
fn suggestion(key: &str) -> String {
    let distance = |a: &str| {
        let common = a
            .chars()
            .zip(key.chars())
            .take_while(|(x, y)| x == y)
            .count();
        a.len().max(key.len()) - common
    };
    let nearest = SETTINGS.iter().min_by_key(|s| distance(s.path));
    nearest
        .filter(|s| distance(s.path) <= 6)
        .map(|s| format!("; did you mean {}?", s.path))
        .unwrap_or_default()
}
