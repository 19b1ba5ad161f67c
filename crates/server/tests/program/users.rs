//! What commands change of a user, one by one.

use serde_json::{Value, json};

use super::{commands::heard, support::*};

#[test]
fn a_users_address_claims_groups_and_roles_change_one_by_one() {
    let at = Place::new();
    let mut create = vec![
        "user",
        "create",
        "alice",
        "--email",
        "alice@example.org",
        "--group",
        "a",
        "--role",
        "r",
    ];
    let out = at.run(&create, "");
    assert!(
        out.status.success()
            && heard(&out).contains("alice has no password yet and cannot sign in"),
        "{}",
        heard(&out)
    );
    let show = || at.json(&["user", "show", "Alice", "--json"], "");
    let update = |more: &[&str]| at.run(&[&["user", "update", "alice"], more].concat(), "");
    let updated = |more: &[&str]| {
        let out = update(more);
        assert!(out.status.success(), "{more:?}: {}", heard(&out));
        show()
    };
    assert_eq!(
        show()["claims"],
        json!({ "email_verified": true }),
        "an administrator entered it"
    );
    assert_eq!(
        updated(&["--email", "b@example.org", "--email-unverified"])["claims"]["email_verified"],
        false
    );
    assert_eq!(
        updated(&["--name", "Alice"])["claims"]["email_verified"],
        false,
        "as it was"
    );
    assert_eq!(
        updated(&["--email", "c@example.org"])["claims"]["email_verified"],
        true
    );
    let phone = updated(&[
        "--claim",
        "phone_number=+1 2",
        "--claim",
        "phone_number_verified=true",
    ]);
    assert_eq!(phone["claims"]["phone_number_verified"], true);
    let phone = updated(&[
        "--claim",
        "phone_number=+1 3",
        "--claim",
        "address={\"country\":\"KR\"}",
    ]);
    assert_eq!(
        phone["claims"].get("phone_number_verified"),
        None,
        "another number"
    );
    assert_eq!(
        (
            &phone["claims"]["address"]["country"],
            &phone["claims"]["email_verified"]
        ),
        (&json!("KR"), &json!(true))
    );
    let file = at.folder.path().join("claims.json");
    std::fs::write(&file, r#"{"locale":"ko-KR"}"#).unwrap();
    let replaced = updated(&["--claims", "claims.json", "--claim", "zoneinfo=Asia/Seoul"]);
    assert_eq!(
        replaced["claims"],
        json!({ "locale": "ko-KR", "zoneinfo": "Asia/Seoul", "email_verified": true })
    );
    assert_eq!(
        updated(&["--claim", "locale=null"])["claims"].get("locale"),
        None
    );
    let emptied = updated(&["--no-groups", "--no-roles"]);
    assert_eq!(
        (&emptied["groups"], &emptied["roles"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(updated(&["--no-email"])["email"], Value::Null);
    assert_eq!(show()["claims"].get("email_verified"), None);
    updated(&["--email", "Alice@Example.org"]);

    for none in [
        "alice",
        "alice@",
        "@example.org",
        "a b@example.org",
        "alice@exa mple.org",
        "Alice <a@example.org>",
    ] {
        refused(&update(&["--email", none]), "is no email address");
    }
    std::fs::write(&file, r#"{"locale":7}"#).unwrap();
    refused(
        &update(&["--claims", "claims.json"]),
        "claims.json: locale must be a text",
    );
    refused(&update(&["--claim", "locale=7"]), "locale must be a text");
    create[2] = "bob";
    create[4] = "ALICE@example.ORG";
    refused(
        &at.run(&create, ""),
        "already somebody with the email address",
    );
    refused(
        &at.run(&["user", "create", "alice@example.org"], ""),
        "is the email address of another user",
    );
    assert_eq!(
        at.run(&["user", "set-password", "alice"], "").status.code(),
        Some(2),
        "wrong usage"
    );
    for name in ["a b", "", "\u{1}", "\u{fb01}x", "\u{2603}"] {
        refused(&at.run(&["user", "create", name], ""), "is no user name");
    }
    refused(
        &at.run(&["user", "create", "\u{ff21}LICE"], ""),
        "already somebody called alice",
    );
}

#[test]
fn a_new_password_has_eight_characters_and_no_second_line() {
    let at = Place::new();
    at.add_alice_and_app();
    for arguments in [
        ["user", "create", "bob", "--password-stdin"],
        ["user", "set-password", "alice", "--password-stdin"],
    ] {
        for (typed, why) in [
            ("", "8 or more"),
            ("x\n", "8 or more"),
            ("1234567\r\n", "8 or more"),
            ("12345678\nx", "second line"),
        ] {
            refused(&at.run(&arguments, typed), why);
        }
        refused(&at.run(&arguments, &"x".repeat(1025)), "1025 bytes");
    }
    refused(&at.run(&["user", "show", "bob"], ""), "nobody called bob");
    let both = ["user", "create", "bob", "--claims", "-", "--password-stdin"];
    refused(&at.run(&both, "{}"), "both come from standard input");
    at.good(&["user", "create", "bob", "--password-stdin"], "12345678\n");
    at.good(
        &["user", "set-password", "bob", "--password-stdin"],
        &"x".repeat(1024),
    );
}

#[test]
fn the_last_administrator_stays_unless_it_is_said_that_they_may_go() {
    let at = Place::new();
    let create = |name| {
        let arguments = [
            "user",
            "create",
            name,
            "--role",
            "admin",
            "--password-stdin",
        ];
        at.good(&arguments, "a password of many words");
    };
    create("ada");
    // Without a password nobody can sign in: that is no administrator.
    at.good(&["user", "create", "cleo", "--role", "admin"], "");
    for arguments in [
        &["user", "disable", "ada"][..],
        &["user", "delete", "ada"],
        &["user", "update", "ada", "--role", "auditor"],
        &["user", "update", "ada", "--no-roles"],
    ] {
        let sentence = "ada is the last enabled user with the role admin: give the role admin to another enabled user first, or repeat it with --force";
        refused(&at.run(arguments, ""), sentence);
    }
    create("ben");
    at.good(&["user", "update", "ada", "--no-roles"], "");
    refused(&at.run(&["user", "disable", "ben"], ""), "--force");
    at.good(&["user", "disable", "ben", "--force"], "");
    at.good(&["user", "enable", "ben"], "");
    at.good(&["user", "update", "ben", "--no-roles", "--force"], "");
    at.good(&["user", "update", "ada", "--role", "admin"], "");
    at.good(&["user", "delete", "ada", "--force"], "");
}

#[test]
fn users_are_listed_by_a_search_or_in_an_order() {
    let at = Place::new();
    for (name, address) in [
        ("minji", "m@x.example"),
        ("zoe", "min@y.example"),
        ("bob", "b@z.example"),
    ] {
        at.good(&["user", "create", name, "--email", address], "");
    }
    let names = |more: &[&str]| -> Vec<String> {
        let listed = at.json(&[&["user", "list", "--json"], more].concat(), "");
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|user| user["username"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&[]), ["bob", "minji", "zoe"]);
    assert_eq!(
        names(&["--search", "MIN"]),
        ["zoe", "minji"],
        "min@y.example, minji"
    );
    assert_eq!(names(&["--search", "%"]), [""; 0]);
    assert_eq!(names(&["--search", "b", "--limit", "1"]), ["bob"]);
    for order in ["name", "created", "last-sign-in"] {
        assert_eq!(names(&["--sort", order]).len(), 3, "{order}");
    }
    let shown = at.json(&["user", "show", "bob", "--json"], "");
    assert_eq!(shown["last_sign_in_at"], Value::Null);
    assert!(at.good(&["user", "list"], "").contains("never"));
    for wrong in [
        &["--sort", "password_hash"][..],
        &["--sort", "created", "--search", "x"],
    ] {
        let out = at.run(&[&["user", "list"], wrong].concat(), "");
        assert_eq!(out.status.code(), Some(2), "{wrong:?}");
    }
}
