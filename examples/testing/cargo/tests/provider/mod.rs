//! The provider of the tests: `latchkey dev` on a free port.
use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// One that runs until it is dropped.
pub struct Provider {
    child: Child,
    http: Client,
    /// Where everything is, and who may sign in.
    pub told: Value,
}

impl Provider {
    pub fn start() -> Self {
        let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seed.json");
        let child = Command::new(program())
            .args(["dev", "--port", "0", "--no-demo", "--seed"])
            .arg(seed)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("latchkey is found");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        Self {
            child,
            http: Client::builder().no_proxy().build().expect("a client"),
            told: serde_json::from_str(&line).expect("standard error says why it did not start"),
        }
    }

    pub async fn call(&self, method: Method, name: &str, asked: Value) -> Value {
        let address = self.told["dev"][name].as_str().expect("an address");
        let answer = self.http.request(method, address).json(&asked).send().await;
        let answer = answer.expect("an answer");
        let status = answer.status();
        let said: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{said}");
        said
    }

    /// Where the provider sends the browser back to.
    pub async fn sign_in(&self, username: &str, request: &str) -> String {
        let asked = json!({ "username": username, "authorization_request": request });
        let said = self.call(Method::POST, "sign_in", asked).await;
        said["redirect_to"].as_str().expect("an address").to_owned()
    }

    pub async fn advance(&self, time: &str) {
        self.call(Method::POST, "clock", json!({ "advance": time }))
            .await;
    }

    pub async fn fail(&self, fault: Value) {
        self.call(Method::POST, "faults", fault).await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// `LATCHKEY`; else one that was built beside this test, as in its own repository; else the one on the path.
fn program() -> PathBuf {
    let built = || {
        Some(
            env::current_exe()
                .ok()?
                .parent()?
                .parent()?
                .join("latchkey"),
        )
    };
    let named = env::var_os("LATCHKEY").map(PathBuf::from);
    let found = named.or_else(|| built().filter(|file| file.is_file()));
    found.unwrap_or_else(|| "latchkey".into())
}
