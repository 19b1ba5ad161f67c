//! Names of settings are those of the tested pages, and values are quoted.

use latchkey_protocol::{ClientId, Timestamp, registration::Registration};
use serde_json::json;

use super::*;
use crate::shell::word;

const ISSUER: &str = "https://login.example.com";

fn client(id: &str, metadata: serde_json::Value) -> Client {
    let metadata = Registration::parse(&metadata).unwrap().metadata;
    Client {
        id: ClientId::new(id),
        secret: None,
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata,
        created_at: Timestamp::from_seconds(0),
        version: 0,
    }
}

fn all(id: &str) -> Vec<Recipe> {
    let uris = json!(["https://app.example.com/callback"]);
    let kinds = [
        json!({ "redirect_uris": uris, "grant_types": ["authorization_code", "refresh_token"] }),
        json!({ "redirect_uris": uris, "token_endpoint_auth_method": "none", "audience": ["a\"b"] }),
        json!({ "redirect_uris": ["com.example.app:/cb"], "application_type": "native", "token_endpoint_auth_method": "none" }),
        json!({ "grant_types": ["client_credentials"] }),
        json!({ "grant_types": [] }),
    ];
    let each = kinds
        .into_iter()
        .flat_map(|metadata| recipes(&client(id, metadata), ISSUER));
    each.collect()
}

/// What a line sets, without punctuation: letters, digits and what names of settings have in them.
fn names(text: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let without_values: String = text
        .split('"')
        .enumerate()
        .filter_map(|(at, part)| (at % 2 == 0).then_some(part))
        .collect::<Vec<_>>()
        .join(" ");
    let words = without_values.split(|c: char| !is_name(c));
    let words = words.filter(|word| word.len() > 5 && !word.chars().all(|c| c.is_ascii_digit()));
    words.map(str::to_owned).collect()
}

/// A setting that is misspelled here, or that the tested page does not have, fails.
#[test]
fn every_name_stands_in_the_page_that_runs_in_ci() {
    // Ours: where the reader keeps secrets, and local names.
    const OWN: [&str; 5] = [
        "CLIENT_SECRET",
        "process.env.CLIENT_SECRET",
        "process.env.SECRET",
        "payload",
        "providers",
    ];
    let mut pages = 0;
    for recipe in all("my-app")
        .iter()
        .filter(|recipe| !recipe.page.is_empty())
    {
        let at = format!(
            "{}/../../docs/connect/{}.md",
            env!("CARGO_MANIFEST_DIR"),
            recipe.page
        );
        let page = std::fs::read_to_string(&at).unwrap();
        pages += 1;
        for name in names(&recipe.text) {
            let is_known = page.contains(&name) || OWN.contains(&name.as_str());
            assert!(is_known, "{}: {name}", recipe.product);
        }
    }
    assert!(pages > 12);
}

#[test]
fn values_are_quoted_so_that_none_ends_a_text_or_runs() {
    let odd = "a\"b'c\\d$(id)`id`;<script>";
    for recipe in all(odd) {
        assert!(!recipe.text.contains("CLIENT_SECRET_VALUE"));
        if recipe.text.starts_with("curl") {
            assert!(recipe.text.contains(&word(odd)), "{}", recipe.text);
        } else if recipe.text.contains("a\\\"b") || !recipe.text.contains("a\"b'c") {
            continue;
        } else {
            panic!("{}: {}", recipe.product, recipe.text);
        }
    }
}

#[test]
fn a_library_that_returns_elsewhere_says_which_address_to_register() {
    let uris = json!({ "redirect_uris": ["https://app.example.com/callback"] });
    let found = recipes(&client("c", uris), ISSUER);
    let missing = |product: &str| {
        let recipe = found
            .iter()
            .find(|recipe| recipe.product.starts_with(product));
        recipe.unwrap().missing_redirect.clone()
    };
    assert_eq!(missing("express"), None);
    let spring = "https://app.example.com/login/oauth2/code/latchkey";
    assert_eq!(missing("Spring").as_deref(), Some(spring));
    assert_eq!(missing("openid-client"), None);
}

/// RFC 8252 7.3.
#[test]
fn a_desktop_app_returns_to_an_address_of_its_own_machine() {
    let shown = |uri: &str| {
        let native = json!({ "redirect_uris": [uri], "application_type": "native", "token_endpoint_auth_method": "none" });
        let found = recipes(&client("c", native), ISSUER);
        let mut desktop = found.into_iter().filter(|recipe| recipe.page == "appauth");
        let recipe = desktop.next().unwrap();
        (recipe.text, recipe.missing_redirect)
    };
    let usual = "http://127.0.0.1/callback";
    let (text, missing) = shown("com.example.app:/cb");
    assert!(text.contains(&quoted(usual)), "{text}");
    assert_eq!(missing.as_deref(), Some(usual));
    let (text, missing) = shown("http://[::1]/cb");
    assert!(text.contains("redirect_uri: \"http://[::1]/cb\""), "{text}");
    assert_eq!(missing, None);
}
