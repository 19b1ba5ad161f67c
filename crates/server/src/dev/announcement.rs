//! What `latchkey dev` says once it runs: to whoever reads it, or to a program.

use serde_json::{Value, json};

use super::{demos::Demos, records::Records, routes::addresses};
use crate::config::Settings;

/// What there is to say.
pub struct Announcement<'a> {
    pub settings: &'a Settings,
    pub demos: Option<&'a Demos>,
    pub records: &'a Records,
}

impl Announcement<'_> {
    /// Addresses and passwords.
    pub fn text(&self) -> String {
        let issuer = &self.settings.issuer;
        let mut text = self.demos.map(demos_text).unwrap_or_default();
        text += &format!("\n  Latchkey    {issuer}");
        text += &format!("\n  Console     {issuer}/admin");
        if self.demos.is_some() {
            text +=
                "   <- sign in as admin, in a private window: end a session, and both apps say so";
        }
        text += "\n";
        for (username, password) in &self.records.users {
            let password = password.as_deref().unwrap_or("(none)");
            text += &format!("\n  {username:<8} password {password}");
        }
        text + "\n\nCtrl-C ends it."
    }

    /// One line of JSON, without how long it took to come so far.
    pub fn line(&self) -> Value {
        let issuer = &self.settings.issuer;
        let demo = self.demos.map(|demos| {
            let apps: Vec<_> = demos.apps().collect();
            json!({ "apps": apps, "api": demos.api() })
        });
        json!({
            "issuer": issuer,
            "discovery": format!("{issuer}/.well-known/openid-configuration"),
            "dev": addresses(issuer),
            "database_url": self.settings.database_url,
            "keys_dir": self.settings.keys_dir,
            "pid": std::process::id(),
            "users": self.records.users_json,
            "clients": self.records.clients_json,
            "demo": demo,
        })
    }
}

fn demos_text(demos: &Demos) -> String {
    let named = [
        ("Demo app", "open this and sign in"),
        ("Second app", "then this: without a password"),
    ];
    let mut text = String::new();
    for ((label, note), address) in named.iter().zip(demos.apps()) {
        text += &format!("\n  {label:<11} {address}/   <- {note}");
    }
    text + &format!("\n  Demo API    {}/", demos.api())
}
