//! Sessions of some clients, whose receivers listen, and the nodes that tell them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_jose::{Compact, JwkSet, Verifier};
use latchkey_protocol::{
    SessionId, Store,
    deliveries::{DeliveryState, Receipt, ReceiptsOf},
    logout_token::{LOGOUT_EVENT, LogoutToken},
    page::Page,
};
use serde_json::{Value, json};

use crate::{
    Http,
    deliveries::{joined, store, told},
    receiver::{Behaviour, Receiver},
    reqwest_blocking,
    support::*,
};

/// Sessions that end at once.
const SESSIONS: usize = 12;
const CLIENTS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// It fails every other time.
pub const WEAK: usize = 4;

/// A server; killed with this value.
pub struct Node {
    port: u16,
    running: Option<Running>,
}

impl Node {
    pub fn new(port: u16) -> Self {
        let running = None;
        Self { port, running }
    }

    pub fn start(&mut self, world: &World) {
        let mut command = world.at.command(&["serve"]);
        let child = command
            .env("LATCHKEY_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("LATCHKEY_OUTBOUND__ALLOW", "127.0.0.0/8")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.running = Some(Running(child.unwrap()));
        let ready = self.address("/readyz");
        let is_ready = async || {
            let answer = world.http.1.get(&ready).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        world.http.0.block_on(async {
            for _ in 0..2400 {
                if is_ready().await {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            panic!("it does not become ready");
        });
    }

    pub fn kill(&mut self) {
        self.running = None;
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

pub struct World {
    pub at: Place,
    pub http: Http,
    store: Arc<dyn Store>,
    pub receivers: Vec<Receiver>,
    alice: String,
    /// The clients that must hear of each session.
    must_hear: BTreeMap<String, BTreeSet<&'static str>>,
}

impl World {
    pub fn new(at: Place) -> Self {
        at.add_alice_and_app();
        let operator = json!({
            "client_id": "operator", "client_secret": SECRET, "grant_types": ["client_credentials"], "scope": "latchkey.write",
        });
        at.good(&["client", "create", "--from", "-"], &operator.to_string());
        let http = reqwest_blocking();
        let mut receivers = Vec::new();
        for (client, n) in CLIENTS.iter().zip(0u8..) {
            let late = Behaviour::AnswersLate(Duration::from_millis(30 * u64::from(n)));
            let receiver = http.0.block_on(Receiver::start(20 + n, late));
            told(&at, client, &receiver.uri);
            receivers.push(receiver);
        }
        let store = store(&at);
        let alice = http.0.block_on(store.user_by_name("alice")).unwrap();
        Self {
            alice: alice.unwrap().id.into_string(),
            at,
            http,
            store,
            receivers,
            must_hear: BTreeMap::new(),
        }
    }

    /// Sessions of alice, each with some of the clients.
    pub fn sign_in(&mut self, round: u32) -> Vec<String> {
        let mut names = Vec::new();
        for n in 0..SESSIONS {
            let name = format!("{round}-{n:02}");
            let clients = CLIENTS.iter().enumerate();
            let clients = clients.filter(|(client, _)| (n + client) % 3 != 0);
            let clients: Vec<&'static str> = clients.map(|(_, id)| *id).collect();
            self.http.0.block_on(joined(&*self.store, &name, &clients));
            self.must_hear
                .insert(name.clone(), clients.into_iter().collect());
            names.push(name);
        }
        names
    }

    /// What an administrator asks of a node: all sessions of alice end. Whether it said so.
    pub fn end(&self, node: &Node) -> impl Future<Output = bool> + Send + use<> {
        let (http, alice) = (self.http.1.clone(), self.alice.clone());
        let [token, end] = [
            "/token",
            &format!("/admin/api/v1/users/{alice}/end-sessions"),
        ]
        .map(|path| node.address(path));
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "latchkey.write"),
        ];
        let token = http.post(token).basic_auth("operator", Some(SECRET));
        let token = self.http.0.block_on(async {
            let answer = token.form(&form).send().await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            answer["access_token"].as_str().unwrap().to_owned()
        });
        async move {
            let answer = http.post(end).bearer_auth(token).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        }
    }

    fn receipts(&self) -> Vec<Receipt> {
        let page = Page::first(100_000);
        let all = self.store.receipts(ReceiptsOf::All, &page);
        self.http.0.block_on(all).unwrap()
    }

    /// Whether a client of these sessions has no receipt yet.
    pub fn is_waiting(&self, names: &[String]) -> bool {
        let waits = |receipt: &Receipt| {
            receipt.state == DeliveryState::Waiting
                && names.contains(&receipt.end.session_id.to_string())
        };
        self.receipts().iter().any(waits)
    }

    /// How many deliveries must be made.
    pub fn deliveries(&self) -> usize {
        self.must_hear.values().map(BTreeSet::len).sum()
    }

    /// Whether the sessions have ended: all of them, with each delivery that must be, or none.
    pub fn have_ended(&self, names: &[String]) -> bool {
        let page = Page::first(100);
        let ended = |name: &String| {
            let (sid, must_hear) = (SessionId::new(name), self.must_hear[name].len());
            let (noted, told) = self.http.0.block_on(async {
                let noted = self.store.session_clients(&sid).await.unwrap().len();
                let told = self.store.receipts(ReceiptsOf::Session(&sid), &page);
                (noted, told.await.unwrap().len())
            });
            assert!(
                (noted, told) == (must_hear, 0) || (noted, told) == (0, must_hear),
                "{name}: {noted} of {must_hear} are noted, {told} are told"
            );
            told > 0
        };
        let ended: BTreeSet<bool> = names.iter().map(ended).collect();
        assert_eq!(ended.len(), 1, "one transaction ended some of the sessions");
        ended.contains(&true)
    }

    /// From the moment when it is asked for to the last receipt, when nobody is killed.
    pub fn whole_course(&mut self, node: &Node) -> Duration {
        let names = self.sign_in(0);
        let end = self.end(node);
        let begun = Instant::now();
        assert!(self.http.0.block_on(end));
        self.wait_until_all_is_delivered();
        assert!(self.have_ended(&names));
        begun.elapsed()
    }

    pub fn wait_until_all_is_delivered(&self) {
        let begun = Instant::now();
        loop {
            let mut left = self.receipts();
            left.retain(|receipt| receipt.state != DeliveryState::Delivered);
            if left.is_empty() {
                return;
            }
            // Some were taken by a node that died, and one receiver failed now and then: after a hundred kills it is
            // tried again once a minute.
            assert!(begun.elapsed() < Duration::from_secs(300), "{left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everybody who must hear has heard, by a token that holds; the receipts say so. How many logout tokens came.
    pub fn expect_all_told(&self, keys: &Keys) -> usize {
        let mut receipts = BTreeMap::new();
        for receipt in self.receipts() {
            let key = (
                receipt.end.session_id.to_string(),
                receipt.client_id.to_string(),
            );
            assert!(receipts.insert(key, receipt).is_none());
        }
        let mut came = 0;
        for (client, receiver) in CLIENTS.iter().zip(&self.receivers) {
            assert!(!receiver.was_told_twice_at_once(), "{client}");
            let mut tokens: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for one in receiver.received() {
                let claims = keys.verify(&one.token, &self.at.issuer(), client);
                let of_session = tokens.entry(claims.sid.to_string()).or_default();
                assert!(of_session.insert(claims.jti), "a fresh token each time");
                came += 1;
            }
            for (session, clients) in &self.must_hear {
                let sent = tokens.get(session).map_or(0, BTreeSet::len);
                let receipt = receipts.remove(&(session.clone(), (*client).to_owned()));
                if !clients.contains(client) {
                    assert!(receipt.is_none() && sent == 0, "{session} {client}");
                    continue;
                }
                let receipt = receipt.unwrap_or_else(|| panic!("{session} {client}: no receipt"));
                let last = receipt.last.unwrap();
                assert_eq!(
                    (receipt.state, last.status, receipt.next_at),
                    (DeliveryState::Delivered, Some(200), None)
                );
                let begun = usize::try_from(receipt.attempts).unwrap();
                assert!(sent > 0 && sent <= begun, "{sent} of {begun} attempts came");
            }
        }
        assert!(receipts.is_empty(), "{receipts:?}");
        came
    }
}

pub struct Keys(Vec<Verifier>);

impl Keys {
    pub fn of(world: &World, node: &Node) -> Self {
        let keys: JwkSet = world.http.0.block_on(async {
            let answer = world.http.1.get(node.address("/jwks.json")).send().await;
            answer.unwrap().json().await.unwrap()
        });
        let verifiers = keys.keys.iter().map(|key| Verifier::new(key).unwrap());
        Self(verifiers.collect())
    }

    /// OpenID Connect Back-Channel Logout 1.0 2.6.
    fn verify(&self, token: &str, issuer: &str, client: &str) -> LogoutToken {
        let compact = Compact::parse(token).unwrap();
        assert!(self.0.iter().any(|key| key.verify(&compact).is_ok()));
        let claims: Value = compact.unverified_claims().unwrap();
        assert!(claims.get("nonce").is_none(), "{claims}");
        let token: LogoutToken = compact.unverified_claims().unwrap();
        assert_eq!((&*token.iss, &*token.aud), (issuer, client));
        assert!(token.events.contains_key(LOGOUT_EVENT) && token.exp > token.iat);
        token
    }
}
