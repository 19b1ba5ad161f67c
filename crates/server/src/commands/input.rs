//! What commands read: files, and standard input for `-`.

use std::{io::Read, path::Path};

use anyhow::{Context, Result};

/// The most that is read of standard input, in bytes.
const LONGEST: u64 = 1 << 20;

/// What an input is called in a message.
pub fn input_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// A sentence that names it.
pub fn read_input(path: &Path) -> Result<String> {
    let name = input_name(path);
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(LONGEST)
            .read_to_string(&mut text)
            .with_context(|| format!("{name} cannot be read"))?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    }
    Ok(text)
}

/// Reads JSON, or says where it breaks off.
///
/// # Errors
/// As [`read_input`].
pub fn read_json(path: &Path) -> Result<serde_json::Value> {
    let text = read_input(path)?;
    serde_json::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{}: this is no JSON: {error}", input_name(path)))
}
