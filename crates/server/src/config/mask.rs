//! Hides the passwords of database addresses.

/// An address as it may be shown: `***` for a password before the host and for one among the parameters. By hand,
/// because libpq takes addresses that a URL library refuses, such as several hosts.
pub fn mask(address: &str) -> String {
    let Some((scheme, rest)) = address
        .split_once("://")
        .filter(|(scheme, _)| scheme.starts_with("postgres"))
    else {
        return address.to_owned();
    };
    let rest: String = rest.split_inclusive(['?', '&']).map(parameter).collect();
    match (rest.find(':'), rest.rfind('@')) {
        (Some(colon), Some(at)) if colon < at => {
            format!("{scheme}://{}***{}", &rest[..=colon], &rest[at..])
        }
        _ => format!("{scheme}://{rest}"),
    }
}

/// A piece of an address, up to the mark that ends it.
fn parameter(piece: &str) -> String {
    let Some((name, _)) = piece.split_once('=') else {
        return piece.to_owned();
    };
    let decoded: String = url::form_urlencoded::parse(name.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect();
    let end = if piece.ends_with(['?', '&']) {
        &piece[piece.len() - 1..]
    } else {
        ""
    };
    if decoded.to_ascii_lowercase().contains("password") {
        format!("{name}=***{end}")
    } else {
        piece.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn no_password_of_an_address_is_shown() {
        for (address, shown) in [
            ("sqlite://data/latchkey.db", "sqlite://data/latchkey.db"),
            ("postgres://u@h/db", "postgres://u@h/db"),
            ("postgres://u:pw@h:5432/db", "postgres://u:***@h:5432/db"),
            (
                "postgres://u:p%40w@h/db?sslmode=require",
                "postgres://u:***@h/db?sslmode=require",
            ),
            ("postgres://u:p@w@h/db", "postgres://u:***@h/db"),
            ("postgres://u:p/w@h/db", "postgres://u:***@h/db"),
            ("postgres://u:p?w@h/db", "postgres://u:***@h/db"),
            (
                "postgres://u:pw@h1:1,h2:2/db",
                "postgres://u:***@h1:1,h2:2/db",
            ),
            (
                "postgresql://h/db?user=u&password=pw&sslmode=disable",
                "postgresql://h/db?user=u&password=***&sslmode=disable",
            ),
            (
                "postgres://h/db?pass%77ord=pw",
                "postgres://h/db?pass%77ord=***",
            ),
            ("postgres:///db?PASSWORD=pw", "postgres:///db?PASSWORD=***"),
            (
                "postgres://h/db?sslpassword=pw",
                "postgres://h/db?sslpassword=***",
            ),
            (
                "postgres://h:1/db?password=p@w",
                "postgres://h:1/db?password=***",
            ),
            (
                "postgres://u:p?w@h/db?password=p@w",
                "postgres://u:***@h/db?password=***",
            ),
            (
                "postgres://u:one@h/db?password=two",
                "postgres://u:***@h/db?password=***",
            ),
        ] {
            assert_eq!(mask(address), shown);
        }
    }
}
