//! What the text of a setting must look like; each function returns the value, or what is wrong in words that follow
//! the setting's name.

use std::{net::IpAddr, path::PathBuf, time::Duration};

/// The shortest time that a new key is published before it signs, in seconds: caches are told to keep the key set for
/// 15, nodes read it every half second, and clocks differ.
const LEAST_ANNOUNCE: i64 = 60;
/// The longest life of an authorization code, in seconds.
const LONGEST_CODE: i64 = 60;

type Parsed<T> = Result<T, String>;

pub fn text(given: &str) -> Parsed<String> {
    Ok(given.to_owned())
}

pub fn path(given: &str) -> Parsed<PathBuf> {
    Ok(given.into())
}

/// Texts, in a file as an array, in the environment with commas between them.
pub fn list(given: &str) -> Parsed<Vec<String>> {
    Ok(parts(given).map(str::to_owned).collect())
}

fn parts(given: &str) -> impl Iterator<Item = &str> {
    given
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

pub fn one_of(given: &str, words: &[&str]) -> Parsed<String> {
    if words.contains(&given) {
        return Ok(given.to_owned());
    }
    Err(format!(
        "is {given:?}; it must be one of {}",
        words.join(", ")
    ))
}

pub fn flag(given: &str) -> Parsed<bool> {
    Ok(one_of(given, &["true", "false"])? == "true")
}

pub fn number(given: &str) -> Parsed<usize> {
    let number = given.parse::<u16>().map(usize::from);
    number.map_err(|_| format!("is {given:?}; it must be a whole number"))
}

pub fn one_or_more(given: &str) -> Parsed<usize> {
    match number(given)? {
        0 => Err("must be at least 1".into()),
        number => Ok(number),
    }
}

/// Seconds in `90s`, `5m`, `12h`, `30d`.
pub fn seconds(given: &str) -> Parsed<i64> {
    const UNITS: [(char, i64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let unit = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((given.strip_suffix(*unit)?, factor)));
    unit.and_then(|(number, factor)| Some((number.parse::<i64>().ok()?, factor)))
        .filter(|(number, _)| (0..=100_000).contains(number))
        .map(|(number, factor)| number * factor)
        .ok_or_else(|| format!("is {given:?}; a duration looks like 90s, 5m, 12h or 30d"))
}

pub fn some_time(given: &str) -> Parsed<i64> {
    match seconds(given)? {
        0 => Err("must be longer than nothing".into()),
        time => Ok(time),
    }
}

pub fn patience(given: &str) -> Parsed<Duration> {
    let time = some_time(given)?;
    Ok(Duration::from_secs(time.unsigned_abs()))
}

pub fn code_lifetime(given: &str) -> Parsed<i64> {
    let time = seconds(given)?;
    if (1..=LONGEST_CODE).contains(&time) {
        return Ok(time);
    }
    Err(format!("must be between 1s and {LONGEST_CODE}s"))
}

/// Of a status list that is kept by whoever asks for it.
pub fn list_ttl(given: &str) -> Parsed<i64> {
    let time = seconds(given)?;
    if (1..=3600).contains(&time) {
        return Ok(time);
    }
    Err("must be between 1s and 1h".into())
}

/// Of a status list: shorter, and it is over while it is fetched; longer, and it outlives most of its tokens.
pub fn list_lifetime(given: &str) -> Parsed<i64> {
    let time = seconds(given)?;
    if (30..=86_400).contains(&time) {
        return Ok(time);
    }
    Err("must be between 30s and 1d".into())
}

pub fn announcement(given: &str) -> Parsed<i64> {
    let time = seconds(given)?;
    if time >= LEAST_ANNOUNCE {
        return Ok(time);
    }
    let why = "caches and other nodes must have a new key before it signs; for emergencies there is latchkey key rotate --now";
    Err(format!("must be {LEAST_ANNOUNCE}s at least: {why}"))
}

/// CIDRs; an address alone is a network of one.
pub fn networks(given: &str) -> Parsed<Vec<ipnet::IpNet>> {
    let one = |part: &str| {
        let network = part.parse().ok();
        network.or_else(|| part.parse::<IpAddr>().ok().map(Into::into))
    };
    let all: Option<_> = parts(given).map(one).collect();
    all.ok_or_else(|| format!("is {given:?}; CIDRs look like 10.0.0.0/8"))
}

/// What is listened on: an address or a host name, and a port.
pub fn address(given: &str) -> Parsed<String> {
    let named = |(host, port): (&str, &str)| {
        !host.is_empty() && !host.contains([':', '/']) && port.parse::<u16>().is_ok()
    };
    if given.parse::<std::net::SocketAddr>().is_ok() || given.rsplit_once(':').is_some_and(named) {
        return Ok(given.to_owned());
    }
    Err(format!(
        "is {given:?}; it must be an address and a port, such as 127.0.0.1:8080 or localhost:8080"
    ))
}

pub fn database(given: &str) -> Parsed<String> {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if known.iter().any(|scheme| given.starts_with(scheme)) {
        return Ok(given.to_owned());
    }
    Err("must start with sqlite:// or postgres://".into())
}
