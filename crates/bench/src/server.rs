//! The server under test, on cores of its own.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::Options;

pub const PORT: u16 = 18080;
pub const ISSUER: &str = "http://127.0.0.1:18080";
pub const SECRET: &str = "bench-secret-0123456789-abcdefghijklm";

pub struct Server {
    child: std::cell::RefCell<Child>,
    folder: tempfile::TempDir,
    cores: String,
    database_url: String,
}

/// CPU seconds of a process so far.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // utime and stime, fields 14 and 15; the state's letter falls out, so they are here at 10 and 11. 100 ticks a second.
    (fields.get(10).unwrap_or(&0.0) + fields.get(11).unwrap_or(&0.0)) / 100.0
}

fn taskset(list: &str, pid: u32) -> Result<()> {
    let done = Command::new("taskset").args(["-a", "-cp", list, &pid.to_string()]).stdout(Stdio::null()).status();
    match done {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("taskset -cp {list} {pid} failed (util-linux)"),
    }
}

/// Keeps this process off the server's cores, where there are others.
pub fn keep_off(cores: &str) -> Result<()> {
    let all = std::thread::available_parallelism()?.get();
    let theirs: Vec<&str> = cores.split(',').collect();
    let ours: Vec<String> = (0..all).map(|n| n.to_string()).filter(|n| !theirs.contains(&n.as_str())).collect();
    if ours.is_empty() {
        println!("there are no cores left for the driver: ratios will be low");
        return Ok(());
    }
    taskset(&ours.join(","), std::process::id())
}

pub fn pin_thread(cores: &str) -> Result<()> {
    let link = std::fs::read_link("/proc/thread-self")?;
    let id = link.file_name().and_then(|n| n.to_str()).context("no thread id")?.to_owned();
    let done = Command::new("taskset").args(["-cp", cores, &id]).stdout(Stdio::null()).status()?;
    anyhow::ensure!(done.success(), "taskset failed");
    Ok(())
}

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

impl Server {
    pub fn start(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("latchkey-bench").tempdir_in(".")?;
        let database_url =
            options.database_url.clone().unwrap_or_else(|| format!("sqlite://{}/latchkey.db", folder.path().display()));
        let cores = options.cores.clone();
        let child = std::cell::RefCell::new(spawn(&folder, &database_url, &cores)?);
        let server = Self { child, folder, cores, database_url };
        ready(PORT, "/readyz")?;
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.borrow().id()
    }

    /// Resident memory.
    pub fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    }

    /// Runs a command of the binary on the same database.
    pub fn command(&self, arguments: &[&str], stdin: &str) -> Result<()> {
        let mut child = base(&self.folder, &self.database_url)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        child.stdin.take().context("stdin")?.write_all(stdin.as_bytes())?;
        anyhow::ensure!(child.wait()?.success(), "latchkey {arguments:?} failed");
        Ok(())
    }

    /// Ends it and measures a start on the database as it now is.
    pub fn restart(&self) -> Result<(String, Duration)> {
        self.child.borrow_mut().kill()?;
        self.child.borrow_mut().wait()?;
        let started = Instant::now();
        *self.child.borrow_mut() = spawn(&self.folder, &self.database_url, &self.cores)?;
        ready(PORT, "/readyz")?;
        let kind = self.database_url.split(':').next().unwrap_or_default().to_owned();
        Ok((kind, started.elapsed()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.borrow_mut().kill();
        let _waited = self.child.borrow_mut().wait();
    }
}

fn base(folder: &tempfile::TempDir, database_url: &str) -> Command {
    let mut command = Command::new("target/release/latchkey");
    command
        .env("LATCHKEY_ISSUER", ISSUER)
        .env("LATCHKEY_LISTEN", format!("127.0.0.1:{PORT}"))
        .env("LATCHKEY_DATABASE_URL", database_url)
        .env("LATCHKEY_KEYS_DIR", folder.path().join("keys"))
        .env("LATCHKEY_WORKERS", "2")
        .env("LATCHKEY_TOKENS__ACCESS_TOKEN_LIFETIME", "1h");
    command
}

fn spawn(folder: &tempfile::TempDir, database_url: &str, cores: &str) -> Result<Child> {
    let plain = base(folder, database_url);
    let log = std::fs::File::create(folder.path().join("log"))?;
    let mut command = Command::new("taskset");
    command.args(["-c", cores, "target/release/latchkey", "serve"]).stderr(log);
    for (name, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.spawn().context("cannot start target/release/latchkey; run cargo build --release -p latchkey first")
}
