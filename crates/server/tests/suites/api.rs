//! The administration API: whom it lets in, what it does, and what it says.

mod assignment;
mod bodies;
mod clients;
mod conditions;
mod deliveries;
mod documents;
mod door;
mod idempotency;
mod lists;
mod nodes;
mod overview;
mod records;
mod upstreams;
mod users;

use serde_json::{Value, json};

use crate::support::*;

/// A client that may get tokens for the API, with these scopes.
pub async fn register(h: &Harness, id: &str, scope: &str) {
    h.client(json!({
        "client_id": id, "client_secret": SECRET, "grant_types": ["client_credentials"], "scope": scope,
    }))
    .await;
}

/// A token that a client gets for itself.
pub async fn token_of(h: &Harness, id: &str, scope: &str) -> Answer {
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    let request = plain().post(h.at("/token")).form(&form);
    answer(request.header("Authorization", basic(id, SECRET))).await
}

/// A caller with a token.
pub struct Ops<'a> {
    h: &'a Harness,
    pub token: String,
}

/// A client with these scopes, and a token of it.
pub async fn ops<'a>(h: &'a Harness, id: &str, scope: &str) -> Ops<'a> {
    register(h, id, scope).await;
    let got = token_of(h, id, scope).await;
    assert_eq!(got.status, 200, "{got:?}");
    let token = got.json["access_token"].as_str().unwrap().to_owned();
    Ops { h, token }
}

/// With the scope that may do everything.
pub async fn administrator(h: &Harness) -> Ops<'_> {
    ops(h, "ops", "latchkey.write").await
}

impl Ops<'_> {
    /// The same client with a new token.
    pub async fn again(&self) -> Self {
        let h = self.h;
        let said = claims(&json!(self.token));
        let (id, scope) = (said["client_id"].as_str(), said["scope"].as_str());
        let got = token_of(h, id.unwrap(), scope.unwrap()).await;
        let token = got.json["access_token"].as_str().unwrap().to_owned();
        Self { h, token }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let at = self.h.at(&format!("/admin/api/v1{path}"));
        let request = plain().request(method.parse().unwrap(), at);
        request.bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request("POST", path).json(&body)).await
    }

    /// Without a body.
    pub async fn act(&self, path: &str) -> Answer {
        answer(self.request("POST", path)).await
    }

    /// A change of a record as it was read.
    pub async fn write(&self, method: &str, path: &str, etag: &str, body: Value) -> Answer {
        answer(
            self.request(method, path)
                .header("If-Match", etag)
                .json(&body),
        )
        .await
    }

    pub async fn delete(&self, path: &str, etag: &str) -> Answer {
        answer(self.request("DELETE", path).header("If-Match", etag)).await
    }
}

/// That the answer is a problem of this kind, and nothing else.
#[track_caller]
pub fn is_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, "application/problem+json"),
        "{answer:?}"
    );
    assert_eq!(answer.json["code"], code, "{answer:?}");
    assert_eq!(answer.json["status"], status);
    let kind = answer.json["type"].as_str().unwrap();
    assert!(kind.ends_with(&format!("/admin/api#{code}")), "{kind}");
    assert!(!answer.json["title"].as_str().unwrap().is_empty());
    assert_eq!(answer.json["request_id"], answer.header("x-request-id"));
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// The members or parameters that a problem names.
pub fn named(answer: &Answer) -> Vec<&str> {
    let errors = answer.json["errors"].as_array().into_iter().flatten();
    errors
        .map(|error| error["field"].as_str().unwrap())
        .collect()
}
