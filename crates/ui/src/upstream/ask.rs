//! What another provider says of whoever came back with a code: its ID token, its UserInfo endpoint, its profile.

use latchkey_protocol::{
    Digest, Reason, Timestamp,
    error::Refusal,
    kind,
    upstream::{ClaimMapping, TENANT, Upstream, UpstreamProtocol},
};
use serde_json::{Map, Value};

use super::{
    Discovered, Trouble, Upstreams, http,
    id_token::{Expected, Unfit, verify},
    refusal,
    token::{Exchange, Tokens},
};
use crate::failure::Failure;

/// Claims that the ID token alone may say.
const OF_ID_TOKEN: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "azp",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "tid",
];

/// What is asked about.
pub struct Question<'a> {
    /// The provider.
    pub upstream: &'a Upstream,
    /// What was found of it, where it speaks OpenID Connect.
    pub discovered: Option<&'a Discovered>,
    /// The code that came back.
    pub code: &'a str,
    /// The state that came with it.
    pub state: &'a str,
    /// Where it came back to.
    pub redirect_uri: &'a str,
    /// The PKCE verifier.
    pub verifier: &'a str,
    /// What was sent as `nonce`.
    pub nonce: &'a Digest<kind::UpstreamNonce>,
    /// Since when the user must have proven who they are.
    pub signed_in_since: Option<Timestamp>,
    /// The moment it is judged at.
    pub now: Timestamp,
}

/// The claims, verified.
pub async fn ask(
    upstreams: &Upstreams,
    question: &Question<'_>,
) -> Result<Map<String, Value>, Failure> {
    match (question.discovered, &question.upstream.settings.protocol) {
        (Some(discovered), _) => of_oidc(upstreams, question, discovered).await,
        (None, protocol) => of_oauth2(upstreams, question, protocol).await,
    }
}

async fn exchange(
    upstreams: &Upstreams,
    question: &Question<'_>,
    endpoint: &str,
) -> Result<Tokens, Failure> {
    let upstream = question.upstream;
    let secret = upstreams.secrets.client_secret(upstream, question.now);
    let secret = secret.map_err(Failure::broken)?;
    let exchange = Exchange {
        endpoint,
        client_id: &upstream.settings.client_id,
        auth: &upstream.settings.client_auth,
        secret: secret.as_deref(),
        code: question.code,
        redirect_uri: question.redirect_uri,
        verifier: (upstream.settings.protocol.takes_challenge()).then_some(question.verifier),
        state: question.state,
    };
    let made = exchange.make(&*upstreams.outbound).await;
    Ok(made.map_err(|trouble| refusal(upstream, &trouble))?)
}

/// OpenID Connect Core 3.1.3 and 5.3.
async fn of_oidc(
    upstreams: &Upstreams,
    question: &Question<'_>,
    discovered: &Discovered,
) -> Result<Map<String, Value>, Failure> {
    let metadata = &discovered.metadata;
    let tokens = exchange(upstreams, question, &metadata.token_endpoint).await?;
    let unfit = |said: &str| Reason::UpstreamTokenUnfit.because("an ID token that holds", said);
    let token = tokens.id_token.as_deref().ok_or_else(|| unfit("none"))?;
    let mut claims = verified(upstreams, question, discovered, token).await?;
    // A provider without a UserInfo endpoint says in the ID token all that it says.
    if let Some(endpoint) = &metadata.userinfo_endpoint
        && question.upstream.settings.userinfo
    {
        let Some(access) = &tokens.access_token else {
            let expected = "an access token for the UserInfo endpoint";
            return Err(Reason::UpstreamAnswerUnfit.because(expected, "none").into());
        };
        let answered = http::get(&*upstreams.outbound, endpoint, Some(access)).await;
        let info = answered.map_err(|trouble| refusal(question.upstream, &trouble))?;
        // The same user, or the access token is another's (Core 5.3.2).
        if info.object.get("sub") != claims.get("sub") {
            let expected = "the sub of the ID token in the UserInfo answer";
            return Err(Reason::UpstreamAnswerUnfit
                .because(expected, "another")
                .into());
        }
        add(
            &question.upstream.settings.mapping,
            &mut claims,
            info.object,
        );
    }
    Ok(claims)
}

/// Adds what UserInfo says. An address and the flag that it is verified are of one document: that of the address.
fn add(mapping: &ClaimMapping, claims: &mut Map<String, Value>, info: Map<String, Value>) {
    let address = mapping.email.as_deref().and_then(first);
    let flags: Vec<String> = mapping
        .email_verified
        .iter()
        .filter_map(|flag| first(flag))
        .collect();
    let is_flag = |name: &String| flags.contains(name) && Some(name) != address.as_ref();
    let has_address = address
        .as_ref()
        .is_some_and(|address| info.contains_key(address));
    if has_address {
        claims.retain(|name, _| !is_flag(name));
    }
    let is_added =
        |name: &String| !OF_ID_TOKEN.contains(&name.as_str()) && (has_address || !is_flag(name));
    claims.extend(info.into_iter().filter(|(name, _)| is_added(name)));
}

/// The member that a pointer leads into.
fn first(pointer: &str) -> Option<String> {
    let mut members = pointer.trim_start_matches('/').split('/');
    members.next().map(str::to_owned)
}

/// Verifies the ID token, with keys that are fetched anew where it was signed with one that is not known.
async fn verified(
    upstreams: &Upstreams,
    question: &Question<'_>,
    discovered: &Discovered,
    token: &str,
) -> Result<Map<String, Value>, Failure> {
    let upstream = question.upstream;
    let is_issuer =
        |issuer: &str, claims: &Map<String, Value>| of_upstream(upstream, issuer, claims);
    let expected = Expected {
        is_issuer: &is_issuer,
        client_id: &upstream.settings.client_id,
        nonce: question.nonce,
        signed_in_since: question.signed_in_since,
        now: question.now,
    };
    let mut judged = verify(token, &discovered.keys, &expected);
    if judged == Err(Unfit::UnknownKey) {
        let (outbound, directory) = (&*upstreams.outbound, &upstreams.directory);
        let newer = directory
            .newer_keys(outbound, discovered, question.now)
            .await;
        if let Some(newer) = newer.map_err(|trouble| refusal(upstream, &trouble))? {
            judged = verify(token, &newer.keys, &expected);
        }
    }
    judged.map_err(|unfit| unfit_token(unfit).into())
}

fn unfit_token(unfit: Unfit) -> Refusal {
    let wanted = "an ID token that holds";
    match unfit {
        Unfit::NotFresh => {
            let expected = "that the user proved who they are just now (auth_time)";
            Reason::UpstreamNotFresh.because(expected, "not, or nothing said of it")
        }
        Unfit::UnknownKey => {
            let received = "signed with no key that is published";
            Reason::UpstreamTokenUnfit.because(wanted, received)
        }
        Unfit::Wrong(said) => Reason::UpstreamTokenUnfit.because(wanted, said),
    }
}

/// Whether an ID token of this issuer is one of the upstream: of many tenants, the one that it names in `tid` too.
fn of_upstream(upstream: &Upstream, issuer: &str, claims: &Map<String, Value>) -> bool {
    let protocol = &upstream.settings.protocol;
    let tenant = claims
        .get("tid")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let own = protocol.issuer();
    let is_tenants = !own.contains(TENANT) || own.replacen(TENANT, tenant, 1) == issuer;
    protocol.issues_as(issuer) && is_tenants
}

/// The profile of a provider that knows no ID tokens.
async fn of_oauth2(
    upstreams: &Upstreams,
    question: &Question<'_>,
    protocol: &UpstreamProtocol,
) -> Result<Map<String, Value>, Failure> {
    let UpstreamProtocol::Oauth2 {
        token_endpoint,
        userinfo_endpoint,
        emails_endpoint,
        ..
    } = protocol
    else {
        return Err(Reason::UpstreamChanged.into());
    };
    let upstream = question.upstream;
    let refused = |trouble: Trouble| refusal(upstream, &trouble);
    let tokens = exchange(upstreams, question, token_endpoint).await?;
    let Some(access) = tokens.access_token else {
        return Err(refused(Trouble::Garbled("no access token".into())).into());
    };
    let outbound = &*upstreams.outbound;
    let profile = http::get(outbound, userinfo_endpoint, Some(&access)).await;
    let mut claims = profile.map_err(refused)?.object;
    // Of an ID token alone, which there is none of.
    claims.retain(|name, _| !OF_ID_TOKEN.contains(&name.as_str()) || name == "sub");
    if let Some(endpoint) = emails_endpoint {
        claims.remove("email");
        claims.remove("email_verified");
        match http::get_list(outbound, endpoint, &access).await {
            Ok(list) => claims.extend(primary(&list)),
            // The user did not allow it.
            Err(Trouble::Failing(403 | 404)) => {}
            Err(trouble) => return Err(refused(trouble).into()),
        }
    }
    Ok(claims)
}

/// The primary address of a list, and whether it is verified.
fn primary(list: &[Value]) -> Vec<(String, Value)> {
    let is_primary = |entry: &&Value| entry.get("primary") == Some(&Value::Bool(true));
    let Some(entry) = list.iter().find(is_primary) else {
        return Vec::new();
    };
    let said = |name: &str| entry.get(name).cloned().unwrap_or_default();
    vec![
        ("email".into(), said("email")),
        ("email_verified".into(), said("verified")),
    ]
}
