//! The providers beside `latchkey dev`, whose buttons are on its login page: a second Latchkey, and a stand-in for Kakao.

use std::{net::TcpListener, sync::Arc};

use anyhow::{Context, Result};
use latchkey_demo::stand_in::{self, StandIn};
use latchkey_jose::MasterKey;
use latchkey_operations::{
    Caller, NewUpstream, NewUser, OperationError, Operations, UpstreamChange,
};
use latchkey_protocol::{Clock, Issuer, UserId, paths, registration::Registration};
use serde_json::json;

use super::{key, place::mark, records::Records, seed::Seed, word};
use crate::{
    cli::DevOptions,
    config::Settings,
    connections,
    serve::{Base, configure},
    wiring::{OsEntropy, open_keys},
};

/// The user of the second Latchkey.
pub const USER: &str = "carol";
/// What the second Latchkey is called here, and what Kakao is: it stands in the ids of their buttons.
const NAMES: [&str; 2] = ["other", "kakao"];
/// What this Latchkey is called there.
const CLIENT: &str = "first-latchkey";

/// The providers, and what they listen on.
pub struct Providers {
    /// The issuer of the second Latchkey. Browsers keep no cookies apart by port: it is another host than the first one.
    pub issuer: String,
    /// Where the stand-in is.
    pub stand_in: String,
    /// The password of the user there.
    pub password: String,
    secret: String,
    listeners: [TcpListener; 2],
}

impl Providers {
    /// Listens on the ports of the options.
    ///
    /// # Errors
    /// A port that is taken, with the option that chooses another.
    pub fn listen(first: &str, options: &DevOptions) -> Result<Self> {
        let listen = |port: u16, option: &str| {
            let other = || format!("cannot listen on port {port}; choose another with {option}");
            let listener = connections::bind(&format!("127.0.0.1:{port}")).with_context(other)?;
            let port = listener.local_addr()?.port();
            anyhow::Ok((port, listener))
        };
        let (other_port, other) = listen(options.other_port, "--other-port")?;
        let (port, kakao) = listen(options.stand_in_port, "--stand-in-port")?;
        Ok(Self {
            issuer: format!("http://{}:{other_port}", host_beside(first)),
            stand_in: format!("http://127.0.0.1:{port}"),
            password: word(10),
            secret: word(32),
            listeners: [other, kakao],
        })
    }

    /// Makes both known to the provider that they are beside.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn add(&self, operations: &Operations<'_>, master: &MasterKey) -> Result<()> {
        let other = json!({
            "title": "Sign in with another Latchkey", "client_id": CLIENT, "protocol": {"issuer": self.issuer},
        });
        let kakao = json!({
            "client_id": stand_in::CLIENT_ID, "protocol": {"issuer": format!("{}/kakao", self.stand_in)},
        });
        let settings = [
            ("latchkey", &other, &*self.secret),
            ("kakao", &kakao, stand_in::CLIENT_SECRET),
        ];
        for (name, (preset, settings, secret)) in NAMES.into_iter().zip(settings) {
            let new = NewUpstream {
                name,
                preset: Some(preset),
                settings,
                secret: Some(secret),
            };
            offer(operations, master, new).await?;
        }
        Ok(())
    }

    /// Runs both until the program ends, with all that they keep beside what `first` keeps.
    ///
    /// # Errors
    /// As `serve`.
    pub async fn run(self, first: &Settings, clock: Arc<dyn Clock>) -> Result<()> {
        let [other, kakao] = self.listeners;
        let key = key::known()?;
        StandIn::start(
            kakao,
            clock.clone(),
            Arc::new(OsEntropy),
            (key.clone(), key),
        )?;
        let settings = settings_of_other(first, self.issuer)?;
        let base = Base::open(&settings, other, clock)?;
        let (store, now) = (base.store.clone(), base.clock.now());
        key::plant(&*store, &settings.keys_dir, now).await?;
        let keys = open_keys(&*store, &settings.keys_dir, now).await?;
        let operations = Operations {
            store: &*store,
            entropy: &OsEntropy,
            caller: Caller::server(),
            now: now - key::AGE,
        };
        let seed = Seed::of(user(self.password), client(&first.issuer, &self.secret)?);
        Records::add(&operations, &keys.0, seed, None).await?;
        let service = base.launch(&settings, keys, configure).await?;
        Ok(service.run().await?)
    }
}

/// A name of this machine that the first issuer has not.
fn host_beside(first: &str) -> &'static str {
    match first.contains("//127.0.0.1") {
        true => "localhost",
        false => "127.0.0.1",
    }
}

/// Adds an upstream, or says anew of one that a folder has from before where it is now.
async fn offer(
    operations: &Operations<'_>,
    master: &MasterKey,
    new: NewUpstream<'_>,
) -> Result<()> {
    if operations.upstream(new.name).await.is_ok() {
        let change = UpstreamChange {
            settings: new.settings,
            secret: new.secret,
        };
        let updated = operations.update_upstream(master, new.name, change, None);
        match updated.await {
            // At another port it is another one, whose users are others.
            Err(OperationError::UpstreamIssuerInUse(_)) => {
                operations.delete_upstream(new.name, true, None).await?;
            }
            done => return Ok(done.map(drop)?),
        }
    }
    operations.create_upstream(master, new).await?;
    Ok(())
}

/// In a folder inside that of the first one.
fn settings_of_other(first: &Settings, issuer: String) -> Result<Settings> {
    let folder = first.keys_dir.with_file_name("other");
    mark(&folder)?;
    let mut settings = first.clone();
    settings.listen = issuer.trim_start_matches("http://").to_owned();
    settings.issuer = issuer;
    settings.database_url = format!("sqlite://{}/latchkey.db", folder.display());
    settings.keys_dir = folder.join("keys");
    settings.workers = 1;
    Ok(settings)
}

/// As long as a folder is kept they are the same user.
fn user(password: String) -> NewUser {
    NewUser {
        username: USER.into(),
        id: Some(UserId::new("carol-of-the-other-latchkey")),
        email: Some(format!("{USER}@example.net")),
        name: Some("Carol Park".into()),
        password: Some(password),
        ..NewUser::default()
    }
}

/// Trusted: the user has been asked for a password, and is not asked what the first Latchkey may know.
fn client(issuer: &str, secret: &str) -> Result<Registration> {
    let callback = Issuer::new(issuer).at(&paths::upstream_callback(NAMES[0]));
    Ok(Registration::parse(&json!({
        "client_id": CLIENT, "client_secret": secret, "client_name": "Latchkey", "trusted": true, "redirect_uris": [callback],
    }))?)
}
