//! `latchkey bff`: faults of its settings, and that it runs.

use std::{
    os::unix::fs::PermissionsExt,
    process::{Output, Stdio},
    time::Duration,
};

use super::{port, support::*};

/// The settings of a BFF for this place; `more` is put before its tables.
fn settings(at: &Place, port: u16, more: &str) -> String {
    format!(
        "origin = \"http://localhost:{port}\"\nlisten = \"127.0.0.1:{port}\"\nissuer = \"{}\"\nclient_id = \"app\"\n\
         client_secret_file = \"app.secret\"\nstore = \"sqlite://{}/bff.db\"\nseal_keys_file = \"bff.keys\"\nstatic_files = \"dist\"\n\
         {more}\n[session]\nidle = \"1h\"\n\n[[upstream]]\npath = \"/api/orders\"\nto = \"http://127.0.0.1:9104/orders\"\n",
        at.issuer(),
        at.folder.path().display(),
    )
}

fn write(at: &Place, text: &str) {
    let folder = at.folder.path();
    std::fs::write(folder.join("bff.toml"), text).unwrap();
    std::fs::write(folder.join("app.secret"), format!("{SECRET}\n")).unwrap();
    let _there = std::fs::create_dir(folder.join("dist"));
    std::fs::write(folder.join("dist/index.html"), "<h1>Shop</h1>").unwrap();
}

fn run(at: &Place) -> Output {
    at.run(&["bff", "--config", "bff.toml"], "")
}

#[test]
fn a_bff_runs_by_its_settings_file_and_is_ready_once_the_provider_is() {
    let at = Place::new();
    let port = port::free();
    write(&at, &settings(&at, port, ""));
    let mut command = at.command(&["bff", "--config", "bff.toml"]);
    let bff = Running(command.stderr(Stdio::null()).spawn().unwrap());
    let http = super::reqwest_blocking();
    let ask = |path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        http.0.block_on(async {
            let answer = http.1.get(url).send().await.ok()?;
            Some((
                answer.status().as_u16(),
                answer.text().await.unwrap_or_default(),
            ))
        })
    };
    let until = |path: &str, status: u16| {
        for _ in 0..500 {
            if ask(path).is_some_and(|(said, _)| said == status) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{path} does not answer {status}: {:?}", ask(path));
    };
    until("/healthz", 200);
    assert_eq!(ask("/readyz").unwrap().0, 503);
    let provider = at.serve();
    until("/readyz", 200);
    assert_eq!(ask("/").unwrap().1, "<h1>Shop</h1>");
    assert_eq!(ask("/bff/login").unwrap().0, 303);
    assert_eq!(ask("/api/orders").unwrap().0, 403);
    let keys = at.folder.path().join("bff.keys");
    let mode = std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode, std::fs::read_to_string(keys).unwrap().trim().len()),
        (0o600, 64)
    );
    provider.stop();
    bff.stop();
}

#[test]
fn each_fault_of_the_settings_file_is_named_with_its_line() {
    let at = Place::bare();
    write(&at, "");
    let text = "origin = \"http://shop.example\"\nlisten = 7\nissuer = \"https://id.example\"\nclient_secret_file = \"no.secret\"\n\
        scope = \"profile\"\nstore = \"mysql://root:hidden@db\"\nseal_keys_file = \"weak.keys\"\nsecret = \"x\"\nstatic_files = \"no\"\n\
        [limits]\nbody = \"much\"\nbodies = 1\n[[upstream]]\npath = \"/bff\"\nto = \"ftp://a\"\n[[upstream]]\npath = \"/api/a\"\n\
        to = \"http://a\"\nrequest_headers = [\"x-tenant\",\n\"Cookie\"]\n[[upstream]]\npath = \"/api/a\"\nto = \"http://b\"\n";
    std::fs::write(at.folder.path().join("bff.toml"), text).unwrap();
    std::fs::write(at.folder.path().join("weak.keys"), "a".repeat(64)).unwrap();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(at.folder.path().join("weak.keys"), open).unwrap();
    let out = run(&at);
    refused(
        &out,
        "bff.toml:1: origin is \"http://shop.example\"; it must be https",
    );
    for expected in [
        "bff.toml:2: listen is \"7\"",
        "bff.toml:1: client_id is missing",
        "bff.toml:4: client_secret_file is \"no.secret\": No such file",
        "bff.toml:5: scope must contain openid",
        "bff.toml:6: store must be memory",
        "bff.toml:7: seal_keys_file is \"weak.keys\": others can read it (mode 644)",
        "bff.toml:8: there is no setting secret",
        "bff.toml:9: static_files is \"no\", and there is no such folder",
        "bff.toml:11: limits.body is \"much\"",
        "bff.toml:12: there is no setting limits.bodies",
        "bff.toml:14: upstream.path is \"/bff\"",
        "bff.toml:15: upstream.to is \"ftp://a\"",
        "bff.toml:20: upstream.request_headers has \"Cookie\", which is never passed on",
        "bff.toml:21: two upstreams have the path /api/a",
    ] {
        refused(&out, expected);
    }
    assert!(!String::from_utf8_lossy(&out.stderr).contains("hidden"));
}

/// Everybody may read what is in it.
#[test]
fn a_folder_of_static_files_that_holds_a_secret_is_refused() {
    let at = Place::bare();
    let text = settings(&at, 1, "");
    for folder in [".", "dist/..", "dist"] {
        let keys = if folder == "dist" {
            "dist/bff.keys"
        } else {
            "bff.keys"
        };
        let text = text.replace("\"dist\"", &format!("{folder:?}"));
        write(&at, &text.replace("\"bff.keys\"", &format!("{keys:?}")));
        refused(&run(&at), "where everybody could read");
    }
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_named() {
    let at = Place::bare();
    refused(&at.run(&["bff"], ""), "name the settings file");
    refused(
        &at.run(&["bff", "--config", "no.toml"], ""),
        "no.toml: No such file",
    );
    write(&at, "origin = \"http://localhost:1\"\nissuer =\n");
    refused(&run(&at), "bff.toml:2: ");
}
