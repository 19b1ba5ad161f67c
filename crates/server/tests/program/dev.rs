//! `latchkey dev`: what it prints, and two apps that sign out when a session ends.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use reqwest::{Client, Response, StatusCode, header};
use serde_json::Value;

use super::{port, support::*};

const OPTIONS: [&str; 7] = [
    "--app-port",
    "--second-app-port",
    "--spa-port",
    "--api-port",
    "--second-api-port",
    "--other-port",
    "--stand-in-port",
];

/// One that runs, with its data in the folder of the place.
pub struct Dev {
    at: Place,
    /// The demo apps.
    pub apps: [String; 2],
    /// The single-page app.
    spa: String,
    /// The instances of the API.
    apis: [String; 2],
    said: String,
    _running: Running,
}

impl Dev {
    pub fn start() -> Self {
        let at = Place::bare();
        let ports = OPTIONS.map(|_| port::free().to_string());
        let mut command = at.command(&["dev", "--data", "."]);
        for (option, port) in OPTIONS.iter().zip(&ports) {
            command.args([option, &port.as_str()]);
        }
        command.stdout(Stdio::piped());
        let mut running = Running(command.spawn().unwrap());
        let mut said = String::new();
        let mut lines = BufReader::new(running.0.stdout.take().unwrap());
        while !said.contains("Ctrl-C") {
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it ended: {said}");
        }
        let [first, second, spa, api, second_api, ..] =
            ports.map(|port| format!("http://localhost:{port}"));
        Self {
            at,
            apps: [first, second],
            spa,
            apis: [api, second_api],
            said,
            _running: running,
        }
    }

    pub fn password(&self, user: &str) -> &str {
        let line = self
            .said
            .lines()
            .find(|line| line.trim_start().starts_with(user));
        line.unwrap().split_whitespace().last().unwrap()
    }

    /// A command beside it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.at.command(arguments);
        let url = format!("sqlite://{}/latchkey.db", self.at.folder.path().display());
        command.env("LATCHKEY_DATABASE_URL", url);
        command
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.command(arguments).output().unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        serde_json::from_slice(&out.stdout).unwrap()
    }
}

/// A browser without scripts.
pub struct Web(Client);

impl Web {
    pub fn new() -> Self {
        let client = Client::builder().no_proxy().cookie_store(true);
        Self(client.build().unwrap())
    }

    pub async fn page(&self, address: &str) -> (String, String) {
        shown(self.0.get(address).send().await.unwrap()).await
    }

    pub async fn submit(&self, address: &str, form: &[(&str, &str)]) -> (String, String) {
        shown(self.0.post(address).form(form).send().await.unwrap()).await
    }

    /// Signs in to an app, and allows it what it asks for. Whether a password was asked for; the app's page.
    async fn sign_in(&self, app: &str, user: &str, password: &str) -> (bool, String) {
        let (mut at, mut text) = self.page(&format!("{app}/login")).await;
        let asks = text.contains("id=\"password\"");
        if asks {
            let csrf = field(&text, "csrf");
            let form = [("csrf", &*csrf), ("username", user), ("password", password)];
            (at, text) = self.submit(&at, &form).await;
        }
        if text.contains("id=\"allow\"") {
            let csrf = field(&text, "csrf");
            (at, text) = self
                .submit(&at, &[("csrf", &csrf), ("decision", "allow")])
                .await;
        }
        assert_eq!(at, format!("{app}/"), "{text}");
        assert!(text.contains("id=\"subject\""), "{text}");
        (asks, text)
    }
}

async fn shown(answer: Response) -> (String, String) {
    let at = answer.url().to_string();
    (at, answer.text().await.unwrap())
}

/// The value of a hidden field.
pub fn field(page: &str, name: &str) -> String {
    let after = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    after.unwrap().split('"').next().unwrap().to_owned()
}

/// What stands in the element with this id.
pub fn text_of(page: &str, id: &str) -> String {
    let after = page.split(&format!("id=\"{id}\">")).nth(1);
    after.unwrap().split('<').next().unwrap().to_owned()
}

pub fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    super::reqwest_blocking().0.block_on(work)
}

#[test]
fn dev_says_where_everything_is_and_who_may_sign_in() {
    let dev = Dev::start();
    let issuer = dev.at.issuer();
    for (label, address) in [
        ("Demo app", format!("{}/ ", dev.apps[0])),
        ("Second app", format!("{}/ ", dev.apps[1])),
        ("Single-page app", format!("{}/ ", dev.spa)),
        ("Stopwatch", format!("{}/stopwatch ", dev.spa)),
        ("Demo API", format!("{}/", dev.apis[0])),
        ("Second API", format!("{}/", dev.apis[1])),
        ("Latchkey", issuer.clone()),
        ("Console", format!("{issuer}/admin ")),
    ] {
        let line = dev
            .said
            .lines()
            .find(|line| line.trim_start().starts_with(label));
        assert!(line.unwrap().contains(&address), "{}", dev.said);
    }
    let admin = dev.json(&["user", "show", "admin", "--json"]);
    assert_eq!(admin["roles"], serde_json::json!(["admin"]));
    assert_eq!(dev.password("admin").len(), 10);
    in_runtime(async {
        for app in &dev.apps {
            let (_, page) = Web::new().page(app).await;
            assert!(page.contains("id=\"sign-in\""), "{page}");
        }
    });
}

#[test]
fn a_port_in_use_is_named_with_the_option_that_chooses_another_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = taken.local_addr().unwrap().port().to_string();
    for option in OPTIONS {
        let at = Place::bare();
        let free = OPTIONS.map(|_| port::free().to_string());
        let mut command = at.command(&["dev", "--data", "data", option, &number]);
        let others = OPTIONS.iter().filter(|other| **other != option);
        for (other, port) in others.zip(&free) {
            command.args([other, &port.as_str()]);
        }
        let out = command.output().unwrap();
        refused(
            &out,
            &format!("cannot listen on port {number}; choose another with {option}"),
        );
        assert!(!at.folder.path().join("data").exists());
    }
}

/// The newcomer's walk: two apps, one password, one session that somebody else ends.
#[test]
fn both_apps_sign_out_when_the_session_is_ended() {
    let dev = Dev::start();
    in_runtime(async {
        let (web, password) = (Web::new(), dev.password("alice"));
        let [first, second] = &dev.apps;
        let (asked, page) = web.sign_in(first, "alice", password).await;
        assert!(asked);
        let (asked, _) = web.sign_in(second, "alice", password).await;
        assert!(!asked, "one sign-in serves both");
        let states = [
            web.page(&format!("{first}/state")).await.1,
            web.page(&format!("{second}/state")).await.1,
        ];

        let receipts = dev.json(&["session", "end", &text_of(&page, "sid"), "--wait", "--json"]);
        let answers: HashMap<_, _> = receipts["receipts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|receipt| {
                (
                    receipt["client_id"].as_str().unwrap(),
                    receipt["status"].as_i64(),
                )
            })
            .collect();
        let wanted = [("demo-app", Some(200)), ("second-demo-app", Some(200))];
        assert_eq!(answers, HashMap::from(wanted));
        for (app, state) in dev.apps.iter().zip(states) {
            // What its script asks for is not what it was.
            assert_ne!(web.page(&format!("{app}/state")).await.1, state);
            let (_, page) = web.page(app).await;
            assert!(page.contains("data-by=\"back-channel\""), "{page}");
            assert!(
                page.contains("Signed out by the identity provider at <time "),
                "{page}"
            );
            assert!(page.contains("backchannel-logout") && !page.contains("id=\"subject\""));
        }
    });
}

/// RP-Initiated Logout 1.0: the whole session ends, and the other app hears of it without a browser that runs scripts.
#[test]
fn a_sign_out_in_one_app_reaches_the_other_one() {
    let dev = Dev::start();
    in_runtime(async {
        let (web, password) = (Web::new(), dev.password("bob"));
        for app in &dev.apps {
            web.sign_in(app, "bob", password).await;
        }
        let [first, second] = &dev.apps;
        let (at, page) = web.submit(&format!("{first}/sign-out"), &[]).await;
        // On the provider's page, which tells the second app in a frame as well.
        assert!(at.starts_with(&dev.at.issuer()), "{at}");
        let frame = format!("url={second}/frontchannel-logout?iss=");
        assert_eq!(page.matches("<iframe").count(), 1, "{page}");
        assert!(
            page.contains(&frame) && page.contains(&format!("id=\"continue\" href=\"{first}/\""))
        );
        assert!(web.page(first).await.1.contains("data-by=\"here\""));
        for _ in 0..100 {
            if web
                .page(second)
                .await
                .1
                .contains("data-by=\"back-channel\"")
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the second app has heard of nothing");
    });
}

#[test]
fn the_demo_apps_speak_the_language_of_the_browser() {
    let dev = Dev::start();
    in_runtime(async {
        let mut korean = header::HeaderMap::new();
        korean.insert(header::ACCEPT_LANGUAGE, "ko-KR,ko;q=0.9".parse().unwrap());
        let client = Client::builder().no_proxy().cookie_store(true);
        let web = Web(client.default_headers(korean).build().unwrap());
        let (first, second) = (&dev.apps[0], &dev.apps[1]);
        let (_, page) = web.page(first).await;
        for said in [
            "lang=\"ko\"",
            "<h1>데모 앱</h1>",
            "두 번째 데모 앱</a>",
            "alice로 로그인해",
        ] {
            assert!(page.contains(said), "{said} {page}");
        }
        let (_, page) = web.sign_in(second, "alice", dev.password("alice")).await;
        let steps = page.split("<ol class=\"steps\">").nth(1).unwrap();
        assert!(
            steps.contains("3. 앱이 코드를 토큰으로 교환합니다"),
            "{page}"
        );
        // Its own words, and the names of what it got.
        let told = steps.split("<pre>").next().unwrap();
        assert!(!told.contains("The ") && !told.contains("demo-"), "{told}");
        let (_, page) = web.page(&format!("{second}/callback?code=x")).await;
        assert!(page.contains("이곳에서 시작한 로그인이 아니거나"), "{page}");
        let (_, page) = Web::new().page(second).await;
        assert!(page.contains("lang=\"en\"") && page.contains("<h1>Second demo app</h1>"));
    });
}

/// Back-Channel Logout 1.0 2.6, 2.8; Front-Channel Logout 1.0 3.
#[test]
fn nobody_but_the_provider_signs_a_user_out_of_a_demo_app() {
    let dev = Dev::start();
    in_runtime(async {
        let (web, password) = (Web::new(), dev.password("alice"));
        let app = &dev.apps[1];
        let (_, page) = web.sign_in(app, "alice", password).await;
        let sid = text_of(&page, "sid");
        let id_token = id_token_of_another_session(&dev).await;
        let (head, rest) = id_token.split_once('.').unwrap();
        let unsigned = format!("{head}.{}.", rest.split('.').next().unwrap());
        // `{"alg":"none","typ":"logout+jwt"}`, and nothing behind it; RFC 8725 3.1, 3.11.
        let none = "eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9.e30.";
        for bad in ["", "x", none, &unsigned, &id_token] {
            let form = [("logout_token", bad)];
            let told = web.0.post(format!("{app}/backchannel-logout")).form(&form);
            let answer = told.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{bad}");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
            let said: Value = answer.json().await.unwrap();
            assert_eq!(said["error"], "invalid_request");
        }
        // Frames of another issuer or session, or in another browser.
        let frame = |iss: &str, sid: &str| format!("{app}/frontchannel-logout?iss={iss}&sid={sid}");
        let issuer = dev.at.issuer();
        web.page(&frame("https://evil.example", &sid)).await;
        web.page(&frame(&issuer, "another")).await;
        Web::new().page(&frame(&issuer, &sid)).await;
        // A form of another port of this host, which gets the cookie sent along.
        let form = web.0.post(format!("{app}/sign-out"));
        let form = form
            .header(header::ORIGIN, &dev.apps[0])
            .send()
            .await
            .unwrap();
        assert_eq!(form.status(), StatusCode::NOT_FOUND);
        assert!(
            web.page(app).await.1.contains("id=\"subject\""),
            "still signed in"
        );

        let framed = web.0.get(frame(&issuer, &sid)).send().await.unwrap();
        let policy = &framed.headers()[header::CONTENT_SECURITY_POLICY];
        assert_eq!(
            policy,
            &format!("default-src 'none'; frame-ancestors {issuer}")
        );
        assert!(web.page(app).await.1.contains("data-by=\"front-channel\""));
    });
}

/// Signed by the provider for this app, but no logout token: as the app sends it along with a sign-out.
async fn id_token_of_another_session(dev: &Dev) -> String {
    let jar = std::sync::Arc::new(reqwest::cookie::Jar::default());
    let client = Client::builder().no_proxy().cookie_provider(jar.clone());
    let web = Web(client.build().unwrap());
    web.sign_in(&dev.apps[1], "bob", dev.password("bob")).await;
    let stays = super::client().cookie_provider(jar).build().unwrap();
    let leave = stays.post(format!("{}/sign-out", dev.apps[1]));
    let answer = leave.send().await.unwrap();
    let to = answer.headers()[header::LOCATION].to_str().unwrap();
    let to = reqwest::Url::parse(to).unwrap();
    let hint = to.query_pairs().find(|(name, _)| name == "id_token_hint");
    hint.unwrap().1.into_owned()
}
