//! `latchkey upstream test`: what is said of a provider that can be signed in at, and of one that cannot.

use latchkey_protocol::Clock;
use latchkey_server::wiring::{OsEntropy, SystemClock};
use latchkey_ui::upstream::{Checkup, Finding, Verdict};

use super::{
    super::support::*,
    liar::{Does, Liar},
    second_latchkey::second,
    *,
};

/// All checks of the provider, as seconds after the moment of this machine say it.
async fn tried(h: &Harness, redirect_uri: &str, ahead: i64) -> Vec<Finding> {
    let name = UpstreamName::parse(THERE).unwrap();
    let upstream = h.store.upstream(&name).await.unwrap().unwrap();
    // A server's `Date` is the machine's.
    let now = SystemClock.now();
    let checkup = Checkup {
        upstream: &upstream,
        outbound: &*h.app.ui.upstreams.outbound,
        secrets: &h.app.ui.upstreams.secrets,
        entropy: &OsEntropy,
        redirect_uri,
        now: now + ahead,
    };
    checkup.make().await
}

#[track_caller]
fn verdict(findings: &[Finding], check: &str) -> Verdict {
    let found = findings.iter().find(|finding| finding.check == check);
    found
        .unwrap_or_else(|| panic!("{check}: {findings:?}"))
        .verdict
}

#[test]
fn a_second_latchkey_passes_every_check_and_what_is_wrong_is_named() {
    on_both_with(&HERE, |h| async move {
        let _other = second(&h).await;
        let callback = h.callback(THERE);
        let good = tried(&h, &callback, 0).await;
        assert_eq!(good.len(), 5, "{good:?}");
        // Whether it leads to its sign-in or to an error, only a look tells.
        assert_eq!(verdict(&good, "redirect address"), Verdict::Warning);
        let others = good.iter().filter(|one| one.check != "redirect address");
        assert!(
            others.clone().all(|one| one.verdict == Verdict::Ok),
            "{good:?}"
        );

        let wrong = tried(&h, "https://nowhere.example/callback", 0).await;
        assert_eq!(verdict(&wrong, "redirect address"), Verdict::Failed);
        let late = tried(&h, &callback, -3600).await;
        assert_eq!(verdict(&late, "clock"), Verdict::Failed, "{late:?}");
        assert_eq!(verdict(&late, "keys"), Verdict::Ok);
        // An answer that was kept on the way looks like this, too.
        let early = tried(&h, &callback, 3600).await;
        assert_eq!(verdict(&early, "clock"), Verdict::Warning, "{early:?}");
    });
}

#[test]
fn a_wrong_secret_is_told_from_a_right_one() {
    on_both_with(&HERE, |h| async move {
        let other = second(&h).await;
        let name = UpstreamName::parse(THERE).unwrap();
        h.store.delete_upstream(&name, None, false).await.unwrap();
        h.upstream(THERE, oidc(&other.issuer), Some("another secret"))
            .await;
        let findings = tried(&h, &h.callback(THERE), 0).await;
        assert_eq!(verdict(&findings, "client secret"), Verdict::Failed);
        assert_eq!(verdict(&findings, "redirect address"), Verdict::Warning);
    });
}

#[test]
fn another_issuer_no_keys_and_a_provider_that_is_down_fail() {
    on_both_with(&HERE, |h| async move {
        let liar = Liar::start().await;
        h.upstream(THERE, oidc(&liar.issuer), Some(SECRET)).await;
        let callback = h.callback(THERE);
        liar.has_keys(&[]);
        let findings = tried(&h, &callback, 0).await;
        assert_eq!(verdict(&findings, "keys"), Verdict::Failed);
        // It says no time, and has no page.
        assert_eq!(verdict(&findings, "clock"), Verdict::Warning);
        assert_eq!(verdict(&findings, "redirect address"), Verdict::Failed);

        let mut document = liar.document();
        document["issuer"] = "https://another.example".into();
        liar.publishes(&document);
        let findings = tried(&h, &callback, 0).await;
        assert_eq!(verdict(&findings, "discovery"), Verdict::Failed);
        assert!(findings[0].said.contains("another.example"), "{findings:?}");
        assert_eq!(findings.len(), 1, "{findings:?}");

        liar.does(
            "/.well-known/openid-configuration",
            Does::Says(502, String::new()),
        );
        let findings = tried(&h, &callback, 0).await;
        assert_eq!(verdict(&findings, "discovery"), Verdict::Failed);
    });
}

#[test]
fn what_is_inside_the_network_is_not_reached() {
    on_both(async |h| {
        h.upstream(THERE, oidc("http://127.0.0.1:9"), Some(SECRET))
            .await;
        let findings = tried(&h, &h.callback(THERE), 0).await;
        assert_eq!(verdict(&findings, "discovery"), Verdict::Failed);
        assert!(findings[0].said.contains("not public"), "{findings:?}");
    });
}
