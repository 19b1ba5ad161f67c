//! What values must be, one by one and together.

use super::{
    Values, issuer,
    table::{Kind, Setting},
};

/// The shortest time that a new key is published before it signs, in seconds: caches are told to keep the key set for
/// 15, nodes read it every half second, and clocks differ.
const LEAST_ANNOUNCE: i64 = 60;

/// Seconds in `90s`, `5m`, `12h`, `30d`.
pub fn seconds(text: &str) -> Option<i64> {
    let (number, factor) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (
            number,
            match &text[number.len()..] {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                _ => 86_400,
            },
        ),
        None => return None,
    };
    number
        .parse::<i64>()
        .ok()
        .filter(|n| (0..=100_000).contains(n))
        .map(|n| n * factor)
}

pub fn networks(text: &str) -> Option<Vec<ipnet::IpNet>> {
    let one = |part: &str| {
        part.parse()
            .ok()
            .or_else(|| part.parse::<std::net::IpAddr>().ok().map(Into::into))
    };
    text.split(',')
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .map(one)
        .collect()
}

pub fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What is wrong with one value.
pub fn value(setting: &Setting, value: &str) -> Option<String> {
    match setting.kind {
        Kind::Text | Kind::List => None,
        Kind::Duration if seconds(value).is_none() => Some(format!(
            "is {value:?}; a duration looks like 90s, 5m, 12h or 30d"
        )),
        Kind::Number if value.parse::<u16>().is_err() => {
            Some(format!("is {value:?}; it must be a whole number"))
        }
        Kind::Networks if networks(value).is_none() => {
            Some(format!("is {value:?}; CIDRs look like 10.0.0.0/8"))
        }
        Kind::OneOf(words) if !words.contains(&value) => Some(format!(
            "is {value:?}; it must be one of {}",
            words.join(", ")
        )),
        Kind::Duration | Kind::Number | Kind::Networks | Kind::OneOf(_) => None,
    }
}

/// What is wrong with values that stand side by side.
pub fn together(given: &Values) -> Vec<String> {
    let mut problems = Vec::new();
    let mut problem =
        |path: &str, text: String| problems.push(format!("{}: {path} {text}", given[path].source));
    let issuer = given["issuer"].value.as_str();
    if let Some(why) = issuer::problem(issuer, given["allow_insecure_issuer"].value == "true") {
        problem("issuer", format!("is {issuer:?}; {why}"));
    }
    let listen = given["listen"].value.as_str();
    let named = |(host, port): (&str, &str)| {
        !host.is_empty() && !host.contains([':', '/']) && port.parse::<u16>().is_ok()
    };
    if listen.parse::<std::net::SocketAddr>().is_err()
        && !listen.rsplit_once(':').is_some_and(named)
    {
        problem(
            "listen",
            format!(
                "is {listen:?}; it must be an address and a port, such as 127.0.0.1:8080 or localhost:8080"
            ),
        );
    }
    let database = &given["database_url"].value;
    if !["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|s| database.starts_with(s))
    {
        problem(
            "database_url",
            "must start with sqlite:// or postgres://".into(),
        );
    }
    if given["tls.certificate"].value.is_empty() != given["tls.key"].value.is_empty() {
        problem("tls.certificate", "and tls.key come together".into());
    }
    if seconds(&given["tokens.authorization_code_lifetime"].value).is_none_or(|s| s == 0 || s > 60)
    {
        problem(
            "tokens.authorization_code_lifetime",
            "must be between 1s and 60s".into(),
        );
    }
    let announce = seconds(&given["keys.announce"].value).unwrap_or_default();
    if announce < LEAST_ANNOUNCE {
        let why = "caches and other nodes must have a new key before it signs; for emergencies there is latchkey key rotate --now";
        problem(
            "keys.announce",
            format!("must be {LEAST_ANNOUNCE}s at least: {why}"),
        );
    }
    let rotate_after = seconds(&given["keys.rotate_after"].value).unwrap_or_default();
    if rotate_after != 0 && rotate_after <= announce {
        problem(
            "keys.rotate_after",
            "must be longer than keys.announce, or 0s for never".into(),
        );
    }
    for path in [
        "tokens.access_token_lifetime",
        "tokens.id_token_lifetime",
        "tokens.refresh_token_lifetime",
        "session.lifetime",
        "limits.head_timeout",
        "limits.body_timeout",
        "limits.idle_timeout",
    ] {
        if seconds(&given[path].value) == Some(0) {
            problem(path, "must be longer than nothing".into());
        }
    }
    for path in ["limits.connections", "limits.connections_per_address"] {
        if given[path].value == "0" {
            problem(path, "must be at least 1".into());
        }
    }
    problems
}
