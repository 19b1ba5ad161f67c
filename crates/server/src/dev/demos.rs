//! The demo apps and the demo API of `latchkey dev`: their ports, their clients, how they start.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
};

use anyhow::{Context, Result};
use latchkey_demo::DemoApp;
use latchkey_protocol::{Clock, registration::Registration};
use serde_json::json;

use super::word;
use crate::cli::DevOptions;

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

/// The apps and the API, and what they listen on.
pub struct Demos {
    apps: Vec<(DemoApp, TcpListener)>,
    api: (String, TcpListener),
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
        let api = listen(options.api_port, "--api-port")?;
        let api = (address(&api)?, api);
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
                api: api.0.clone(),
            };
            (app, listener)
        };
        let apps = (1..).zip(APPS.iter().zip(listeners)).map(of).collect();
        Ok(Self { apps, api })
    }

    /// Where the apps are.
    pub fn apps(&self) -> impl Iterator<Item = &str> {
        self.apps.iter().map(|(app, _)| app.address.as_str())
    }

    /// Where the API is.
    pub fn api(&self) -> &str {
        &self.api.0
    }

    /// The apps as they are registered.
    ///
    /// # Errors
    /// When they break a rule of registrations.
    pub fn registrations(&self) -> Result<Vec<Registration>> {
        self.apps.iter().map(|(app, _)| registration(app)).collect()
    }

    /// What ends when all of them have ended.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        self,
        issuer: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<impl Future<Output = std::io::Result<Vec<()>>> + use<>> {
        let (address, listener) = self.api;
        let api = latchkey_demo::start_api(listener, issuer, &address, clock.clone())?;
        let mut servers = vec![api];
        for (app, listener) in self.apps {
            servers.push(latchkey_demo::start_app(app, listener, clock.clone())?);
        }
        Ok(futures_util::future::try_join_all(servers))
    }
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
