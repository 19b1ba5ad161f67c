//! A provider that says whatever a test wants it to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use latchkey_jose::{Algorithm, Signer, SigningKey};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What an address does.
#[derive(Clone)]
pub enum Does {
    Says(u16, String),
    Nothing,
    /// White space, for ever.
    Dribbles,
    /// So many bytes.
    Floods(usize),
}

#[derive(Default)]
struct State {
    pages: HashMap<String, Does>,
    asked: Vec<(String, String)>,
}

#[derive(Clone)]
pub struct Liar {
    pub issuer: String,
    pub key: Arc<SigningKey>,
    state: Arc<Mutex<State>>,
}

impl Liar {
    /// An honest one, until it is told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = Arc::new(key(Algorithm::Es256));
        let liar = Self {
            issuer,
            key,
            state: Arc::default(),
        };
        liar.publishes(&liar.document());
        liar.has_keys(&[&liar.key]);
        let at = liar.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let at = at.clone();
                tokio::spawn(async move { at.answer(stream).await.ok() });
            }
        });
        liar
    }

    pub fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"), "userinfo_endpoint": at("/userinfo"),
        })
    }

    pub fn publishes(&self, document: &Value) {
        let text = document.to_string();
        self.does("/.well-known/openid-configuration", Does::Says(200, text));
    }

    pub fn has_keys(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public()).collect();
        self.does("/keys", Does::Says(200, json!({"keys": keys}).to_string()));
    }

    pub fn does(&self, path: &str, what: Does) {
        let mut state = self.state.lock().unwrap();
        state.pages.insert(path.into(), what);
    }

    /// The bodies that came to an address.
    pub fn asked(&self, path: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let at = state.asked.iter().filter(|(asked, _)| asked == path);
        at.map(|(_, body)| body.clone()).collect()
    }

    /// What every code is exchanged for.
    pub fn gives(&self, id_token: &str) {
        let answer = json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token});
        self.does("/token", Does::Says(200, answer.to_string()));
    }

    pub fn sign(&self, claims: &Value) -> String {
        let signer = Signer::new(&self.key).unwrap();
        signer.sign("JWT", claims).unwrap()
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        let (path, body) = loop {
            let length = stream.read(&mut buffer).await?;
            read.extend_from_slice(&buffer[..length]);
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let wanted = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.parse().unwrap())
            });
            if body.len() >= wanted.unwrap_or(0) {
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                break (path, body.to_owned());
            }
        };
        let does = {
            let mut state = self.state.lock().unwrap();
            state.asked.push((path.clone(), body));
            state.pages.get(&path).cloned()
        };
        let head = "Content-Type: application/json\r\nConnection: close\r\n";
        match does.unwrap_or(Does::Says(404, "{}".into())) {
            Does::Says(status, text) => {
                let length = text.len();
                let answer =
                    format!("HTTP/1.1 {status} X\r\n{head}Content-Length: {length}\r\n\r\n{text}");
                stream.write_all(answer.as_bytes()).await
            }
            Does::Nothing => std::future::pending().await,
            Does::Dribbles => {
                let begin = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
                stream.write_all(begin.as_bytes()).await?;
                loop {
                    stream.write_all(b" ").await?;
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
            Does::Floods(bytes) => {
                let begin = format!("HTTP/1.1 200 OK\r\n{head}\r\n");
                stream.write_all(begin.as_bytes()).await?;
                for _ in 0..bytes / 4096 {
                    stream.write_all(&[b' '; 4096]).await?;
                }
                Ok(())
            }
        }
    }
}

pub fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate_for(algorithm, &mut rand::rngs::OsRng).unwrap()
}
