//! Whether a provider can be signed in at, tried without a user: each check says what it found, and what to do.

use std::{str::FromStr, time::UNIX_EPOCH};

use actix_web::http::header::HttpDate;
use latchkey_operations::UpstreamSecrets;
use latchkey_protocol::{
    Entropy, Outbound, Timestamp,
    upstream::{Upstream, UpstreamClientAuth, UpstreamProtocol},
};
use openidconnect::{JsonWebKey, core::CoreJsonWebKeyType};

use super::{
    discovery::{Discovered, discover},
    http::{self, Trouble},
    request::{self, Tied},
    token::Exchange,
};

/// How far the provider's clock may be ahead of ours, in seconds: tokens from further off are refused.
const AHEAD: i64 = 60;
/// What no user sends and no provider has made.
const NONSENSE: &str = "latchkey-upstream-test";

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Something to look at, or what cannot be known from here.
    Warning,
    /// Nobody can sign in there so.
    Failed,
}

impl Verdict {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// What was found, and what to do.
    pub said: String,
}

fn ok(check: &'static str, said: impl Into<String>) -> Finding {
    finding(check, Verdict::Ok, said)
}

fn warning(check: &'static str, said: impl Into<String>) -> Finding {
    finding(check, Verdict::Warning, said)
}

fn failed(check: &'static str, said: impl Into<String>) -> Finding {
    finding(check, Verdict::Failed, said)
}

fn finding(check: &'static str, verdict: Verdict, said: impl Into<String>) -> Finding {
    let said = said.into();
    Finding {
        check,
        verdict,
        said,
    }
}

/// What is tried, and with what.
pub struct Checkup<'a> {
    /// The provider.
    pub upstream: &'a Upstream,
    /// What calls it: within the bounds, and to the networks, that sign-ins have.
    pub outbound: &'a dyn Outbound,
    /// Our secret there.
    pub secrets: &'a UpstreamSecrets,
    /// What makes a state that nobody can know.
    pub entropy: &'a dyn Entropy,
    /// Where users come back to.
    pub redirect_uri: &'a str,
    /// The moment.
    pub now: Timestamp,
}

impl Checkup<'_> {
    /// All checks, in the order of a sign-in. Nothing that was kept is used, and nothing is kept.
    pub async fn make(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.upstream.is_enabled() {
            let fix = format!("latchkey upstream enable {}", self.upstream.name);
            let said = format!("it is disabled, and nobody is led there: {fix}");
            findings.push(warning("enabled", said));
        }
        let addresses = self.addresses(&mut findings).await;
        let secret = self.secrets.client_secret(self.upstream, self.now);
        findings.extend(self.opened(secret.is_ok()));
        if let Some((authorization, token)) = addresses {
            findings.push(self.redirect(&authorization).await);
            if let Ok(Some(secret)) = secret {
                findings.push(self.secret(&token, &secret).await);
            }
        }
        findings
    }

    /// The authorization and the token endpoint, published or declared.
    async fn addresses(&self, findings: &mut Vec<Finding>) -> Option<(String, String)> {
        let issuer = match &self.upstream.settings.protocol {
            UpstreamProtocol::Oidc { issuer, .. } => issuer,
            UpstreamProtocol::Oauth2 {
                authorization_endpoint: authorization,
                token_endpoint: token,
                ..
            } => return Some((authorization.clone(), token.clone())),
        };
        match discover(self.outbound, issuer, self.now).await {
            Err(trouble) => {
                findings.push(failed("discovery", undiscovered(&trouble)));
                None
            }
            Ok((found, _)) => Some(self.published(issuer, &found, findings)),
        }
    }

    fn published(
        &self,
        issuer: &str,
        found: &Discovered,
        findings: &mut Vec<Finding>,
    ) -> (String, String) {
        findings.push(ok("discovery", format!("{issuer} names itself")));
        findings.push(keys(found));
        findings.push(self.clock(found.date.as_deref()));
        let metadata = &found.metadata;
        (
            metadata.authorization_endpoint.clone(),
            metadata.token_endpoint.clone(),
        )
    }

    /// Whether there is a secret to send.
    fn opened(&self, is_ok: bool) -> Option<Finding> {
        const AGAIN: &str = "give it again with latchkey upstream update --secret-stdin";
        let auth = &self.upstream.settings.client_auth;
        match (
            matches!(auth, UpstreamClientAuth::SignedSecret { .. }),
            is_ok,
        ) {
            (true, true) => Some(ok("signing key", "it signs")),
            (true, false) => Some(failed("signing key", format!("it does not sign: {AGAIN}"))),
            (false, true) => None,
            (false, false) => Some(failed(
                "client secret",
                format!("the keys of this installation do not open it: {AGAIN}"),
            )),
        }
    }

    fn clock(&self, date: Option<&str>) -> Finding {
        let date = date.and_then(|date| HttpDate::from_str(date).ok());
        let since = date.and_then(|date| {
            let moment: std::time::SystemTime = date.into();
            moment.duration_since(UNIX_EPOCH).ok()
        });
        let theirs = since.and_then(|since| i64::try_from(since.as_secs()).ok());
        let Some(theirs) = theirs else {
            return warning(
                "clock",
                "its answers do not say what time it is there: it cannot be compared",
            );
        };
        let apart = theirs - self.now.as_seconds();
        let said = format!("its clock is {} seconds from ours", apart.abs());
        let fix = "set the clock of this machine (NTP), or tell the provider";
        // A document that somebody kept on the way is as old as it was then: one of the past says little.
        match apart {
            apart if apart.abs() <= AHEAD => ok("clock", said),
            i64::MIN..=0 => warning(
                "clock",
                format!("{said}, or its answer was kept on the way: {fix}"),
            ),
            _ => failed(
                "clock",
                format!("{said}, and its tokens are refused: {fix}"),
            ),
        }
    }

    /// The authorization request, as a browser would send it, without following where it leads.
    async fn redirect(&self, endpoint: &str) -> Finding {
        const CHECK: &str = "redirect address";
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        let state = bytes.iter().map(|byte| format!("{byte:02x}"));
        let state: String = state.collect();
        let settings = &self.upstream.settings;
        let tied = Tied {
            redirect_uri: self.redirect_uri.to_owned(),
            state: &state,
            nonce: &state,
            verifier: &state.repeat(2),
        };
        let sent = request::address(endpoint, settings, &request::pairs(settings, tied));
        let answer = http::look(self.outbound, &sent).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(trouble) => return failed(CHECK, format!("the sign-in page: {trouble}")),
        };
        match (answer.status, answer.location.as_deref()) {
            (300..400, Some(to)) if is_back(to, self.redirect_uri) => match said(to, "error") {
                Some(error) => failed(
                    CHECK,
                    format!(
                        "it knows the redirect address, and refuses the request: {}; compare client and scopes with those registered there",
                        http::plain(&error)
                    ),
                ),
                None => ok(CHECK, "it sends users back there"),
            },
            (300..400, Some(to)) => warning(
                CHECK,
                format!(
                    "it leads on to {}, its sign-in or an error: look there, once",
                    http::plain(to.split(['?', '#']).next().unwrap_or_default())
                ),
            ),
            (400..500, _) => failed(
                CHECK,
                format!(
                    "it refuses the request with the status {}: register {} there, exactly so, and compare the client_id",
                    answer.status, self.redirect_uri
                ),
            ),
            (200..300, _) => warning(
                CHECK,
                format!(
                    "it shows a page, which may be its sign-in or an error: look whether {} is registered there",
                    self.redirect_uri
                ),
            ),
            (status, _) => failed(CHECK, format!("it answered with the status {status}")),
        }
    }

    /// A code that is none: whoever is refused for it has been let in before.
    async fn secret(&self, endpoint: &str, secret: &str) -> Finding {
        const CHECK: &str = "client secret";
        let (settings, verifier) = (&self.upstream.settings, &*NONSENSE.repeat(2));
        let exchange = Exchange {
            endpoint,
            client_id: &settings.client_id,
            auth: &settings.client_auth,
            secret: Some(secret),
            code: NONSENSE,
            redirect_uri: self.redirect_uri,
            verifier: settings.protocol.takes_challenge().then_some(verifier),
            state: NONSENSE,
        };
        match exchange.make(self.outbound).await {
            // What the answer says of the secret is not shown.
            Err(Trouble::Refused(said)) => judged(&said.replace(secret, "***")),
            Err(trouble) => warning(
                CHECK,
                format!("the token endpoint: {trouble}; the secret is not tried"),
            ),
            Ok(_) => warning(
                CHECK,
                "the token endpoint takes a code that is none: this is no provider to trust",
            ),
        }
    }
}

fn judged(said: &str) -> Finding {
    const CHECK: &str = "client secret";
    match said.split(':').next().unwrap_or_default() {
        // The second is GitHub's word for it.
        "invalid_grant" | "bad_verification_code" => ok(
            CHECK,
            "a code that is none is refused, and the secret is not",
        ),
        "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => failed(
            CHECK,
            format!(
                "it is refused ({said}): give the right one with latchkey upstream update --secret-stdin"
            ),
        ),
        _ => warning(
            CHECK,
            format!("it cannot be known from the answer ({said}): sign in once to try it"),
        ),
    }
}

fn undiscovered(trouble: &Trouble) -> String {
    let fix = match trouble {
        Trouble::Unreachable(_) => {
            "look whether its address is right, and can be reached from here"
        }
        Trouble::Garbled(_) => "write the issuer as its document says it",
        _ => "try again later",
    };
    format!("{trouble}: {fix}")
}

/// Which of its keys can prove something.
fn keys(found: &Discovered) -> Finding {
    const CHECK: &str = "keys";
    let of = |kind: &CoreJsonWebKeyType| match kind {
        CoreJsonWebKeyType::RSA => "RSA",
        CoreJsonWebKeyType::EllipticCurve => "EC",
        CoreJsonWebKeyType::OctetKeyPair => "OKP",
        _ => "?",
    };
    let keys: Vec<_> = found
        .keys
        .set
        .keys()
        .iter()
        .map(|key| {
            let kid = key.key_id().map_or("without kid", |kid| kid.as_str());
            format!("{} ({})", http::plain(kid), of(key.key_type()))
        })
        .collect();
    match keys.is_empty() {
        true => failed(
            CHECK,
            "it publishes none that proves anything: RSA of 2048 bits, EC or OKP",
        ),
        false => ok(CHECK, keys.join(", ")),
    }
}

/// Whether an address is the redirect address, with a query.
fn is_back(to: &str, redirect_uri: &str) -> bool {
    to.strip_prefix(redirect_uri)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '#']))
}

fn said(address: &str, name: &str) -> Option<String> {
    let address = url::Url::parse(address).ok()?;
    let mut pairs = address.query_pairs();
    pairs.find_map(|(known, value)| (known == name).then(|| value.into_owned()))
}
