//! Reads the environment, which wins over the file.

use super::{
    SettingValue, Values,
    table::{SETTINGS, variable},
};

/// Puts what the environment says into `given`.
pub fn read(env: &dyn Fn(&str) -> Option<String>, given: &mut Values, problems: &mut Vec<String>) {
    for setting in SETTINGS {
        let name = variable(setting.path);
        let file = format!("{name}_FILE");
        if let Some(value) = env(&name) {
            given.insert(
                setting.path,
                SettingValue {
                    value,
                    source: name,
                },
            );
        } else if let Some(path) = env(&file) {
            match std::fs::read_to_string(&path) {
                Ok(value) => {
                    given.insert(
                        setting.path,
                        SettingValue {
                            value: value.trim().to_owned(),
                            source: file,
                        },
                    );
                }
                Err(error) => problems.push(format!("{file}: {path} cannot be read: {error}")),
            }
        }
    }
}

/// Variables that look like ours and are none.
pub fn unknown_variables() -> Vec<String> {
    let known = |name: &str| {
        name == "LATCHKEY_CONFIG"
            || SETTINGS
                .iter()
                .any(|s| variable(s.path) == name || format!("{}_FILE", variable(s.path)) == name)
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names
        .filter(|n| n.starts_with("LATCHKEY_") && !known(n))
        .collect()
}
