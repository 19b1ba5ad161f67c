//! The demo apps, the single-page app and the demo APIs of `latchkey dev`: their ports, their clients, how they start.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
};

use anyhow::{Context, Result};
use latchkey_demo::{DemoApp, EndSession, SinglePageApp, Surroundings};
use latchkey_operations::{Caller, Operations};
use latchkey_protocol::{Clock, SessionId, Store, registration::Registration};
use serde_json::json;

use super::word;
use crate::{cli::DevOptions, wiring::OsEntropy};

/// A demo app: its client, what it is called, and the option that chooses its port.
struct Known {
    client_id: &'static str,
    name: &'static str,
    option: &'static str,
}

const APPS: [Known; 2] = [
    Known {
        client_id: "demo-app",
        name: "Demo app",
        option: "--app-port",
    },
    Known {
        client_id: "second-demo-app",
        name: "Second demo app",
        option: "--second-app-port",
    },
];

/// The apps and the APIs, and what they listen on.
pub struct Demos {
    apps: Vec<(DemoApp, TcpListener)>,
    spa: (SinglePageApp, TcpListener),
    /// Of one API, which is called as the first one.
    apis: [TcpListener; 2],
}

impl Demos {
    /// Listens on the ports of the options.
    ///
    /// # Errors
    /// A port that is taken, with the option that chooses another.
    pub fn listen(issuer: &str, options: &DevOptions) -> Result<Self> {
        let listeners = [
            listen(options.app_port, APPS[0].option)?,
            listen(options.second_app_port, APPS[1].option)?,
        ];
        let addresses = [address(&listeners[0])?, address(&listeners[1])?];
        let apis = [
            listen(options.api_port, "--api-port")?,
            listen(options.second_api_port, "--second-api-port")?,
        ];
        let api_addresses = [address(&apis[0])?, address(&apis[1])?];
        let spa = listen(options.spa_port, "--spa-port")?;
        let spa_address = address(&spa)?;
        let of = |(number, (known, listener)): (u8, (&Known, TcpListener))| {
            let other = usize::from(number == 1);
            let app = DemoApp {
                client_id: known.client_id,
                secret: word(32),
                name: known.name,
                number,
                address: addresses[1 - other].clone(),
                other: addresses[other].clone(),
                issuer: issuer.to_owned(),
                api: api_addresses[0].clone(),
                spa: spa_address.clone(),
            };
            (app, listener)
        };
        let apps = (1..).zip(APPS.iter().zip(listeners)).map(of).collect();
        let app = SinglePageApp {
            client_id: "single-page-app",
            secret: word(32),
            name: "Single-page app",
            address: spa_address,
            issuer: issuer.to_owned(),
            apis: api_addresses,
        };
        Ok(Self {
            apps,
            spa: (app, spa),
            apis,
        })
    }

    /// Where the apps are.
    pub fn apps(&self) -> impl Iterator<Item = &str> {
        self.apps.iter().map(|(app, _)| app.address.as_str())
    }

    /// Where the single-page app is.
    pub fn spa(&self) -> &str {
        &self.spa.0.address
    }

    /// Where the instances of the API are. In tokens it is called as the first one.
    pub fn apis(&self) -> &[String; 2] {
        &self.spa.0.apis
    }

    /// The apps as they are registered.
    ///
    /// # Errors
    /// When they break a rule of registrations.
    pub fn registrations(&self) -> Result<Vec<Registration>> {
        let apps = self.apps.iter().map(|(app, _)| registration(app));
        apps.chain([registration_of_spa(&self.spa.0)]).collect()
    }

    /// What ends when all of them have ended.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        self,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> Result<impl Future<Output = std::io::Result<Vec<()>>> + use<>> {
        let mut servers = Vec::new();
        for (app, listener) in self.apps {
            servers.push(latchkey_demo::start_app(app, listener, clock.clone())?);
        }
        let (app, listener) = self.spa;
        let surroundings = Surroundings {
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
            end_session: end_session(store, clock),
        };
        let spa = latchkey_demo::start_spa(&app, listener, self.apis, surroundings);
        servers.extend(spa?);
        Ok(futures_util::future::try_join_all(servers))
    }
}

/// The operation of the console and of `latchkey session end`.
fn end_session(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> EndSession {
    Arc::new(move |sid| {
        let (store, clock) = (store.clone(), clock.clone());
        Box::pin(async move {
            let operations = Operations {
                store: &*store,
                entropy: &OsEntropy,
                caller: Caller::server(),
                now: clock.now(),
            };
            Ok(operations.end_session(&SessionId::new(sid)).await?)
        })
    })
}

fn listen(port: u16, option: &str) -> Result<TcpListener> {
    let other = || format!("cannot listen on port {port}; choose another with {option}");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(other)
}

fn address(listener: &TcpListener) -> Result<String> {
    Ok(format!(
        "http://localhost:{}",
        listener.local_addr()?.port()
    ))
}

/// One of them hears of a sign-out in a frame as well, so that both ways can be seen.
fn registration(app: &DemoApp) -> Result<Registration> {
    let at = |path: &str| format!("{}{path}", app.address);
    let mut metadata = json!({
        "client_id": app.client_id, "client_secret": app.secret, "client_name": app.name,
        "redirect_uris": [at("/callback")], "post_logout_redirect_uris": [at("/")],
        "grant_types": ["authorization_code", "refresh_token"], "audience": [app.api], "implied_scope": "roles",
        "backchannel_logout_uri": at("/backchannel-logout"), "backchannel_logout_session_required": true,
    });
    if app.number == 2 {
        metadata["frontchannel_logout_uri"] = at("/frontchannel-logout").into();
        metadata["frontchannel_logout_session_required"] = true.into();
    }
    Ok(Registration::parse(&metadata)?)
}

/// Trusted: the user is not asked what it may know.
fn registration_of_spa(app: &SinglePageApp) -> Result<Registration> {
    let at = |path: &str| format!("{}{path}", app.address);
    Ok(Registration::parse(&json!({
        "client_id": app.client_id, "client_secret": app.secret, "client_name": app.name, "trusted": true,
        "redirect_uris": [at("/bff/callback")], "post_logout_redirect_uris": [at("/")],
        "grant_types": ["authorization_code", "refresh_token"], "audience": [app.apis[0]], "scope": SinglePageApp::scope(),
        "backchannel_logout_uri": at("/bff/backchannel-logout"), "backchannel_logout_session_required": true,
    }))?)
}
