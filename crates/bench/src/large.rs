//! What a large SQLite database costs the endpoints that read: the same requests against a small and a large one, run
//! by run, with tokens spread over all of each.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use latchkey_jose::{Compact, MasterKey, Signer, SigningKey};
use latchkey_protocol::store::SigningKeys;
use latchkey_storage::Database;
use serde_json::Value;

use crate::{
    Load, Measurement, Options,
    client::{Connection, get, post},
    drive::{block_on, drive},
    median,
    scenarios::World,
    server::{Server, Target},
    steps::basic,
};

/// How much a database holds. Sessions are a multiple of users, and authorizations as many as sessions.
#[derive(Debug, Clone, Copy)]
struct Size {
    users: u32,
    sessions: u32,
}

const SMALL: Size = Size {
    users: 500,
    sessions: 5_000,
};
const LARGE: Size = Size {
    users: 100_000,
    sessions: 1_000_000,
};
/// Tokens that are asked about, for each database: fewer than a node remembers as verified.
const TOKENS: u32 = 5_000;
/// Rows that are made at once; they pass through memory.
const CHUNK: u32 = 100_000;
const PORTS: [u16; 2] = [18080, 18180];

struct Place {
    name: String,
    server: Server,
    tokens: Vec<String>,
}

pub fn run(options: &Options, load: &Load) -> Result<()> {
    ensure!(
        options.database_url.is_none(),
        "the large database is one of SQLite"
    );
    let places = [
        Place::prepare("small", options, load, PORTS[0], SMALL)?,
        Place::prepare("large", options, load, PORTS[1], LARGE)?,
    ];
    println!(
        "\n{:16} {:>18} {:>18} {:>6}",
        "per CPU-s", places[0].name, places[1].name, "ratio"
    );
    for name in ["userinfo", "introspection"] {
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..options.runs {
            for (place, all) in places.iter().zip(&mut measured) {
                all.push(place.run(name, load)?);
            }
        }
        let [small, large] = measured.map(|all| median(all).per_cpu_second);
        println!(
            "{name:16} {small:>18.0} {large:>18.0} {:>6.2}",
            large / small
        );
    }
    for place in &places {
        let (target, name) = (place.server.target(), &place.name);
        let (whole, own) = (target.memory_mb(), target.own_memory_mb());
        println!("memory afterwards, {name}: {whole:.1} MB, without mapped files {own:.1} MB");
    }
    Ok(())
}

impl Place {
    fn prepare(name: &str, options: &Options, load: &Load, port: u16, size: Size) -> Result<Self> {
        let mut server = Server::start_on(options, port)?;
        server.prepare()?;
        // A real sign-in, of which the rows are copies.
        let world = World::prepare(
            server.target(),
            &Load {
                connections: 1,
                ..*load
            },
        )?;
        let started = Instant::now();
        seed(&server, size)?;
        let tokens = tokens(&server, &world.access_token(), size)?;
        let bytes = std::fs::metadata(server.database_file())?.len();
        let name = format!("{name} ({} MB)", bytes >> 20);
        let (_, restarted) = server.restart()?;
        println!(
            "{name}: {} users, {} sessions and authorizations, made in {:.0} s; starts in {} ms; idle memory {:.1} MB",
            size.users,
            size.sessions,
            started.elapsed().as_secs_f64(),
            restarted.as_millis(),
            server.target().memory_mb()
        );
        let place = Self {
            name,
            server,
            tokens,
        };
        place.warm()?;
        Ok(place)
    }

    /// Each token once, so that its signature has been verified.
    fn warm(&self) -> Result<()> {
        block_on(async {
            let mut c = self.server.target().connect(0).await?;
            for token in &self.tokens {
                ask_userinfo(&mut c, token).await?;
            }
            Ok(())
        })
    }

    fn run(&self, name: &str, load: &Load) -> Result<Measurement> {
        let (target, next): (Target, _) = (self.server.target(), AtomicUsize::new(0));
        let token = || &self.tokens[next.fetch_add(1, Ordering::Relaxed) % self.tokens.len()];
        // The numbers of the first moments are those of a cold cache.
        let quick = Load {
            seconds: 1,
            ..*load
        };
        match name {
            "userinfo" => {
                drive(&target, &quick, async |c, _| ask_userinfo(c, token()).await)?;
                drive(&target, load, async |c, _| ask_userinfo(c, token()).await)
            }
            _ => {
                drive(&target, &quick, async |c, _| {
                    ask_introspection(c, token()).await
                })?;
                drive(&target, load, async |c, _| {
                    ask_introspection(c, token()).await
                })
            }
        }
    }
}

async fn ask_userinfo(c: &mut Connection, token: &str) -> Result<()> {
    c.send(&get("/userinfo", &format!("Bearer {token}")))
        .await?
        .expect(200)
        .map(|_| ())
}

async fn ask_introspection(c: &mut Connection, token: &str) -> Result<()> {
    let answer = c
        .send(&post(
            "/introspect",
            &basic("bench"),
            &format!("token={token}"),
        ))
        .await?
        .expect(200)?;
    ensure!(
        answer.body.windows(13).any(|w| w == b"\"active\":true"),
        "not active"
    );
    Ok(())
}

/// Where the number of a row stands in what it is changed by.
const NUMBER: &str = "$n";

/// The id of the nth row, as long as a real one.
fn id(n: u32) -> String {
    format!("{n:08x}-0000-7000-8000-{n:012x}")
}

/// The same in SQL.
fn id_of(number: &str) -> String {
    format!("printf('%08x-0000-7000-8000-%012x', {number}, {number})")
}

/// Copies the rows of the one sign-in that there was.
fn seed(server: &Server, size: Size) -> Result<()> {
    let user = id_of(&format!("{NUMBER} % {}", size.users));
    let own = id_of(NUMBER);
    let name = format!("'user' || {NUMBER}");
    let address = format!("{name} || '@example.org'");
    let named = format!("id = {own}, username = {name}, email = {address}, email_key = {address}");
    copy(server, "users", size.users, &named)?;
    copy(
        server,
        "sessions",
        size.sessions,
        &format!("id = {own}, digest = randomblob(32), user_id = {user}"),
    )?;
    let authorization =
        format!("id = {own}, session_id = {own}, user_id = {user}, code = randomblob(32)");
    copy(server, "authorizations", size.sessions, &authorization)?;
    server
        .database()
        .script("PRAGMA wal_checkpoint(TRUNCATE); ANALYZE; PRAGMA optimize;")?;
    Ok(())
}

/// Adds `count` copies of the first row of `table`, of which the nth is changed by `set`.
fn copy(server: &Server, table: &str, count: u32, set: &str) -> Result<()> {
    for from in (0..count).step_by(CHUNK as usize) {
        let last = (from + CHUNK).min(count) - 1;
        server.database().script(&format!(
            "PRAGMA cache_size = -200000;
             BEGIN IMMEDIATE;
             CREATE TEMP TABLE copies AS
                 WITH RECURSIVE numbers(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
                 SELECT model.* FROM (SELECT * FROM {table} LIMIT 1) AS model, numbers;
             UPDATE copies SET {};
             INSERT INTO {table} SELECT * FROM copies;
             COMMIT;",
            set.replace(NUMBER, &format!("(rowid - 1 + {from})"))
        ))?;
    }
    Ok(())
}

/// Access tokens of sign-ins all over the database, signed as the server signs.
fn tokens(server: &Server, model: &str, size: Size) -> Result<Vec<String>> {
    let claims: Value = Compact::parse(model)?.unverified_claims()?;
    let signer = signer(server)?;
    let issuer = claims["iss"].clone();
    ensure!(issuer.is_string(), "no issuer");
    (0..TOKENS)
        .map(|k| {
            // Spread over the rows as a shuffle would.
            let n = u32::try_from(u64::from(k) * 2_654_435_761 % u64::from(size.sessions))?;
            let mut claims = claims.clone();
            claims["sub"] = id(n % size.users).into();
            claims["sid"] = id(n).into();
            claims["jti"] = format!("{}.{}", id(n), id(k)).into();
            Ok(signer.sign("at+jwt", &claims)?)
        })
        .collect()
}

fn signer(server: &Server) -> Result<Signer> {
    let file: PathBuf = server.keys_dir().join("master.key");
    let master = MasterKey::from_hex(&std::fs::read_to_string(file)?)?;
    let store = Database::open(&server.database())?;
    let keys = block_on(async { Ok(store.signing_keys().await?) })?;
    let sealed = keys
        .iter()
        .find_map(|k| k.sealed.as_ref())
        .context("no signing key")?;
    Ok(Signer::new(&SigningKey::from_pem(&master.open(sealed)?)?)?)
}
