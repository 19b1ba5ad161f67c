//! Addresses that no page has.

use latchkey_console::{Needs, table};

use super::{
    guard::{address, ask},
    *,
};

/// PostgreSQL stores no NUL: a look-up of one would be a fault of the server.
#[test]
fn an_address_with_a_control_character_is_no_page_and_a_parameter_with_one_is_refused() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let bob = bob(&h).await;
        for (method, path, needs) in table() {
            for part in ["%00", "a%00b", "x%0Ay", "%7F", "%C2%85"] {
                if !path.contains('{') {
                    continue;
                }
                let at = path.replace("{id}", part).replace("{user}", part);
                let heard = ask(&h, &browser, method, &at).await;
                let is_page = heard.text.contains("error-page");
                assert!(heard.status == 404 && is_page, "{method:?} {at} {heard:?}");
            }
            let at = address(&h, path, &bob.id).await;
            for name in [
                "q",
                "after",
                "sort",
                "user",
                "event",
                "outcome",
                "reference",
                "done",
                "draft",
                "link",
                "state",
                "code",
                "anything",
            ] {
                let at = format!("{at}?{name}=a%00b");
                let heard = ask(&h, &browser, method, &at).await;
                match needs {
                    Needs::Nothing => assert!(heard.status < 500, "{at} {heard:?}"),
                    _ => assert_eq!(heard.status, 400, "{method:?} {at}"),
                }
            }
        }
        let after = browser.get(&h.at("/admin/users?after=%FF.x")).await;
        assert_eq!(after.status, 400);
    });
}
