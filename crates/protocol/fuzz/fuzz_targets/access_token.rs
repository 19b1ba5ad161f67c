//! An API's verifier: nothing passes that was not signed for it, whatever is sent; what was signed passes with what it says.
#![no_main]
use std::sync::{Arc, LazyLock};

use latchkey_jose::{Signer, SigningKey};
use latchkey_resource_server::{Clock, Fetch, FetchError, Timestamp, Verifier, bearer};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
const NOW: i64 = 1_800_000_000;

struct World {
    runtime: Runtime,
    api: Verifier,
    signer: Signer,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::from_pem(include_str!("../key.pem")).expect("key");
    let keys = serde_json::json!({ "keys": [key.public()] });
    let runtime = Builder::new_current_thread().enable_time().build().expect("runtime");
    let builder = Verifier::for_api(ISSUER, API)
        .http(Documents(keys.to_string().into_bytes()))
        .jwks_uri("https://id.example/jwks")
        // Unknown keys are answered at once: the keys were fetched a moment ago.
        .refetch_pause(std::time::Duration::MAX)
        .clock(Arc::new(Standing));
    let api = runtime.block_on(builder.start()).expect("verifier");
    let signer = Signer::new(&key).expect("signer");
    World { runtime, api, signer }
});

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(NOW)
    }
}

struct Documents(Vec<u8>);

#[async_trait::async_trait]
impl Fetch for Documents {
    async fn fetch(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, FetchError> {
        Ok(http::Response::new(self.0.clone()))
    }
}

fuzz_target!(|data: &[u8]| {
    let World { runtime, api, signer } = &*WORLD;
    let verify = |token: &str| runtime.block_on(api.verify(token));
    let _ = bearer([data]);
    let text = String::from_utf8_lossy(data);
    assert!(verify(&text).is_err());

    // Any header over claims that would be good.
    let claims = serde_json::json!({
        "iss": ISSUER, "sub": text, "aud": API, "exp": NOW + 60, "iat": NOW, "jti": "j", "client_id": "c",
    });
    let good = signer.sign("at+jwt", &claims).expect("token");
    let (header, rest) = good.split_once('.').expect("parts");
    let (payload, signature) = rest.split_once('.').expect("parts");
    for changed in [
        format!("{}.{rest}", base64(data)),
        format!("{header}.{}.{signature}", base64(data)),
        format!("{header}.{payload}.{}", base64(data)),
    ] {
        assert!(changed == good || verify(&changed).is_err());
    }

    // Signed by the issuer: accepted with what it says, or too long.
    match verify(&good) {
        Ok(token) => assert_eq!(token.sub, text),
        Err(_) => assert!(good.len() > 16 * 1024),
    }
    // Signed by the issuer, and any JSON.
    if let Ok(claims) = serde_json::from_slice::<serde_json::Value>(data) {
        let token = signer.sign("at+jwt", &claims).expect("token");
        if let Ok(read) = verify(&token) {
            assert!(read.iss == ISSUER && read.aud.iter().any(|one| one == API) && read.exp.as_seconds() > NOW);
        }
    }
});

fn base64(bytes: &[u8]) -> String {
    use ::base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}
