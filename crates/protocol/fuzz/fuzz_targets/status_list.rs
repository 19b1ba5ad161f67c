//! An API's status lists: whatever lies at their address, a token passes only by a list of its issuer that says it is good.
#![no_main]
use std::sync::{Arc, LazyLock};

use latchkey_jose::{Signer, SigningKey};
use latchkey_protocol::status::{StatusList, StatusListClaims, Width, deflate, inflate};
use latchkey_resource_server::{Clock, Fetch, FetchError, Timestamp, Verifier};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const ISSUER: &str = "https://id.example";
const LIST: &str = "https://id.example/status-lists/1";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const IDX: u64 = 70;
const MOST: usize = 1 << 20;

struct World {
    runtime: Runtime,
    signer: Signer,
    keys: Vec<u8>,
    token: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::from_pem(include_str!("../key.pem")).expect("key");
    let signer = Signer::new(&key).expect("signer");
    let claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": "api", "exp": NOW + 60, "iat": NOW, "jti": "j", "client_id": "c",
        "status": { "status_list": { "idx": IDX, "uri": LIST } },
    });
    World {
        runtime: Builder::new_current_thread().enable_time().build().expect("runtime"),
        token: signer.sign("at+jwt", &claims).expect("token"),
        keys: json!({ "keys": [key.public()] }).to_string().into_bytes(),
        signer,
    }
});

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Answers the keys, and for all else the list.
struct Documents(Vec<u8>);

#[async_trait::async_trait]
impl Fetch for Documents {
    async fn fetch(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, FetchError> {
        let is_keys = request.uri().path() == "/jwks";
        let body = if is_keys { &WORLD.keys } else { &self.0 };
        Ok(http::Response::new(body.clone()))
    }
}

/// Whether the token passes by this list.
fn passes(list: impl Into<Vec<u8>>) -> bool {
    let builder = Verifier::for_api(ISSUER, "api")
        .http(Documents(list.into()))
        .jwks_uri("https://id.example/jwks")
        .clock(Arc::new(Standing));
    WORLD.runtime.block_on(async {
        let api = builder.start().await.expect("verifier");
        api.verify(&WORLD.token).await.is_ok()
    })
}

fn signed(claims: &Value) -> String {
    WORLD.signer.sign("statuslist+jwt", claims).expect("list")
}

fn list_of(bits: u8, lst: &str) -> Value {
    json!({ "iss": ISSUER, "sub": LIST, "iat": NOW, "exp": NOW + 60, "status_list": { "bits": bits, "lst": lst } })
}

/// What the claims of a signed list say of the token.
fn is_good(claims: &StatusListClaims) -> bool {
    let list = StatusList::read(claims.status_list.bits, &claims.status_list.lst, MOST);
    claims.iss.as_deref() == Some(ISSUER)
        && claims.sub == LIST
        && claims.iat - 60 <= NOW
        && NOW < claims.exp.unwrap_or(claims.iat + 3600)
        && list.is_ok_and(|list| list.get(IDX) == Some(0))
}

fuzz_target!(|data: &[u8]| {
    assert!(!passes(data));
    // What is compressed is inflated again, with a bound.
    assert_eq!(inflate(&deflate(data), data.len()).as_deref(), Ok(data));
    assert!(data.is_empty() || inflate(&deflate(data), data.len() - 1).is_err());

    // Signed by the issuer, and any JSON.
    if let Ok(claims) = serde_json::from_slice::<Value>(data) {
        let read = serde_json::from_value(claims.clone()).is_ok_and(|claims| is_good(&claims));
        assert_eq!(passes(signed(&claims)), read);
    }
    // Signed by the issuer, with any bits, and with any stream of them.
    let bits = [1, 2, 4, 8][usize::from(data.first().copied().unwrap_or(0) % 4)];
    let width = Width::of(u64::from(bits)).expect("width");
    let list = StatusList::of_bytes(width, data.to_vec());
    assert_eq!(passes(signed(&list_of(bits, &list.lst()))), list.get(IDX) == Some(0));
    let lst = base64(data);
    let read = StatusList::read(u64::from(bits), &lst, MOST).is_ok_and(|list| list.get(IDX) == Some(0));
    assert_eq!(passes(signed(&list_of(bits, &lst))), read);
});

fn base64(bytes: &[u8]) -> String {
    use ::base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}
