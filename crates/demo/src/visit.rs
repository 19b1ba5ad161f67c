//! What a demo app knows of a browser, and what it shows of each step.

use latchkey_protocol::{Timestamp, received_logout::ReceivedLogout};
use latchkey_ui::Words;
use serde_json::Value;

/// Steps that are shown of one browser.
const MOST_STEPS: usize = 40;

/// A browser that has begun a sign-in.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// Another one after each change.
    pub revision: u64,
    /// The sign-in under way.
    pub pending: Option<Pending>,
    /// None once it is signed out.
    pub tokens: Option<Tokens>,
    /// How it was signed out.
    pub ended: Option<Ended>,
    /// The user, as the ID token calls them.
    pub subject: String,
    /// The session at the provider, by which a logout token names it.
    pub sid: String,
    /// How the user is called on the page.
    pub name: String,
    pub steps: Vec<Step>,
    /// What went wrong last.
    pub problem: Option<Problem>,
}

/// What went wrong.
#[derive(Debug, Clone)]
pub enum Problem {
    /// The answer to a sign-in that this browser has not begun.
    Foreign,
    /// As the provider or a library says it.
    Failed(String),
}

impl Problem {
    pub fn said(&self, words: &Words) -> String {
        match self {
            Self::Foreign => words.say("demo-foreign"),
            Self::Failed(error) => words.say_with("demo-problem", "error", error),
        }
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

/// What the answer to a sign-in must fit.
#[derive(Debug, Clone)]
pub struct Pending {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// What a signed-in app holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    pub access: String,
    pub refresh: Option<String>,
    pub id_token: String,
}

/// The end of a session of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub by: EndedBy,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The user, by the button of this app.
    Here,
    /// A logout token (Back-Channel Logout 1.0).
    BackChannel,
    /// A frame of the provider's page (Front-Channel Logout 1.0).
    FrontChannel,
}

impl EndedBy {
    /// As the page names it to scripts and tests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::BackChannel => "back-channel",
            Self::FrontChannel => "front-channel",
        }
    }
}

/// A step of the flow. Whoever looks at it says in which language: a step may be heard of by another way than from their browser.
#[derive(Debug, Clone)]
pub struct Step {
    /// The ids of its texts.
    pub title: &'static str,
    text: &'static str,
    /// What stands in the text under which name.
    value: Option<(&'static str, String)>,
    pub code: String,
}

pub fn step(title: &'static str, text: &'static str, code: String) -> Step {
    Step {
        title,
        text,
        value: None,
        code,
    }
}

impl Step {
    pub fn with(self, name: &'static str, value: String) -> Self {
        let value = Some((name, value));
        Self { value, ..self }
    }

    pub fn said(&self, words: &Words) -> String {
        match &self.value {
            Some((name, value)) => words.say_with(self.text, name, value),
            None => words.say(self.text),
        }
    }
}

impl Visit {
    /// Whether the session of this browser is one that has ended.
    pub fn is_named_by(&self, token: &ReceivedLogout) -> bool {
        let is = |named: &Option<String>, own: &str| named.as_deref().is_none_or(|n| n == own);
        is(&token.sid, &self.sid) && is(&token.sub, &self.subject)
    }

    pub fn show(&mut self, step: Step) {
        if self.steps.len() >= MOST_STEPS {
            self.steps.drain(..MOST_STEPS / 2);
        }
        self.steps.push(step);
    }

    /// Forgets the tokens. What ended it first is what the page says; each way in which it heard of the end is a step.
    pub fn end(&mut self, ended: Ended, heard: Step) {
        self.pending = None;
        if self.tokens.take().is_some() {
            self.ended = Some(ended);
        }
        self.show(heard);
    }
}

/// The claims of a token, not verified.
pub fn claims(token: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token
        .split('.')
        .nth(1)
        .and_then(|p| URL_SAFE_NO_PAD.decode(p).ok())
        .unwrap_or_default();
    serde_json::from_slice(&part).unwrap_or_default()
}

/// As it is shown.
pub fn decoded(token: &str) -> String {
    match claims(token) {
        Value::Null => String::new(),
        claims => format!("{claims:#}"),
    }
}
