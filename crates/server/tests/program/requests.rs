//! What an administrator registers and asks about authorization requests.

use serde_json::json;

use crate::support::*;

#[test]
fn redirect_uris_are_refused_with_what_to_write_and_private_http_is_a_setting() {
    let at = Place::new();
    at.good(&["migrate"], "");
    let create = |uri: &str| json!({ "redirect_uris": [uri] }).to_string();
    let from = ["client", "create", "--from", "-"];
    refused(
        &at.run(&from, &create("https://APP.example/a/../cb")),
        "write https://app.example/cb",
    );
    let private = create("http://10.0.0.5:3000/cb");
    refused(&at.run(&from, &private), "allow_private_http_redirects");
    std::fs::write(
        at.folder.path().join("latchkey.toml"),
        "allow_private_http_redirects = true\n",
    )
    .unwrap();
    at.good(&from, &private);
    refused(
        &at.run(&from, &create("http://public.example/cb")),
        "use https",
    );
}
