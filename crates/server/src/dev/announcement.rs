//! What `latchkey dev` says once it runs: to whoever reads it, or to a program.

use serde_json::{Value, json};

use super::{
    demos::Demos,
    providers::{Providers, USER},
    records::Records,
    routes::addresses,
};
use crate::config::Settings;

/// What there is to say.
pub struct Announcement<'a> {
    pub settings: &'a Settings,
    pub demos: Option<&'a Demos>,
    pub providers: Option<&'a Providers>,
    pub records: &'a Records,
}

impl Announcement<'_> {
    /// Addresses and passwords.
    pub fn text(&self) -> String {
        let issuer = &self.settings.issuer;
        let mut text = self.demos.map(demos_text).unwrap_or_default();
        text += &format!("\n  {:<15} {issuer}", "Latchkey");
        text += &format!("\n  {:<15} {issuer}/admin", "Console");
        if self.demos.is_some() {
            text +=
                "   <- sign in as admin, in a private window: end a session, and both apps say so";
        }
        text += "\n";
        for (username, password) in &self.records.users {
            let password = password.as_deref().unwrap_or("(none)");
            text += &format!("\n  {username:<15} password {password}");
        }
        text += &self.providers.map(providers_text).unwrap_or_default();
        text + "\n\nCtrl-C ends it."
    }

    /// One line of JSON, without how long it took to come so far.
    pub fn line(&self) -> Value {
        let issuer = &self.settings.issuer;
        let demo = self.demos.map(|demos| {
            let apps: Vec<_> = demos.apps().collect();
            let (spa, apis) = (demos.spa(), demos.apis());
            let providers = self.providers.map(|all| {
                json!({ "latchkey": all.issuer, "stand_in": all.stand_in, "username": USER, "password": all.password })
            });
            json!({ "providers": providers, "apps": apps, "single_page_app": spa, "stopwatch": stopwatch(demos), "api": apis[0], "apis": apis })
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

/// Of those beside: a way in that takes no password here.
fn providers_text(providers: &Providers) -> String {
    let (issuer, stand_in, password) =
        (&providers.issuer, &providers.stand_in, &providers.password);
    format!(
        "\n\n  {:<15} {issuer}   <- its button is on the login page: sign in there as {USER}\
         \n  {:<15} {stand_in}   <- a stand-in; its button needs no account\
         \n  {USER:<15} password {password}",
        "Another one", "Kakao",
    )
}

fn demos_text(demos: &Demos) -> String {
    let named = [
        ("Demo app", "open this and sign in"),
        ("Second app", "then this: without a password"),
    ];
    let mut text = String::new();
    let mut line = |label: &str, address: &str, note: &str| {
        text += &format!("\n  {label:<15} {address}");
        if !note.is_empty() {
            text += &format!("   <- {note}");
        }
    };
    for ((label, note), address) in named.iter().zip(demos.apps()) {
        line(label, &format!("{address}/"), note);
    }
    let spa = format!("{}/", demos.spa());
    line("Single-page app", &spa, "an app that holds no token");
    let note = "end the session here: how long do both APIs take to refuse?";
    line("Stopwatch", &stopwatch(demos), note);
    for (label, address) in ["Demo API", "Second API"].iter().zip(demos.apis()) {
        line(label, &format!("{address}/"), "");
    }
    text
}

fn stopwatch(demos: &Demos) -> String {
    format!("{}/stopwatch", demos.spa())
}
