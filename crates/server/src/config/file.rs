//! Reads `latchkey.toml`.

use std::path::Path;

use toml::Value;

use super::{SettingValue, Values, table::SETTINGS};

/// Puts what the file says into `given`.
pub fn read(path: &Path, text: &str, given: &mut Values, problems: &mut Vec<String>) {
    let name = path.display();
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |s| {
                text[..s.start.min(text.len())].lines().count().max(1)
            });
            problems.push(format!("{name}:{line}: {}", error.message()));
            return;
        }
    };
    let mut leaves = Vec::new();
    flatten("", &table, &mut leaves);
    for (key, value) in leaves {
        let source = format!("{name}:{}", line_of(text, &key));
        match SETTINGS.iter().find(|s| s.path == key) {
            Some(setting) => {
                given.insert(
                    setting.path,
                    SettingValue {
                        value: as_text(&value),
                        source,
                    },
                );
            }
            None => problems.push(format!(
                "{source}: there is no setting {key}{}",
                suggestion(&key)
            )),
        }
    }
}

fn flatten(prefix: &str, table: &toml::Table, leaves: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(inner) => flatten(&path, inner, leaves),
            leaf => leaves.push((path, leaf.clone())),
        }
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The line on which a key of a file stands.
fn line_of(text: &str, path: &str) -> usize {
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut current = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|l| l.split(']').next()) {
            current = header.trim().to_owned();
        } else if let Some((name, _)) = line.split_once('=') {
            let name = name.trim().trim_matches('"');
            if (current == section && name == key) || (current.is_empty() && name == path) {
                return number + 1;
            }
        }
    }
    1
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
