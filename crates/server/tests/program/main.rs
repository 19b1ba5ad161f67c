//! The program as users run it: commands, faults, TLS, and kills in the middle of rotation and of sign-outs.
#![allow(clippy::unwrap_used)]

mod access;
mod algorithms;
mod audit;
mod audit_commands;
mod bff;
mod claims;
mod commands;
mod consents;
mod deliveries;
mod dev;
mod dev_controls;
mod dev_providers;
mod dev_seed;
mod dev_sign_in;
mod dev_stopwatch;
mod host;
mod json_answers;
mod management;
mod manual;
mod many_ends;
mod memory;
mod port;
#[path = "../suites/support/postgres.rs"]
mod postgres;
mod reads;
#[allow(dead_code)] // Most of it is for the suites.
#[path = "../suites/support/receiver.rs"]
mod receiver;
mod requests;
mod settings;
mod setup_link;
mod sign_out_kills;
mod status_lists;
mod support;
mod tls;
mod tokens;
mod upstreams;
mod users;
mod warnings;

use std::process::Stdio;

use serde_json::Value;

use support::*;

fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}

struct Http(tokio::runtime::Runtime, reqwest::Client);

fn reqwest_blocking() -> Http {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    Http(runtime, client().build().unwrap())
}

impl Http {
    fn post(&self, at: &Place, id: &str, secret: &str) -> (u16, Value) {
        self.0.block_on(async {
            let form = [("grant_type", "client_credentials")];
            let request = self
                .1
                .post(format!("{}/token", at.issuer()))
                .basic_auth(id, Some(secret))
                .form(&form);
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        })
    }
}

/// It runs as it was started: what OpenSSL is told of the processor is the operator's to say.
#[test]
#[cfg(target_os = "linux")]
fn the_server_does_not_start_itself_again_with_another_environment() {
    let place = Place::new();
    let command = &mut place.command(&["serve"]);
    let server = place.start(command.env_remove("OPENSSL_ia32cap").stderr(Stdio::null()));
    let variables = std::fs::read(format!("/proc/{}/environ", server.0.id()));
    // Its memory cannot be read by others of its user; as root it can.
    if let Ok(variables) = variables {
        let variables = String::from_utf8_lossy(&variables).into_owned();
        assert!(!variables.contains("OPENSSL_ia32cap"), "{variables}");
        assert!(variables.contains("LATCHKEY_ISSUER"), "{variables}");
    }
    server.stop();
}
