//! How to connect: the settings of the usual libraries with the values of one client filled in. What each setting is called
//! stands in `docs/connect`, whose pages run in CI; a test holds the names here against those pages.

mod others;
#[cfg(test)]
mod tests;
mod web;

use latchkey_protocol::{
    client::{ApplicationType, Client, GrantType, RefreshPolicy},
    uri,
};

use others::*;
use web::*;

/// Where a value is a secret, which nobody can read any more.
const SECRET: &str = "<client_secret>";

/// A library, and what is typed into its settings.
pub struct Recipe {
    /// The library.
    pub product: &'static str,
    /// Its page in `docs/connect`, without the ending; empty where there is none.
    pub page: &'static str,
    /// The file, or the language.
    pub file: &'static str,
    pub text: String,
    /// The redirect URI that it returns to, if the client has not registered it.
    pub missing_redirect: Option<String>,
}

/// The values of a client, each as a JSON text: what JavaScript, Python, Go, Java, TOML and YAML read alike.
struct Values<'a> {
    client: &'a Client,
    issuer: &'a str,
    /// Scheme, host and port of the app.
    origin: String,
    redirect: String,
    scope: String,
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'a> Values<'a> {
    fn of(client: &'a Client, issuer: &'a str) -> Self {
        let redirect = client.metadata.redirect_uris.first();
        let redirect = redirect.map_or("https://app.example.com/callback", String::as_str);
        Self {
            client,
            issuer,
            origin: uri::origin(redirect).unwrap_or_default(),
            redirect: redirect.to_owned(),
            scope: scope(client),
        }
    }

    fn id(&self) -> String {
        quoted(&self.client.id)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }

    /// The scopes as a list in the syntax of a language.
    fn scopes(&self, open: &str, close: &str) -> String {
        let scopes: Vec<_> = self.scope.split(' ').map(quoted).collect();
        format!("{open}{}{close}", scopes.join(", "))
    }

    /// The API that access tokens are for.
    fn audience(&self) -> String {
        let first = self.client.metadata.audience.first();
        quoted(first.map_or(self.issuer, String::as_str))
    }

    /// Nothing, where the client registered the address at this path of its origin.
    fn missing(&self, path: &str) -> Option<String> {
        let needed = format!("{}{path}", self.origin);
        let registered = &self.client.metadata.redirect_uris;
        (!registered.contains(&needed)).then_some(needed)
    }
}

/// What most apps ask for, of what this one may have; nothing where no user signs in to it.
pub fn scope(client: &Client) -> String {
    if !client.may(GrantType::AuthorizationCode) {
        return String::new();
    }
    let mut scopes = vec!["openid", "profile", "email"];
    let offline = client.metadata.refresh == RefreshPolicy::OfflineAccess;
    if offline && client.may(GrantType::RefreshToken) {
        scopes.push("offline_access");
    }
    scopes.retain(|scope| client.knows_scope(scope));
    scopes.join(" ")
}

/// The libraries that fit what the client is.
pub fn recipes(client: &Client, issuer: &str) -> Vec<Recipe> {
    let v = Values::of(client, issuer);
    if client.may(GrantType::AuthorizationCode) {
        return match (client.metadata.application_type, client.is_public()) {
            (ApplicationType::Native, _) => {
                vec![app_auth_android(&v), app_auth_ios(&v), app_auth_node(&v)]
            }
            (ApplicationType::Web, true) => vec![oidc_client_ts(&v), jose(&v), pyjwt(&v)],
            (ApplicationType::Web, false) => vec![
                openid_client(&v),
                express(&v),
                auth_js(&v),
                spring(&v),
                authlib(&v),
                django(&v),
                go(&v),
                oauth2_proxy(&v),
                apache(&v),
            ],
        };
    }
    match client.may(GrantType::ClientCredentials) {
        true => vec![curl_token(&v), jose(&v), pyjwt(&v), spring_api(&v)],
        false => vec![curl_introspect(&v)],
    }
}

fn recipe(product: &'static str, page: &'static str, file: &'static str, text: String) -> Recipe {
    Recipe {
        product,
        page,
        file,
        text,
        missing_redirect: None,
    }
}
