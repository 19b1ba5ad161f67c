//! Users: their sign-ins beside what administrators do, their names, addresses and passwords.

use futures_util::future::join_all;

use crate::support::*;

/// Many browsers of alice that stand before the login page.
async fn before_the_page(h: &Harness, count: usize) -> Vec<(Browser, String, String)> {
    let mut all = Vec::new();
    for _ in 0..count {
        let browser = h.browser();
        let (at, page) = browser.page(browser.begin(&[]).await).await;
        all.push((browser, at, page.text));
    }
    all
}

#[test]
fn a_sign_in_under_way_does_not_survive_a_disable_or_a_new_password() {
    on_both(async |h| {
        let hash = h.store.user(&h.alice).await.unwrap().unwrap().password_hash.unwrap();
        for round in 0..4 {
            let browsers = before_the_page(&h, 6).await;
            let sign_ins = join_all(browsers.iter().map(|(browser, at, page)| browser.login(at, page)));
            let lock_out = async {
                // While passwords are being compared.
                actix_web::rt::time::sleep(std::time::Duration::from_millis(30 + 25 * round)).await;
                match round % 2 {
                    0 => h.store.disable_user(&h.alice, h.now()).await.unwrap(),
                    _ => h
                        .store
                        .set_password(
                            &h.alice,
                            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
                            h.now(),
                        )
                        .await
                        .unwrap(),
                }
            };
            let (answers, _) = tokio::join!(sign_ins, lock_out);
            assert!(answers.iter().all(|a| [303, 401].contains(&a.status)), "{answers:?}");
            assert_eq!(h.store.sessions(Some(&h.alice)).await.unwrap(), [], "round {round}");
            h.store.enable_user(&h.alice, h.now()).await.unwrap();
            h.store.set_password(&h.alice, &hash, h.now()).await.unwrap();
            for (browser, ..) in &browsers {
                let back = browser.authorize(&[("prompt", "none")]).await;
                assert_eq!(back["error"], "login_required", "enabling brings no session back");
            }
            h.pass(600);
        }
    });
}
