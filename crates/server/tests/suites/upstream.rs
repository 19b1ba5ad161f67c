//! Signing in at other providers: a second Latchkey, and providers that lie.

mod attacks;
mod checkup;
mod ended_there;
mod hostile;
mod liar;
mod published;
mod second_latchkey;
mod stand_ins;

use latchkey_protocol::{
    Timestamp,
    store::UpstreamWrite,
    upstream::{Upstream, UpstreamName, UpstreamSettings, check_settings},
};
use serde_json::{Value, json};

use super::support::*;

/// A provider of these tests is at home on a loopback address.
pub const HERE: [(&str, &str); 1] = [("LATCHKEY_OUTBOUND__ALLOW", "127.0.0.1")];
pub const THERE: &str = "other";

impl Harness {
    /// Adds an upstream as an administrator would.
    pub async fn upstream(&self, name: &str, settings: Value, secret: Option<&str>) {
        let settings: UpstreamSettings = serde_json::from_value(settings).unwrap();
        assert_eq!(check_settings(&settings), []);
        let secrets = &self.app.ui.upstreams.secrets;
        let sealed_secret = secret.map(|secret| secrets.seal_secret(secret).unwrap());
        let upstream = Upstream {
            name: UpstreamName::parse(name).unwrap(),
            settings,
            sealed_secret,
            disabled_at: None,
            created_at: Timestamp::from_seconds(START),
            updated_at: Timestamp::from_seconds(START),
            version: 0,
        };
        let written = self.store.create_upstream(&upstream).await;
        assert_eq!(written.unwrap(), UpstreamWrite::Done);
    }

    /// A browser that gets nowhere by a password.
    pub fn visitor(&self) -> Browser {
        let browser = self.browser();
        browser.act_as("nobody", "nothing");
        browser
    }

    pub fn callback(&self, name: &str) -> String {
        self.at(&format!("/login/upstream/{name}/callback"))
    }
}

/// Settings of an OpenID provider with this issuer.
pub fn oidc(issuer: &str) -> Value {
    json!({
        "title": "The Other", "client_id": "here", "userinfo": true,
        "protocol": {"kind": "oidc", "issuer": issuer},
        "trust": {"email": "all", "create": true, "link": "with_proof"},
    })
}

impl Browser {
    /// From the app to the login page, and from there to the provider: the address that the browser is sent to.
    pub async fn led(&self, upstream: &str, extra: &[(&str, &str)]) -> String {
        let (at, login) = self.page(self.begin(extra).await).await;
        let away = self.get(&link(&at, &login.text, upstream)).await;
        assert_eq!(away.status, 303, "{}", away.text);
        away.header("location").to_owned()
    }
}

/// Where the button of an upstream leads, on the page at an address.
pub fn link(at: &str, page: &str, upstream: &str) -> String {
    let button = page.find(&format!("id=\"upstream-{upstream}\""));
    let address = page[button.expect("a button")..].split("href=\"").nth(1);
    let address = address.unwrap().split('"').next().unwrap();
    let page = url::Url::parse(at).unwrap();
    page.join(address).unwrap().into()
}

/// What the query of an address says.
pub fn said(address: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(address).unwrap();
    let found = url.query_pairs().find(|(known, _)| known == name);
    found.map(|(_, value)| value.into_owned())
}
