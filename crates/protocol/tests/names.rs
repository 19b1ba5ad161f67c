//! User names, addresses and passwords: one form for what looks alike.
#![allow(clippy::unwrap_used)]

use latchkey_protocol::{
    names::{Login, email, email_key, username},
    passwords::{check_new, prepared},
};

/// RFC 8265 3.3, UsernameCaseMapped.
#[test]
fn names_that_only_look_alike_are_one_name() {
    for (typed, name) in [
        ("Alice", "alice"),
        (" alice\t", "alice"),
        ("\u{ff21}\u{ff2c}\u{ff29}\u{ff23}\u{ff25}", "alice"),
        ("A\u{308}nna", "\u{e4}nna"),
        ("\u{c4}NNA", "\u{e4}nna"),
        ("\u{3a3}\u{3af}\u{3c3}", "\u{3c3}\u{3af}\u{3c3}"),
        ("김철수", "김철수"),
        ("alice@example.org", "alice@example.org"),
        ("o'neil-x.y_z+1", "o'neil-x.y_z+1"),
    ] {
        assert_eq!(username(typed).as_deref(), Ok(name), "{typed}");
        assert_eq!(username(name).as_deref(), Ok(name), "its own form: {name}");
    }
    for none in [
        "",
        " ",
        "a b",
        "a\u{a0}b",
        "a\u{0}",
        "\u{fb01}n",
        "\u{2603}",
        "\u{200b}a",
        "a\u{ad}b",
        "\u{2167}",
        "\u{1100}\u{1161}",
    ] {
        assert!(username(none).is_err(), "{none:?}");
    }
    assert!(username(&"a".repeat(200)).is_ok() && username(&"a".repeat(201)).is_err());
    assert!(username(&"\u{ff41}".repeat(100_000)).is_err());
}

#[test]
fn addresses_are_checked_and_compared_in_one_form() {
    for (typed, key) in [
        ("a@example.org", "a@example.org"),
        (" A.b+C@Example.ORG ", "a.b+c@example.org"),
        ("a@b\u{fc}cher.example", "a@xn--bcher-kva.example"),
        ("a@B\u{dc}CHER.example", "a@xn--bcher-kva.example"),
        ("\u{ff41}@example.org", "a@example.org"),
        ("root@localhost", "root@localhost"),
    ] {
        assert_eq!(email_key(typed).as_deref(), Some(key), "{typed}");
        assert_eq!(email(typed).as_deref(), Ok(typed.trim()));
    }
    let long = format!("a@{}.org", "b".repeat(260));
    for none in [
        "",
        "a",
        "a@",
        "@b",
        "a@b@c",
        "a b@c.org",
        "\"a b\"@c.org",
        "a@[127.0.0.1]",
        "A <a@b.org>",
        "a\n@b.org",
        &long,
    ] {
        assert!(
            email(none).is_err() && email_key(none).is_none(),
            "{none:?}"
        );
    }
}

#[test]
fn a_name_goes_before_an_address() {
    let login = Login::new(" Alice@Example.org ");
    assert_eq!(login.username.as_deref(), Some("alice@example.org"));
    assert_eq!(login.email_key.as_deref(), Some("alice@example.org"));
    assert!(login.rank("alice@example.org") < login.rank("somebody"));
    assert_eq!(
        login.canonical(),
        Login::new("ALICE@EXAMPLE.ORG").canonical(),
        "attempts at either count together"
    );
    assert_eq!(
        Login::new(&"x".repeat(1_000_000)).as_typed.len(),
        254,
        "what is kept of it has a bound"
    );
}

/// NIST SP 800-63B 3.1.1.2.
#[test]
fn a_new_password_has_eight_characters_or_more() {
    for good in [
        "12345678",
        "correct horse battery staple",
        "\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}",
        &"x".repeat(1024),
    ] {
        assert_eq!(check_new(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "x",
        "1234567",
        "e\u{301}234567",
        "12345678\n9",
        "\t12345678",
        &"x".repeat(1025),
    ] {
        assert!(check_new(bad).is_err(), "{bad:?}");
    }
    assert_eq!(prepared("a\u{3000}e\u{301}"), "a \u{e9}");
}
