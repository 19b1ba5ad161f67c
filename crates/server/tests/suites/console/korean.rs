//! The console in Korean: problems too, which operations say in English.

use super::*;
use crate::console::clients::{FAULTS, WEB};

fn is_korean(text: &str) -> bool {
    text.chars().any(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c))
}

#[test]
fn what_is_wrong_with_an_app_is_said_in_korean_at_its_field() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        let browser = h.browser_sending(&[("accept-language", "ko")]);
        for (name, value) in FAULTS {
            let mut form: Vec<_> = WEB.to_vec();
            form.retain(|(known, _)| *known != name);
            form.push((name, value));
            let heard = send(&h, &browser, "/admin/new-client?template=web", &form).await;
            assert_eq!(heard.status, 422, "{name}={value}");
            let problem = format!("id=\"{name}-problem\">");
            let said = heard.text.split(&problem).nth(1).unwrap_or_default();
            let said = said.split('<').next().unwrap_or_default();
            assert!(is_korean(said), "{name}={value}: {said}");
        }
        let limits = [("limited", "yes"), ("users", "nobody-of-this-name")];
        let at = "/admin/clients/app/access";
        let heard = clients::edit(&h, &browser, at, &limits).await;
        let said = heard.text.split("id=\"users-problem\">").nth(1);
        let said = said.and_then(|said| said.split('<').next());
        assert!(is_korean(said.unwrap_or_default()), "{said:?}");
    });
}

#[test]
fn why_a_question_was_not_carried_out_is_said_in_korean() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        let browser = h.browser_sending(&[("accept-language", "ko")]);
        let bob = bob(&h).await.id;
        let at = format!("/admin/clients/app/consents/{bob}/revoke");
        let heard = send(&h, &browser, &at, &[]).await;
        assert_eq!(heard.status, 422, "there is none");
        let said = heard.text.split("id=\"problem\">").nth(1);
        let said = said.and_then(|said| said.split('<').next());
        assert!(is_korean(said.unwrap_or_default()), "{said:?}");
    });
}
