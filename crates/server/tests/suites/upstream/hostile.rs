//! Providers that are slow, endless or huge, and discovery documents that point inside.

use std::time::{Duration, Instant};

use super::{
    super::support::*,
    attacks::{back, liar, refused},
    liar::{Does, Liar},
    *,
};

#[test]
fn a_provider_that_is_slow_endless_or_huge_holds_nobody_up() {
    on_both_with(&HERE, |h| async move {
        let liar = liar(&h).await;
        let never = [
            (Does::Nothing, "UpstreamUnreachable"),
            (Does::Dribbles, "UpstreamUnreachable"),
            (Does::Floods(100 << 20), "UpstreamAnswerUnfit"),
            (Does::Says(200, "{".into()), "UpstreamAnswerUnfit"),
            (Does::Says(200, "[]".into()), "UpstreamAnswerUnfit"),
            (Does::Says(200, "{}".into()), "UpstreamTokenUnfit"),
            (Does::Says(500, "{}".into()), "UpstreamUnreachable"),
            (Does::Says(429, "{}".into()), "UpstreamUnreachable"),
            (Does::Says(302, String::new()), "UpstreamUnreachable"),
            (
                Does::Says(400, r#"{"error":"invalid_grant"}"#.into()),
                "UpstreamRefused",
            ),
            (
                Does::Says(200, r#"{"error":"bad_verification_code"}"#.into()),
                "UpstreamRefused",
            ),
        ];
        for (does, reason) in never {
            let browser = h.visitor();
            let away = browser.led("liar", &[]).await;
            liar.does("/token", does);
            let begun = Instant::now();
            let at = back(&h, "liar", &away);
            let (answer, _) = tokio::join!(refused(&h, &browser, &at), async {
                let other = h.visitor();
                let begun = Instant::now();
                let (_, page) = other.page(other.begin(&[]).await).await;
                assert_eq!(page.status, 200);
                assert!(
                    begun.elapsed() < Duration::from_secs(4),
                    "{:?}",
                    begun.elapsed()
                );
            });
            assert_eq!(answer, reason);
            assert!(begun.elapsed() < Duration::from_secs(12));
        }
    });
}

#[test]
fn a_discovery_document_leads_nowhere_inside() {
    on_both_with(&HERE, |h| async move {
        for (member, to, reason) in [
            (
                "jwks_uri",
                "http://169.254.169.254/latest",
                "UpstreamAnswerUnfit",
            ),
            (
                "jwks_uri",
                "https://169.254.169.254/latest",
                "UpstreamUnreachable",
            ),
            ("jwks_uri", "https://[::1]/keys", "UpstreamUnreachable"),
            ("jwks_uri", "file:///etc/passwd", "UpstreamAnswerUnfit"),
            (
                "token_endpoint",
                "http://10.0.0.1/token",
                "UpstreamAnswerUnfit",
            ),
            (
                "authorization_endpoint",
                "javascript:alert(1)",
                "UpstreamAnswerUnfit",
            ),
            (
                "issuer",
                "https://accounts.google.com",
                "UpstreamAnswerUnfit",
            ),
        ] {
            let liar = Liar::start().await;
            let name = liar.issuer.rsplit(':').next().unwrap().to_owned();
            h.upstream(&name, oidc(&liar.issuer), Some("s")).await;
            let mut document = liar.document();
            document[member] = to.into();
            liar.publishes(&document);
            let browser = h.visitor();
            let (at, login) = browser.page(browser.begin(&[]).await).await;
            let at = link(&at, &login.text, &name);
            assert_eq!(refused(&h, &browser, &at).await, reason, "{member} {to}");
        }
    });
}
