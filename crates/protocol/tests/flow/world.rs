//! A toy provider over the rules: three clients, two users, one browser, and whatever a sequence of bytes makes them do.
//!
//! Beside each rule stands an oracle that knows the answer from the story so far, so that a rule that refuses too much is
//! found like one that allows too much. The fuzz target `flow` and the test of the same name share it.

use latchkey_protocol::{
    ClientId, Entropy, Secret, Timestamp, UserId,
    authorization::{Authorization, Context},
    client::Client,
    consent::Consent,
    interaction::Interaction,
    kind,
    lifetimes::Lifetimes,
    registration::Registration,
    session::Session,
    user::User,
};
use serde_json::json;

pub const ISSUER: &str = "https://i.example";
pub const CALLBACK: &str = "https://app.example/cb";
pub const OTHER: &str = "https://app.example/other";
pub const LOOPBACK: &str = "http://127.0.0.1/cb";
/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const USERS: [&str; 2] = ["alice", "bob"];
pub const WINDOW: i64 = 30;
pub const CLOCKS_DIFFER: i64 = 60;
/// How time passes, in seconds: to the edges of what is measured, and back where a clock is set.
pub const TIMES: [i64; 14] = [1, 1, 2, 10, 10, 28, 29, 30, 31, 61, 299, 950, -20, -100];

pub const LIFETIMES: Lifetimes = Lifetimes {
    access_token: 300,
    id_token: 300,
    authorization_code: 60,
    refresh_token: 3000,
    refresh_idle: 1000,
    refresh_replay_window: WINDOW,
    session: 3600,
    session_remember: 7200,
    session_idle: 900,
    session_remember_idle: 0,
};

/// What bytes decide; when there are none left, the first of each choice.
pub struct Acts<'a>(pub &'a [u8]);

impl Acts<'_> {
    pub fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn pick(&mut self, of: usize) -> usize {
        usize::from(self.next().unwrap_or(0)) % of
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.pick(of.len())]
    }
}

/// Different bytes each time, the same in each run.
pub struct Counter(std::sync::atomic::AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let count = count.to_be_bytes();
        for (byte, of) in bytes.iter_mut().zip(count.iter().cycle()) {
            *byte = *of;
        }
    }
}

/// One authorization, and its story as the oracle remembers it.
pub struct Story {
    pub authorization: Authorization,
    pub client: usize,
    /// Secrets of its refresh tokens, oldest first.
    pub secrets: Vec<Secret<kind::RefreshToken>>,
    /// When the newest was issued, and when it ends if it lies unused.
    pub issued_at: Timestamp,
    pub idle_end: Timestamp,
    /// When the family ends.
    pub end: Timestamp,
}

pub struct World {
    pub now: Timestamp,
    pub entropy: Counter,
    pub clients: [Client; 3],
    pub users: [User; 2],
    /// All that ever were; a session that was ended is none.
    pub sessions: Vec<Option<Session>>,
    /// The one whose cookie the browser has.
    pub here: Option<usize>,
    pub interactions: Vec<(Interaction, usize)>,
    pub consents: Vec<Consent>,
    pub stories: Vec<Story>,
}

fn client(id: &str, metadata: &serde_json::Value) -> Client {
    Client {
        id: ClientId::new(id),
        secret: None,
        sealed_secret: None,
        secret_since: None,
        former_secret: None,
        disabled_at: None,
        metadata: Registration::parse(metadata).expect("metadata").metadata,
        created_at: Timestamp::from_seconds(0),
        version: 0,
    }
}

fn user(id: &str) -> User {
    User {
        id: UserId::new(id),
        username: id.into(),
        email: Some(format!("{id}@example.org")),
        name: None,
        password_hash: None,
        roles: Vec::new(),
        groups: Vec::new(),
        claims: serde_json::Map::new(),
        attributes: serde_json::Map::new(),
        disabled_at: None,
        created_at: Timestamp::from_seconds(0),
        updated_at: Timestamp::from_seconds(0),
        version: 0,
    }
}

impl World {
    pub fn new() -> Self {
        let both = ["authorization_code", "refresh_token"];
        let web = json!({ "redirect_uris": [CALLBACK, OTHER], "grant_types": both });
        let native = json!({
            "redirect_uris": [LOOPBACK], "grant_types": both, "application_type": "native",
            "token_endpoint_auth_method": "none", "refresh": "always",
        });
        let trusted =
            json!({ "redirect_uris": [CALLBACK], "trusted": true, "scope": "openid email" });
        Self {
            now: Timestamp::from_seconds(1_800_000_000),
            entropy: Counter(0.into()),
            clients: [
                client("web", &web),
                client("native", &native),
                client("trusted", &trusted),
            ],
            users: USERS.map(user),
            sessions: Vec::new(),
            here: None,
            interactions: Vec::new(),
            consents: Vec::new(),
            stories: Vec::new(),
        }
    }

    /// Does all that the bytes say, and asks the oracle about each act.
    pub fn run(&mut self, mut acts: Acts<'_>) {
        for _ in 0..300 {
            let Some(act) = acts.next() else { return };
            match act % 16 {
                0 | 1 => self.authorize(&mut acts),
                2 => self.log_in(&mut acts),
                3 | 4 => self.answer(&mut acts),
                5 => self.resume(&mut acts),
                6..=8 => self.redeem(&mut acts),
                9..=12 => self.rotate(&mut acts),
                13 => self.revoke(&mut acts),
                14 => self.now += acts.one(&TIMES),
                _ => self.end(&mut acts),
            }
        }
    }

    pub fn user(&self, id: &str) -> &User {
        self.users.iter().find(|user| user.id == id).expect("known")
    }

    /// Who is signed in at the browser, as the store says it.
    pub fn session(&self) -> Option<&Session> {
        let session = self.sessions[self.here?].as_ref()?;
        let enabled = self.user(&session.user_id).disabled_at.is_none();
        (enabled && session.expires_at > self.now).then_some(session)
    }

    /// As the store reads it.
    pub fn context(&self, at: usize) -> Context {
        let authorization = self.stories[at].authorization.clone();
        let named = |s: &&Session| Some(&s.id) == authorization.handover.session_id();
        Context {
            user: Some(self.user(&authorization.user_id).clone()),
            session: self.sessions.iter().flatten().find(named).cloned(),
            authorization,
        }
    }

    /// Whether all that it hangs on is there: the oracle's view.
    pub fn stands(&self, at: usize) -> bool {
        let authorization = &self.stories[at].authorization;
        let lives = |s: &Session| {
            Some(&s.id) == authorization.handover.session_id() && self.now < s.expires_at
        };
        let offline = authorization.scope.contains("offline_access");
        authorization.revoked_at.is_none()
            && self.user(&authorization.user_id).disabled_at.is_none()
            && (offline || self.sessions.iter().flatten().any(lives))
    }

    /// The session ends, or a user is disabled or enabled.
    fn end(&mut self, acts: &mut Acts<'_>) {
        match (acts.pick(8), self.here) {
            (0, Some(here)) => self.sessions[here] = None,
            (1, _) => self.users[acts.pick(2)].disabled_at = Some(self.now),
            _ => self
                .users
                .iter_mut()
                .for_each(|user| user.disabled_at = None),
        }
    }

    /// How many codes were given, how many exchanged, and how many refresh tokens came of them.
    pub fn counts(&self) -> [usize; 3] {
        let exchanged = self
            .stories
            .iter()
            .filter(|story| story.authorization.handover.is_done());
        let secrets = self.stories.iter().map(|story| story.secrets.len()).sum();
        [self.stories.len(), exchanged.count(), secrets]
    }
}
