//! `latchkey bff`: the backend-for-frontend as a program of its own, for a backend in any language.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpServer, rt::net::TcpStream};
use anyhow::{Context, Result, anyhow};
use latchkey_bff::{
    Bff,
    settings::ConfigFile,
    store::{MemoryStore, RedisStore, SessionStore, SqlStore},
};

use socket2::{SockRef, TcpKeepalive};

use crate::{config::Settings, log, runtime::block_on, wiring::OsEntropy};

/// How long a caller may take for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection waits for the next request.
const IDLE: Duration = Duration::from_secs(75);
/// How long a connection is silent until the other side is asked whether it is there.
const ALIVE: Duration = Duration::from_secs(30);
/// The longest that calls under way may take when the program is told to end, in seconds.
const LAST_CALLS: u64 = 10;

pub fn run(file: Option<PathBuf>) -> Result<ExitCode> {
    let file = file.context("name the settings file: latchkey bff --config bff.toml")?;
    // Those of the provider have nothing to do with it: its log has their defaults.
    let _logging = log::start(&Settings::default());
    block_on(serve(&file))
}

async fn serve(file: &Path) -> Result<ExitCode> {
    let file = ConfigFile::load(file, &OsEntropy).map_err(|problems| anyhow!("{problems}"))?;
    let store = open(&file.store)?;
    let (listen, origin) = (file.listen, file.settings.origin.clone());
    let untaken = file.settings.limits.between;
    let bff = Bff::start(file.settings, store, Arc::new(OsEntropy)).map_err(|why| anyhow!(why))?;
    let routes = bff.routes();
    let server = HttpServer::new(move || App::new().configure(routes.clone()))
        .tcp_nodelay(true)
        .on_connect(move |connection, _| {
            if let Some(stream) = connection.downcast_ref() {
                give_up(stream, untaken);
            }
        })
        .client_request_timeout(HEAD)
        .keep_alive(IDLE)
        // A caller who goes away ends the call, and gives its place back.
        .h1_allow_half_closed(false)
        .shutdown_timeout(LAST_CALLS)
        .bind(&listen)
        .with_context(|| format!("cannot listen on {listen}"))?
        .run();
    tracing::info!(origin, listen, "ready");
    server.await?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the connection of a caller who is gone without a word, or who takes nothing of what was sent for that long.
fn give_up(stream: &TcpStream, untaken: Duration) {
    let socket = SockRef::from(stream);
    let alive = TcpKeepalive::new()
        .with_time(ALIVE)
        .with_interval(ALIVE / 2);
    // A socket without them serves as well.
    let _set = socket.set_tcp_keepalive(&alive);
    let _set = socket.set_tcp_user_timeout(Some(untaken));
}

fn open(store: &str) -> Result<Arc<dyn SessionStore>> {
    if store == "memory" {
        tracing::warn!(
            "sessions are in memory: they end with this process, and no other instance knows them"
        );
        return Ok(Arc::new(MemoryStore::default()));
    }
    if store.starts_with("redis://") {
        return Ok(Arc::new(RedisStore::open(store)?));
    }
    Ok(Arc::new(SqlStore::open(store)?))
}
