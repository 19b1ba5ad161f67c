//! `latchkey dev` as a program starts it: any port, one line of JSON, users and clients of a file, nothing left behind.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use super::{Http, reqwest_blocking, support::*};

pub const SEED: &str = r#"{
  "users": [
    {"username": "alice", "email": "alice@example.org", "name": "Alice Kim", "roles": ["editor"], "password": "correct horse"},
    {"username": "bob", "claims": {"locale": "ko-KR"}, "password": "battery staple"},
    {"username": "carol"}
  ],
  "clients": [
    {"client_id": "shop", "client_secret": "a-secret-of-the-shop-0123456789abcdef", "redirect_uris": ["http://localhost/callback"],
     "grant_types": ["authorization_code", "refresh_token"]},
    {"client_id": "robot", "client_secret": "a-secret-of-the-robot-0123456789abcde", "grant_types": ["client_credentials"]},
    {"client_id": "trusted", "trusted": true, "redirect_uris": ["http://localhost/trusted"], "id_token_signed_response_alg": "ES256"}
  ]
}"#;

/// One that a program has started.
pub struct Started {
    pub line: Value,
    pub running: Running,
    stdout: BufReader<ChildStdout>,
    pub at: Place,
}

/// As `dev` does, with these options and this file as its seed.
pub fn dev(seed: &str, options: &[&str]) -> Started {
    dev_at(Place::bare(), seed, options)
}

pub fn dev_at(at: Place, seed: &str, options: &[&str]) -> Started {
    let mut command = command(&at, seed, options);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut stdout = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    Started {
        line: serde_json::from_str(&line).unwrap(),
        running,
        stdout,
        at,
    }
}

fn command(at: &Place, seed: &str, options: &[&str]) -> Command {
    std::fs::write(at.folder.path().join("seed.json"), seed).unwrap();
    let mut command = at.command(&["dev", "--seed", "seed.json"]);
    command.args(options).stderr(Stdio::null());
    command
}

impl Started {
    pub fn issuer(&self) -> String {
        self.line["issuer"].as_str().unwrap().to_owned()
    }

    fn folder(&self) -> PathBuf {
        let url = self.line["database_url"].as_str().unwrap();
        let file = Path::new(url.strip_prefix("sqlite://").unwrap());
        file.parent().unwrap().to_path_buf()
    }
}

impl Http {
    pub fn json(&self, address: &str) -> Value {
        let answer = self.0.block_on(self.1.get(address).send()).unwrap();
        assert_eq!(answer.status(), 200, "{address}");
        self.0.block_on(answer.json()).unwrap()
    }

    fn client_credentials(&self, issuer: &str, (id, secret): (&str, &str)) -> u16 {
        let form = [("grant_type", "client_credentials")];
        let request = self.1.post(format!("{issuer}/token"));
        let sent = request.basic_auth(id, Some(secret)).form(&form).send();
        self.0.block_on(sent).unwrap().status().as_u16()
    }
}

#[test]
fn a_free_port_is_told_in_one_line_of_json_and_answers() {
    let dev = dev(SEED, &["--port", "0", "--no-demo"]);
    let (http, issuer) = (reqwest_blocking(), dev.issuer());
    let discovery = http.json(dev.line["discovery"].as_str().unwrap());
    assert_eq!(discovery["issuer"], issuer);
    assert!(issuer.starts_with("http://localhost:"), "{issuer}");
    assert_eq!(dev.line["pid"], dev.running.0.id());
    assert!(dev.line["ready_ms"].is_u64());
    assert_eq!(dev.line["demo"], Value::Null);
    let robot = ("robot", "a-secret-of-the-robot-0123456789abcde");
    assert_eq!(http.client_credentials(&issuer, robot), 200);
    assert_eq!(http.client_credentials(&issuer, ("robot", "another")), 401);
    // The key of a client's algorithm is made with it.
    let keys = http.json(discovery["jwks_uri"].as_str().unwrap());
    let algorithms: Vec<_> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| &k["alg"])
        .collect();
    assert!(algorithms.contains(&&json!("ES256")), "{keys}");
    assert!(algorithms.contains(&&json!("RS256")), "{keys}");

    let Started {
        running,
        mut stdout,
        ..
    } = dev;
    running.stop();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line, and no more");
}

#[test]
fn the_line_names_users_and_clients_with_what_they_prove_themselves_by() {
    let dev = dev(SEED, &["--port", "0", "--no-demo"]);
    let users = dev.line["users"].as_array().unwrap();
    let shown: Vec<_> = users
        .iter()
        .map(|u| (&u["username"], &u["password"]))
        .collect();
    let (alice, bob) = (json!("alice"), json!("bob"));
    let (first, second) = (json!("correct horse"), json!("battery staple"));
    let wanted = [
        (&alice, &first),
        (&bob, &second),
        (&json!("carol"), &Value::Null),
    ];
    assert_eq!(shown, wanted, "those of the file, and nobody else");
    assert!(
        users
            .iter()
            .all(|user| user["sub"].as_str().is_some_and(|sub| sub.len() == 36))
    );
    let clients = dev.line["clients"].as_array().unwrap();
    assert_eq!(
        clients[0],
        json!({ "client_id": "shop", "client_secret": "a-secret-of-the-shop-0123456789abcdef" })
    );
    let made = clients[2]["client_secret"].as_str().unwrap();
    assert!(
        made.len() > 30,
        "one that the file leaves out is made, and told"
    );
    // Commands can be run beside it.
    let mut command = dev.at.command(&["user", "show", "bob", "--json"]);
    command.env(
        "LATCHKEY_DATABASE_URL",
        dev.line["database_url"].as_str().unwrap(),
    );
    let out = command
        .env("LATCHKEY_KEYS_DIR", dev.line["keys_dir"].as_str().unwrap())
        .output()
        .unwrap();
    let bob: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(bob["claims"]["locale"], "ko-KR");
}

#[test]
fn a_user_has_the_subject_that_the_seed_names_at_each_start() {
    let seed = SEED.replace(
        "\"username\": \"bob\"",
        "\"username\": \"bob\", \"sub\": \"user-2\"",
    );
    let options = ["--data", "data", "--port", "0", "--no-demo"];
    let first = dev(&seed, &options);
    assert_eq!(first.line["users"][1]["sub"], "user-2");
    let alice = first.line["users"][0]["sub"].clone();
    first.running.stop();
    let again = dev_at(first.at, &seed, &options);
    assert_eq!(again.line["users"][1]["sub"], "user-2");
    assert_ne!(again.line["users"][0]["sub"], alice, "one that is made");
}

#[test]
fn many_run_beside_each_other_with_their_demo_apps() {
    let both = [dev(SEED, &["--port", "0"]), dev(SEED, &["--port", "0"])];
    assert_ne!(both[0].issuer(), both[1].issuer());
    let http = reqwest_blocking();
    let mut apps = Vec::new();
    for dev in &both {
        for app in dev.line["demo"]["apps"].as_array().unwrap() {
            let app = app.as_str().unwrap().to_owned();
            let page = http.0.block_on(http.1.get(&app).send()).unwrap();
            let page = http.0.block_on(page.text()).unwrap();
            assert!(page.contains("id=\"sign-in\""), "{page}");
            apps.push(app);
        }
        for api in dev.line["demo"]["apis"].as_array().unwrap() {
            let asked = http.0.block_on(http.1.get(api.as_str().unwrap()).send());
            assert_eq!(asked.unwrap().status(), 401);
        }
        assert_eq!(dev.line["demo"]["api"], dev.line["demo"]["apis"][0]);
        let spa = dev.line["demo"]["single_page_app"].as_str().unwrap();
        let page = http.0.block_on(http.1.get(spa).send()).unwrap();
        assert_eq!(page.status(), 200);
        apps.push(spa.to_owned());
    }
    apps.sort();
    apps.dedup();
    assert_eq!(apps.len(), 6);
}

#[test]
fn everything_is_in_memory_and_gone_at_the_end_however_that_comes() {
    let ended = dev(SEED, &["--port", "0", "--no-demo"]);
    let folder = ended.folder();
    if cfg!(target_os = "linux") && Path::new("/dev/shm").is_dir() {
        assert!(folder.starts_with("/dev/shm"), "{}", folder.display());
    }
    assert!(folder.join("latchkey.db").is_file());
    ended.running.stop();
    assert!(!folder.exists());

    let mut killed = dev(SEED, &["--port", "0", "--no-demo"]);
    let left = killed.folder();
    killed.running.0.kill().unwrap();
    killed.running.0.wait().unwrap();
    assert!(left.exists());
    let next = dev(SEED, &["--port", "0", "--no-demo"]);
    assert!(!left.exists(), "the next one clears it away");
    assert!(next.folder().exists());
}

#[test]
fn of_a_seed_with_a_fault_the_line_the_member_and_the_fix_are_named_and_nothing_starts() {
    for (seed, says) in [
        (
            SEED.replace("\"email\"", "\"emial\""),
            "seed.json:3: users[0].emial: unknown field",
        ),
        (
            SEED.replace("alice@example.org", "alice"),
            "seed.json:3: users[0].email: ",
        ),
        (
            SEED.replace("battery staple", "short"),
            "seed.json:4: users[1].password: ",
        ),
        (
            SEED.replace("\"carol\"", "\"alice\""),
            "seed.json:5: users[2].username: there is already somebody called alice; choose another",
        ),
        (
            SEED.replace("\"robot\"", "\"shop\""),
            "seed.json:10: clients[1].client_id: the client_id shop is taken; choose another",
        ),
        (
            SEED.replace("http://localhost/callback", "/callback"),
            "seed.json:8: clients[0].redirect_uris",
        ),
        (
            SEED.replace("\"clients\"", "\"apps\""),
            "seed.json:7: apps: a seed has the members users and clients",
        ),
        (
            SEED.replace("\"carol\"", "\"carol\", \"sub\": \"c d\""),
            "seed.json:5: users[2].sub: this is no subject; use 1 to 255",
        ),
        (
            SEED.replace("\"alice\",", "\"alice\", \"sub\": \"c\",")
                .replace("\"carol\"", "\"carol\", \"sub\": \"c\""),
            "seed.json:5: users[2].sub: there is already a user with the subject c; choose another",
        ),
        (
            SEED.replace("\"carol\"", "\"carol\", \"sub\": \"robot\""),
            "seed.json:5: users[2].sub: robot is the client_id of a client; choose another",
        ),
        (SEED.replace("\"carol\"}", "\"carol\""), "at line 6"),
    ] {
        let at = Place::bare();
        let mut command = command(
            &at,
            &seed,
            &[
                "--data",
                "data",
                "--port",
                &at.port.to_string(),
                "--no-demo",
            ],
        );
        let out = command.stderr(Stdio::piped()).output().unwrap();
        refused(&out, says);
        assert_eq!(
            String::from_utf8_lossy(&out.stdout),
            "latchkey dev: making a database, keys and users ...\n"
                .repeat(usize::from(!out.stdout.is_empty()))
        );
        assert!(TcpStream::connect(("127.0.0.1", at.port)).is_err());
    }
    let at = Place::bare();
    let out = at.run(&["dev", "--seed", "nowhere.json", "--port", "0"], "");
    refused(&out, "nowhere.json cannot be read");
}

#[test]
fn it_runs_for_this_machine_alone_whatever_port_is_asked_for() {
    let at = Place::bare();
    for (name, value) in [
        ("LATCHKEY_ISSUER", "https://id.example.org"),
        ("LATCHKEY_LISTEN", "0.0.0.0:0"),
    ] {
        let mut command = at.command(&["dev", "--port", "0"]);
        let out = command.env(name, value).output().unwrap();
        refused(&out, "loopback");
        assert!(out.stdout.is_empty());
    }
}

/// What everybody can sign with proves nothing.
#[test]
fn serve_refuses_a_database_with_the_key_that_everybody_has() {
    let dev = dev(SEED, &["--data", "data", "--port", "0", "--no-demo"]);
    let folder = dev.at.folder.path().join("data");
    dev.running.stop();
    let mut command = dev.at.command(&["serve"]);
    command.env(
        "LATCHKEY_DATABASE_URL",
        format!("sqlite://{}/latchkey.db", folder.display()),
    );
    let out = command
        .env("LATCHKEY_KEYS_DIR", folder.join("keys"))
        .output()
        .unwrap();
    refused(
        &out,
        "made by latchkey dev: its signing key is published with the program",
    );
    // It goes on as what it is.
    let again = dev_at(
        dev.at,
        SEED,
        &["--data", "data", "--port", "0", "--no-demo"],
    );
    assert_eq!(again.line["users"][0]["username"], "alice");
}
