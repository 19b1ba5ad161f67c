//! A client's back-channel logout address, on a real socket, as kind or as hostile as a test wants it.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    Answers(u16),
    /// With a body.
    Says(u16, &'static str),
    AnswersLate(Duration),
    NeverAnswers,
    AnswersEndlessly,
    DribblesBody,
    Redirects(String),
}

/// A logout token that came, and when.
#[derive(Debug, Clone)]
pub struct Received {
    pub token: String,
    pub claims: Value,
    pub head: String,
    pub at: Instant,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    /// Requests under way, by session.
    under_way: HashMap<String, usize>,
    met: bool,
}

#[derive(Clone)]
pub struct Receiver {
    pub uri: String,
    behaviour: Arc<Mutex<Behaviour>>,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Listens on 127.0.0.`host`, so that receivers can have hosts of their own.
    pub async fn start(host: u8, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, host), 0));
        let listener = listener.await.unwrap();
        let receiver = Self {
            uri: format!("http://{}/out", listener.local_addr().unwrap()),
            behaviour: Arc::new(Mutex::new(behaviour)),
            state: Arc::default(),
        };
        let at = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let at = at.clone();
                // Whoever called may have gone.
                tokio::spawn(async move { at.answer(stream).await.ok() });
            }
        });
        receiver
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// Whether two requests about one session were ever under way at the same time.
    pub fn was_told_twice_at_once(&self) -> bool {
        self.state.lock().unwrap().met
    }

    /// The sessions that it was told of, in order.
    pub fn sessions(&self) -> Vec<String> {
        let sid = |one: Received| one.claims["sid"].as_str().unwrap().to_owned();
        let mut sessions: Vec<_> = self.received().into_iter().map(sid).collect();
        sessions.sort();
        sessions
    }

    /// Waits until so many have come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        for _ in 0..800 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{}: {} of {count} came", self.uri, self.received().len());
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some((head, body)) = request(&mut stream).await? else {
            return Ok(());
        };
        let (_, token) = body.split_once("logout_token=").unwrap();
        let claims = claims(token);
        let session = claims["sid"].as_str().unwrap().to_owned();
        {
            let mut state = self.state.lock().unwrap();
            let under_way = state.under_way.entry(session.clone()).or_default();
            *under_way += 1;
            let meets = *under_way > 1;
            state.met |= meets;
            state.received.push(Received {
                token: token.to_owned(),
                claims,
                head,
                at: Instant::now(),
            });
        }
        let behaviour = self.behaviour.lock().unwrap().clone();
        if let Behaviour::AnswersLate(late) = behaviour {
            tokio::time::sleep(late).await;
        }
        self.over(&session);
        behave(&mut stream, behaviour).await
    }
}

impl Receiver {
    fn over(&self, session: &str) {
        let mut state = self.state.lock().unwrap();
        *state.under_way.get_mut(session).unwrap() -= 1;
    }
}

/// Of a token that nobody has verified yet.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// Head and body; none of a connection that brings nothing.
async fn request(stream: &mut TcpStream) -> std::io::Result<Option<(String, String)>> {
    let mut read = Vec::new();
    loop {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).await?;
        if count == 0 {
            return Ok(None);
        }
        read.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ").unwrap().1;
        let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
        if body.len() >= length {
            return Ok(Some((head, body.to_owned())));
        }
    }
}

async fn behave(stream: &mut TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    match behaviour {
        Behaviour::Answers(status) => {
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await
        }
        Behaviour::Says(status, body) => {
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await
        }
        Behaviour::AnswersLate(_) => {
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await
        }
        Behaviour::NeverAnswers => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(())
        }
        Behaviour::AnswersEndlessly => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(b"x-more: and more and more\r\n").await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Behaviour::DribblesBody => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Behaviour::Redirects(to) => {
            let answer = format!("HTTP/1.1 307 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await
        }
    }
}
