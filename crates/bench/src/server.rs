//! The servers under test, on cores of their own.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    Options,
    client::Connection,
    database::{Postmaster, fields},
};

const PORT: u16 = 18080;
const PEER_PORT: u16 = 18091;
pub const ISSUER: &str = "http://127.0.0.1:18080";
/// Who signs in; they share a password. The first does so everywhere but where many sessions are needed.
pub const USERS: [&str; 8] = [
    "bench", "bench2", "bench3", "bench4", "bench5", "bench6", "bench7", "bench8",
];
pub const SECRET: &str = "bench-secret-0123456789-abcdefghijklm";

/// The processes that answer as one server.
#[derive(Debug, Clone)]
pub struct Target {
    nodes: Vec<(u16, u32)>,
    /// Of a PostgreSQL on this machine.
    postmaster: Option<Postmaster>,
    /// The app whose access tokens userinfo and introspection take.
    pub reader: &'static str,
}

impl Target {
    pub fn one(port: u16, pid: u32) -> Self {
        Self {
            nodes: vec![(port, pid)],
            postmaster: None,
            reader: "bench",
        }
    }

    /// A connection to one of the nodes, in turn.
    pub async fn connect(&self, n: usize) -> Result<Connection> {
        Connection::open(self.nodes[n % self.nodes.len()].0, Ipv4Addr::LOCALHOST).await
    }

    /// A connection from this loopback address.
    pub async fn connect_from(&self, address: Ipv4Addr) -> Result<Connection> {
        Connection::open(self.nodes[0].0, address).await
    }

    pub fn cpu_seconds(&self) -> f64 {
        self.nodes.iter().map(|(_, pid)| cpu_seconds(*pid)).sum()
    }

    /// What PostgreSQL has spent, where it is on this machine.
    pub fn database_cpu_seconds(&self) -> f64 {
        self.postmaster.map_or(0.0, Postmaster::cpu_seconds)
    }

    /// Resident memory of all nodes.
    pub fn memory_mb(&self) -> f64 {
        self.nodes
            .iter()
            .map(|(_, pid)| memory_mb(*pid, "VmRSS"))
            .sum()
    }

    /// Of that what is no mapped file: the kernel does not take it back.
    pub fn own_memory_mb(&self) -> f64 {
        self.nodes
            .iter()
            .map(|(_, pid)| memory_mb(*pid, "RssAnon"))
            .sum()
    }
}

/// CPU seconds of a process so far: utime and stime, fields 14 and 15, in 100 ticks a second.
fn cpu_seconds(pid: u32) -> f64 {
    // Without the number, the name and the state they are here at 10 and 11.
    fields(pid).iter().skip(10).take(2).sum::<f64>() / 100.0
}

fn memory_mb(pid: u32, kind: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with(kind))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse::<f64>().ok())
        .unwrap_or_default()
        / 1024.0
}

/// Keeps this process off the server's cores, where there are others. Returns how many it has.
pub fn keep_off(cores: &str) -> Result<usize> {
    let all = std::thread::available_parallelism()?.get();
    let theirs: Vec<&str> = cores.split(',').collect();
    let ours: Vec<String> = (0..all)
        .map(|n| n.to_string())
        .filter(|n| !theirs.contains(&n.as_str()))
        .collect();
    if ours.is_empty() {
        println!("there are no cores left for the driver: ratios will be low");
        return Ok(1);
    }
    let (list, id) = (ours.join(","), std::process::id().to_string());
    let done = Command::new("taskset")
        .args(["-acp", &list, &id])
        .stdout(Stdio::null())
        .status();
    ensure!(
        done.is_ok_and(|status| status.success()),
        "taskset -acp {list} {id} failed (util-linux)"
    );
    Ok(ours.len())
}

/// What a measurement needs, to keep server and driver apart.
pub const TASKSET: &str = "taskset is needed (Debian: util-linux)";

pub fn ready(port: u16, path: &str) -> Result<()> {
    for _ in 0..4000 {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes())?;
            let mut text = String::new();
            if stream.read_to_string(&mut text).is_ok() && text.contains(" 200 ") {
                return Ok(());
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("port {port} does not answer")
}

pub fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ended = child.kill();
    let _waited = child.wait();
}

pub struct Server {
    nodes: Vec<Child>,
    folder: tempfile::TempDir,
    cores: String,
    database_url: String,
    postmaster: Option<Postmaster>,
    binary: std::path::PathBuf,
    has_logout_uri: bool,
    has_status_lists: bool,
    /// Of the first node.
    port: u16,
}

impl Server {
    pub fn start(options: &Options) -> Result<Self> {
        Self::start_on(options, PORT)
    }

    pub fn start_on(options: &Options, port: u16) -> Result<Self> {
        Self::start_with(options, port, true)
    }

    /// Its tokens have no entries in status lists.
    pub fn start_without_status_lists(options: &Options, port: u16) -> Result<Self> {
        Self::start_with(options, port, false)
    }

    fn start_with(options: &Options, port: u16, has_status_lists: bool) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("bench")
            .tempdir_in("target")?;
        let sqlite = || format!("sqlite://{}/latchkey.db", folder.path().display());
        let database_url = options.database_url.clone().unwrap_or_else(sqlite);
        let postmaster = match &options.database_url {
            Some(url) => Postmaster::of(url)?,
            None => None,
        };
        let mut server = Self {
            nodes: Vec::new(),
            folder,
            cores: options.cores.clone(),
            database_url,
            postmaster,
            binary: options.binary.clone(),
            has_logout_uri: options.logout_uri,
            has_status_lists,
            port,
        };
        for _ in 0..options.nodes {
            server.add_node()?;
        }
        Ok(server)
    }

    pub fn target(&self) -> Target {
        Target {
            nodes: (self.port..)
                .zip(self.nodes.iter().map(Child::id))
                .collect(),
            postmaster: self.postmaster,
            reader: "bench",
        }
    }

    /// The database, to be changed behind the server's back.
    pub fn database(&self) -> latchkey_storage::Options {
        latchkey_storage::Options {
            url: self.database_url.clone(),
            pool: 1,
        }
    }

    /// The file of a SQLite database.
    pub fn database_file(&self) -> std::path::PathBuf {
        self.folder.path().join("latchkey.db")
    }

    pub fn keys_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("keys")
    }

    /// Adds the users and the app.
    pub fn prepare(&self) -> Result<()> {
        for username in USERS {
            let email = format!("{username}@example.org");
            let user = [
                "user",
                "create",
                username,
                "--email",
                &email,
                "--password-stdin",
            ];
            self.command(&user, "correct horse")?;
        }
        let mut app = json!({
            "client_id": "bench", "client_secret": SECRET, "trusted": true, "redirect_uris": ["https://bench.example/cb"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        });
        if self.has_logout_uri {
            app["backchannel_logout_uri"] = json!("https://bench.example/out");
        }
        self.add_client(&app)
    }

    /// Registers a client.
    pub fn add_client(&self, metadata: &Value) -> Result<()> {
        let create = ["client", "create", "--from", "-"];
        self.command(&create, &metadata.to_string())
    }

    fn add_node(&mut self) -> Result<()> {
        let port = self.port + u16::try_from(self.nodes.len())?;
        let log = std::fs::File::create(self.folder.path().join(format!("log{port}")))?;
        let no_binary = || {
            format!(
                "there is no {}; run cargo build --release -p latchkey first",
                self.binary.display()
            )
        };
        // taskset would start, and fail where nobody looks.
        std::fs::metadata(&self.binary).with_context(no_binary)?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", &self.cores])
            .arg(&self.binary)
            .arg("serve")
            .stderr(log);
        self.configure(&mut command)
            .env("LATCHKEY_LISTEN", format!("127.0.0.1:{port}"));
        let child = command.spawn().context(TASKSET)?;
        self.nodes.push(child);
        ready(port, "/readyz")
    }

    fn configure<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("LATCHKEY_ISSUER", ISSUER)
            .env("LATCHKEY_DATABASE_URL", &self.database_url)
            .env("LATCHKEY_KEYS_DIR", self.folder.path().join("keys"))
            .env(
                "LATCHKEY_WORKERS",
                self.cores.split(',').count().to_string(),
            )
            .env("LATCHKEY_TOKENS__ACCESS_TOKEN_LIFETIME", "1h")
            .env(
                "LATCHKEY_TOKENS__STATUS_LIST",
                self.has_status_lists.to_string(),
            )
            // Apps that are told of sign-outs are on this machine.
            .env("LATCHKEY_OUTBOUND__ALLOW", "127.0.0.0/8")
    }

    /// Runs a command of the binary on the same database.
    fn command(&self, arguments: &[&str], stdin: &str) -> Result<()> {
        let mut command = Command::new(&self.binary);
        self.configure(&mut command)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut child = command.spawn()?;
        child
            .stdin
            .take()
            .context("stdin")?
            .write_all(stdin.as_bytes())?;
        ensure!(child.wait()?.success(), "latchkey {arguments:?} failed");
        Ok(())
    }

    /// Ends all nodes and measures the start of one on the database as it now is.
    pub fn restart(&mut self) -> Result<(String, Duration)> {
        self.nodes.drain(..).for_each(|mut node| end(&mut node));
        let started = Instant::now();
        self.add_node()?;
        let kind = self
            .database_url
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok((kind, started.elapsed()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(end);
    }
}

/// The npm package oidc-provider, set up in `crates/bench/peer`.
pub struct Peer(Child);

fn install_peer() -> Result<()> {
    let folder = "crates/bench/peer";
    if std::path::Path::new(folder).join("node_modules").exists() {
        return Ok(());
    }
    println!("installing the npm packages of {folder}");
    let done = Command::new("npm")
        .args(["ci", "--silent"])
        .current_dir(folder)
        .status();
    ensure!(
        done.is_ok_and(|s| s.success()),
        "npm ci failed in {folder}; it needs Node and npm"
    );
    Ok(())
}

impl Peer {
    pub fn start(cores: &str) -> Result<Self> {
        install_peer()?;
        let mut command = Command::new("taskset");
        command.args(["-c", cores, "node", "crates/bench/peer/server.mjs"]);
        command
            .env("NODE_ENV", "production")
            .env("PORT", PEER_PORT.to_string())
            .env("SECRET", SECRET);
        let peer = Self(
            command
                .stderr(std::fs::File::create("target/bench-peer.log")?)
                .spawn()?,
        );
        ready(PEER_PORT, "/readyz").context("see target/bench-peer.log")?;
        Ok(peer)
    }

    pub fn target(&self) -> Target {
        Target {
            reader: "opaque",
            ..Target::one(PEER_PORT, self.0.id())
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}
