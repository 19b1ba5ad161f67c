//! What `latchkey bff` adds to a call: the same small API called directly, through nginx, and through a backend-for-frontend
//! with a session in memory and in SQLite. Run by run beside one another; everything in ratios within one run.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{
    Load, Measurement, Options,
    bare::{self, Bare},
    client::Connection,
    drive::{block_on, drive},
    server::{self, ISSUER, SECRET, Server, Target},
    steps::sign_in,
};

const NGINX: u16 = 18097;
/// Where each backend-for-frontend listens, and its store.
const STORES: [(&str, u16, &str); 2] = [
    ("bff, memory", 18095, "memory"),
    ("bff, SQLite", 18096, "sqlite://bff.db"),
];
const CLIENT: &str = "bff";
/// A call through the backend-for-frontend, of the same through nginx, by their medians on one connection: less than this.
const GOAL: f64 = 1.5;

/// A way to the API.
struct Way {
    name: &'static str,
    target: Target,
    request: Vec<u8>,
    runs: Vec<Measurement>,
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Told, and not killed: the workers of nginx would outlive their parent.
        let id = self.0.id().to_string();
        let _told = Command::new("kill").arg(id).status();
        let _waited = self.0.wait();
    }
}

/// Prints the table: on one connection, and on as many as the options say.
pub fn run(server: &Server, options: &Options, load: &Load) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("bff")
        .tempdir_in("target")?;
    let ports = STORES.map(|(_, port, _)| format!("http://127.0.0.1:{port}/bff/callback"));
    server.add_client(&json!({
        "client_id": CLIENT, "client_secret": SECRET, "trusted": true, "redirect_uris": ports,
        "grant_types": ["authorization_code", "refresh_token"],
    }))?;
    let body = json!({ "orders": (0..20).map(|n| json!({ "id": n, "text": "x".repeat(30) })).collect::<Vec<_>>() });
    let plain = b"GET /api/orders HTTP/1.1\r\nHost: b\r\n\r\n".to_vec();
    let api = Bare::start(&plain, body.to_string().as_bytes(), &options.cores)?;
    let nginx = nginx(folder.path(), &options.cores)?;
    let mut ways = vec![
        Way::new("directly", api.target(), plain.clone()),
        Way::new("nginx", Target::one(NGINX, nginx.0.id()), plain),
    ];
    let mut running = vec![nginx];
    for (name, port, store) in STORES {
        let bff = bff(folder.path(), port, store, options)?;
        let target = Target::one(port, bff.0.id());
        running.push(bff);
        let cookies = block_on(signed_in(&server.target(), &target))?;
        let request = format!(
            "GET /api/orders HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookies}\r\nX-Latchkey-BFF: 1\r\n\r\n"
        );
        ways.push(Way::new(name, target, request.into_bytes()));
    }
    for connections in [1, load.connections] {
        let load = Load {
            connections,
            threads: load.threads.min(connections),
            ..*load
        };
        measure(&mut ways, &load)?;
        print(&ways, connections);
        if connections == 1 {
            for way in &ways[2..] {
                println!("{}", verdict(way.name, of_nginx(way, &ways[1])));
            }
        }
    }
    Ok(())
}

impl Way {
    fn new(name: &'static str, target: Target, request: Vec<u8>) -> Self {
        Self {
            name,
            target,
            request,
            runs: Vec::new(),
        }
    }

    /// The run in the middle, by its median.
    fn median(&self) -> &Measurement {
        let mut runs: Vec<_> = self.runs.iter().collect();
        runs.sort_by_key(|run| run.p50);
        runs[runs.len() / 2]
    }
}

/// Run by run, so that what else the machine does falls on all alike.
fn measure(ways: &mut [Way], load: &Load) -> Result<()> {
    ways.iter_mut().for_each(|way| way.runs.clear());
    for _ in 0..load.runs {
        for way in &mut *ways {
            let run = drive(&way.target, load, async |c, _| {
                c.send(&way.request).await?.expect(200).map(drop)
            });
            way.runs.push(run.with_context(|| way.name)?);
        }
    }
    Ok(())
}

/// Median of median, as the table has it.
fn of_nginx(way: &Way, nginx: &Way) -> f64 {
    way.median().p50.as_secs_f64() / nginx.median().p50.as_secs_f64()
}

/// With many connections that share cores with the driver waiting is measured, and not what a call costs: no goal there.
fn verdict(name: &str, of_nginx: f64) -> String {
    let met = if of_nginx < GOAL { "met" } else { "missed" };
    format!("goal: p50 less than {GOAL} times that of nginx. {name}: {of_nginx:.2}, {met}")
}

fn print(ways: &[Way], connections: usize) {
    println!(
        "\n{connections} connections\n{:14} {:>8} {:>8} {:>8} {:>10} {:>10} {:>16}",
        "", "req/s", "p50 ms", "p99 ms", "of nginx", "p99", "added, of nginx's"
    );
    let (direct, nginx) = (ways[0].median(), ways[1].median());
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let added = |run: &Measurement| ms(run.p50) - ms(direct.p50);
    for way in ways {
        let run = way.median();
        println!(
            "{:14} {:>8.0} {:>8.3} {:>8.3} {:>10.2} {:>10.2} {:>16.2}",
            way.name,
            run.per_second,
            ms(run.p50),
            ms(run.p99),
            of_nginx(way, &ways[1]),
            ms(run.p99) / ms(nginx.p99),
            added(run) / added(nginx)
        );
    }
}

/// As many workers as the backend-for-frontend has, which keep their connections to the API.
fn nginx(folder: &Path, cores: &str) -> Result<Running> {
    let folder = folder.canonicalize()?;
    let (at, workers, api) = (folder.display(), cores.split(',').count(), bare::PORT);
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {at}/{kind};\n"))
        .concat();
    let text = format!(
        "worker_processes {workers};\npid {at}/nginx.pid;\nerror_log {at}/nginx.log;\ndaemon off;\nevents {{}}\nhttp {{\n\
         {temporary}    access_log off;\n    keepalive_requests 1000000000;\n    tcp_nodelay on;\n\
         \x20   upstream api {{ server 127.0.0.1:{api}; keepalive 64; keepalive_requests 1000000000; }}\n\
         \x20   server {{\n        listen 127.0.0.1:{NGINX};\n        location / {{\n            proxy_pass http://api;\n\
         \x20           proxy_http_version 1.1;\n            proxy_set_header Connection \"\";\n            proxy_set_header Host $host;\n\
         \x20       }}\n    }}\n}}\n"
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, text)?;
    let child = Command::new("taskset")
        .args(["-c", cores, "nginx", "-e"])
        .arg(folder.join("nginx.log"))
        .arg("-c")
        .arg(&config)
        .spawn()
        .context("taskset and nginx are needed (Debian: util-linux, nginx-light)")?;
    let running = Running(child);
    server::ready(NGINX, "/").context("nginx, see nginx.log")?;
    Ok(running)
}

fn bff(folder: &Path, port: u16, store: &str, options: &Options) -> Result<Running> {
    let api = bare::PORT;
    let text = format!(
        "origin = \"http://127.0.0.1:{port}\"\nlisten = \"127.0.0.1:{port}\"\nissuer = \"{ISSUER}\"\nclient_id = \"{CLIENT}\"\n\
         client_secret = \"{SECRET}\"\nstore = \"{store}\"\nseal_keys_file = \"bff{port}.keys\"\n\
         [limits]\ncalls_of_user = 1000\n[[upstream]]\npath = \"/api\"\nto = \"http://127.0.0.1:{api}/api\"\n"
    );
    let config = folder.join(format!("bff{port}.toml"));
    std::fs::write(&config, text)?;
    let log = std::fs::File::create(folder.join(format!("bff{port}.log")))?;
    let mut command = Command::new("taskset");
    command
        .args(["-c", &options.cores])
        .arg(&options.binary)
        .args(["bff", "--config"])
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(log);
    let running = Running(command.spawn().context(server::TASKSET)?);
    server::ready(port, "/readyz").with_context(|| format!("latchkey bff on {store}"))?;
    Ok(running)
}

/// The cookies of a browser that has signed in.
async fn signed_in(provider: &Target, bff: &Target) -> Result<String> {
    let mut app: Connection = bff.connect(0).await?;
    let mut browser = provider.connect(0).await?;
    let begun = app.browse("GET", "/bff/login", None).await?.expect(303)?;
    let back = sign_in(&mut browser, &begun.path()?).await?;
    app.browse("GET", &back, None).await?.expect(303)?;
    let session = app
        .cookies
        .iter()
        .find(|(name, value)| name == "__Host-latchkey-bff" && !value.is_empty());
    ensure!(session.is_some(), "nobody is signed in");
    let cookies = session
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    Ok(cookies.collect())
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn the_goal_is_met_below_it_alone() {
        assert!(verdict("bff, SQLite", 1.47).ends_with("bff, SQLite: 1.47, met"));
        for missed in [1.5, 2.0, f64::NAN] {
            assert!(verdict("bff, memory", missed).ends_with("missed"));
        }
    }
}
