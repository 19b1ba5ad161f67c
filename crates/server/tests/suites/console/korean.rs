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

#[test]
fn what_was_refused_and_what_happened_is_explained_in_korean() {
    on_both(async |h| {
        give(&h, "alice", &["admin"]).await;
        let browser = h.browser_sending(&[("accept-language", "ko")]);
        let page = open(&h, &browser, "/admin/audit").await.text;
        assert!(
            page.contains("data-event=\"signed in\">로그인</strong>"),
            "{page}"
        );
        let chosen = "<option value=\"user set-password\">비밀번호 설정</option>";
        assert!(page.contains(chosen), "{page}");
        assert!(page.contains("<span class=\"sub\">로그인 페이지</span>"));
        let refused = h.browser().begin(&[("client_id", "nobody")]).await;
        let reference = refused.text.split("id=\"error-ref\">").nth(1).unwrap();
        let reference = reference.split('<').next().unwrap();
        crate::refusals::kept(&h, reference).await;
        let at = h.at(&format!("/admin/refusals/{reference}"));
        let page = browser.get(&at).await.text;
        for said in [
            "client_id가 등록된 클라이언트인지",
            "앱을 등록하거나(latchkey client create)",
        ] {
            assert!(page.contains(said), "{page}");
        }
    });
}

/// A list that is asked for what another version wrote keeps asking for it.
#[test]
fn an_event_that_this_version_does_not_know_stays_chosen() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let at = h.at("/admin/audit?event=user+%3Cteleport%3E");
        let page = browser.get(&at).await.text;
        assert!(
            page.contains("<option selected>user &#60;teleport&#62;</option>"),
            "{page}"
        );
    });
}
