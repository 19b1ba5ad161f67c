//! What was typed into a form that waits for a sign-in.

use super::{users::at, *};

#[test]
fn what_was_typed_waits_for_its_own_page_and_ends_by_itself() {
    on_both(async |h| {
        let browser = administrator(&h).await;
        let own = at(&h).await;
        let (edit, disable) = (format!("{own}/edit"), format!("{own}/disable"));
        let page = browser.get(&h.at(&edit)).await.text;
        let asked = browser.get(&h.at(&disable)).await.text;
        let (csrf, version) = (token(&page), field(&page, "version").unwrap());
        h.pass(601);
        let form = [
            ("csrf", csrf.as_str()),
            ("version", &version),
            ("name", "Typed before"),
        ];
        let sent = browser.submit(&h.at(&edit), &form).await;
        assert_eq!(sent.status, 303);
        // A question has nothing to keep, and takes no form's place.
        let csrf = token(&asked);
        let other = browser
            .submit(&h.at(&disable), &[("csrf", csrf.as_str())])
            .await;
        assert_eq!(other.status, 303);
        let back = sign_in(&browser, sent).await;
        assert!(back.text.contains("id=\"back-again\"") && back.text.contains("Typed before"));
        for path in [edit.clone(), format!("{own}/password?draft=1"), disable] {
            let page = browser.get(&h.at(&path)).await;
            assert!(!page.text.contains("Typed before"), "{path}");
        }
        let kept = format!("{edit}?draft=1");
        let again = browser.get(&h.at(&kept)).await.text;
        assert!(again.contains("Typed before"), "a page can be loaded twice");
        let (csrf, version) = (token(&again), field(&again, "version").unwrap());
        let form = [
            ("csrf", csrf.as_str()),
            ("version", &version),
            ("name", "Typed before"),
        ];
        let saved = browser.submit(&h.at(&kept), &form).await;
        assert_eq!(saved.status, 303, "{}", saved.text);
        let spent = browser.get(&h.at(&kept)).await.text;
        assert!(!spent.contains("id=\"back-again\""), "it was sent");
        // Nobody comes back to it.
        let csrf = token(&spent);
        h.pass(601);
        let form = [("csrf", csrf.as_str()), ("name", "Left alone")];
        let sent = browser.submit(&h.at(&edit), &form).await;
        assert_eq!(sent.status, 303);
        h.pass(1800);
        let late = sign_in(&browser, sent).await;
        assert!(!late.text.contains("Left alone"), "it has ended");
    });
}
