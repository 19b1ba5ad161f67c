//! `latchkey audit`: list, export, verify.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::support::*;

/// An installation whose server has sealed what commands did.
struct Sealed {
    at: Place,
    server: Option<Running>,
}

impl Sealed {
    fn new() -> Self {
        let at = Place::new();
        at.add_alice_and_app();
        at.good(&["user", "update", "alice", "--name", "A\nB\u{2028}C"], "");
        at.good(&["user", "disable", "alice"], "");
        at.good(&["client", "rotate-secret", "app"], "");
        let server = Some(at.serve());
        let sealed = Self { at, server };
        sealed.wait();
        sealed
    }

    /// Until nothing is left to seal.
    fn wait(&self) -> Value {
        for _ in 0..200 {
            let verdict = self.at.json(&["audit", "verify", "--json"], "");
            if verdict["unsealed"] == 0 {
                return verdict;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it is never sealed");
    }

    fn sql(&self, statements: &str) {
        let url = format!("sqlite://{}/db", self.at.folder.path().display());
        let database = latchkey_storage::Options { url, pool: 1 };
        database.script(statements).unwrap();
    }

    fn export(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self
            .at
            .good(&[&["audit", "export"], arguments].concat(), "");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }
}

/// There is no export that a spreadsheet opens: each line is a JSON object, in which a formula is a text as any other.
#[test]
fn a_formula_is_a_text_in_every_line_of_an_export() {
    let sealed = Sealed::new();
    let formulas = [
        "=HYPERLINK(\"http://evil.example\")",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "\t=1",
    ];
    for formula in formulas {
        let name = format!("--name={formula}");
        sealed.at.good(&["user", "update", "alice", &name], "");
    }
    sealed.wait();
    let text = sealed.at.good(&["audit", "export"], "");
    for line in text.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    }
    let names: Vec<_> = sealed
        .export(&[])
        .iter()
        .filter_map(|entry| {
            let name = entry.pointer("/details/changed/name/new")?;
            Some(name.as_str()?.to_owned())
        })
        .collect();
    for formula in formulas {
        let stored = formula.trim();
        assert!(
            names.iter().any(|name| name.trim() == stored),
            "{formula} {names:?}"
        );
    }
}

#[test]
fn entries_are_listed_by_what_one_looks_for() {
    let sealed = Sealed::new();
    let at = &sealed.at;
    let list = |arguments: &[&str]| -> Vec<String> {
        let arguments = [&["audit", "list", "--json"], arguments].concat();
        let listed = at.json(&arguments, "");
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|entry| entry["event"].as_str().unwrap().to_owned())
            .collect()
    };
    let of_alice = ["user disable", "user update", "user create"];
    assert_eq!(list(&["--user", "alice"]), of_alice);
    let sub = at.json(&["user", "show", "alice", "--json"], "")["sub"].clone();
    assert_eq!(list(&["--target", sub.as_str().unwrap()]), of_alice);
    assert_eq!(list(&["--event", "user disable"]), ["user disable"]);
    assert_eq!(list(&["--outcome", "refused"]), [""; 0]);
    assert_eq!(list(&["--until", "2020-01-01"]), [""; 0]);
    assert_eq!(list(&["--since", "1h", "--event", "user update"]).len(), 1);
    let shell = std::process::Command::new("id").arg("-u").output();
    let uid = String::from_utf8(shell.unwrap().stdout).unwrap();
    let by_us = ["--actor", &format!("uid {}", uid.trim()), "--limit", "2"];
    assert_eq!(list(&by_us), ["client rotate-secret", "user disable"]);
    let table = at.good(&["audit", "list", "--limit", "3"], "");
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(
        table.contains("user disable") && table.contains("alice"),
        "{table}"
    );
    refused(
        &at.run(&["audit", "list", "--since", "soon"], ""),
        "is no time",
    );
}

#[test]
fn an_export_is_one_entry_in_each_line_and_goes_on_where_it_ended() {
    let sealed = Sealed::new();
    let all = sealed.export(&[]);
    let positions: Vec<_> = all
        .iter()
        .map(|entry| entry["position"].as_i64().unwrap())
        .collect();
    let last = i64::try_from(all.len()).unwrap();
    assert_eq!(positions, (1..=last).collect::<Vec<_>>());
    let text = sealed.at.good(&["audit", "export"], "");
    let lines = text.lines().count();
    assert_eq!(lines, all.len());
    assert!(!text.contains('\u{2028}') && text.contains("\\u2028"));
    let update = all
        .iter()
        .find(|entry| entry["event"] == "user update")
        .unwrap();
    let name = &update["details"]["changed"]["name"];
    assert_eq!(name["new"], "A\nB\u{2028}C");
    let names: BTreeSet<_> = update
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let stay = [
        "actor",
        "address",
        "at",
        "count",
        "details",
        "event",
        "front_end",
        "hash",
        "id",
        "outcome",
        "position",
        "request_id",
        "target",
        "time",
        "unreadable",
        "user",
    ];
    assert_eq!(names, BTreeSet::from(stay));
    assert_eq!(sealed.export(&["--after", "2"]), all[2..]);
    assert_eq!(sealed.export(&["--after", "1", "--limit", "2"]), all[1..3]);
    let end = last.to_string();
    assert_eq!(sealed.export(&["--after", &end]), [Value::Null; 0]);
    assert_eq!(sealed.export(&["--since", "2100-01-01"]), [Value::Null; 0]);
}

#[test]
fn verify_names_the_first_entry_that_does_not_hold_and_a_checkpoint_to_keep() {
    let sealed = Sealed::new();
    let at = &sealed.at;
    let said = at.good(&["audit", "verify"], "");
    let checkpoint = said
        .lines()
        .find_map(|line| line.strip_prefix("checkpoint "));
    let checkpoint = checkpoint.unwrap();
    assert!(said.starts_with("intact: "), "{said}");
    at.good(&["audit", "verify", "--checkpoint", checkpoint], "");
    let kept = at.folder.path().join("checkpoints");
    std::fs::write(&kept, format!("{checkpoint}\n")).unwrap();
    let kept = kept.to_str().unwrap();
    at.good(&["audit", "verify", "--checkpoint-file", kept], "");
    let wrong = at.run(&["audit", "verify", "--checkpoint", "7"], "");
    assert_eq!(wrong.status.code(), Some(2));

    at.good(&["user", "enable", "alice"], "");
    sealed.wait();
    at.good(&["audit", "verify", "--checkpoint-file", kept], "");
    let (last, _) = checkpoint.split_once(':').unwrap();
    sealed.sql(&format!("DELETE FROM audit WHERE position >= {last}"));
    at.good(&["audit", "verify"], "");
    let cut = at.run(&["audit", "verify", "--checkpoint", checkpoint], "");
    refused(
        &cut,
        &format!("entry {last} and those after it are missing"),
    );
    sealed.sql("UPDATE audit SET details = '{}' WHERE position = 2");
    refused(&at.run(&["audit", "verify"], ""), "entry 2 was changed");
    let told = at.run(&["audit", "verify", "--json"], "");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["intact"], &told["broken_at"]),
        (&false.into(), &2.into())
    );
    sealed.sql("DELETE FROM audit WHERE position = 2");
    refused(&at.run(&["audit", "verify"], ""), "entry 2 was dropped");
}

#[test]
fn an_entry_that_cannot_be_read_is_named_and_keeps_no_other_from_the_list() {
    let sealed = Sealed::new();
    let all = sealed.at.json(&["audit", "list", "--json"], "");
    sealed
        .sql("UPDATE audit SET front_end = 'of tomorrow', details = 'no JSON' WHERE position = 2");
    let out = sealed.at.run(&["audit", "list", "--json"], "");
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(
        text.contains("entry 2 of the audit table cannot be read: front_end"),
        "{text}"
    );
    let listed: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        listed.as_array().unwrap().len(),
        all.as_array().unwrap().len()
    );
    assert_eq!(sealed.export(&[])[1]["details"], "no JSON");
}

#[test]
fn the_log_of_a_server_says_where_the_chain_ends() {
    let at = Place::new();
    at.add_alice_and_app();
    let log = at.folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let mut command = at.command(&["serve"]);
    let server = at.start(command.env("LATCHKEY_LOG__FORMAT", "json").stderr(file));
    let sealed = Sealed {
        at,
        server: Some(server),
    };
    sealed.wait();
    let found = (0..100).find_map(|_| {
        let text = std::fs::read_to_string(&log).unwrap();
        let line = text
            .lines()
            .find(|line| line.contains("\"checkpoint\""))
            .map(str::to_owned);
        std::thread::sleep(Duration::from_millis(50));
        line
    });
    let line: Value = serde_json::from_str(&found.expect("a line of the log")).unwrap();
    assert_eq!(line["target"], "audit");
    let checkpoint = line["checkpoint"].as_str().unwrap();
    sealed
        .at
        .good(&["audit", "verify", "--checkpoint", checkpoint], "");
    sealed.server.unwrap().stop();
}

#[test]
fn the_line_that_keeps_checkpoints_fails_when_the_chain_does_not_hold() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let line = docs
        .lines()
        .find(|line| line.contains(">> checkpoints"))
        .unwrap();
    let sealed = Sealed::new();
    let folder = sealed.at.folder.path();
    let kept = folder.join("checkpoints");
    std::fs::write(&kept, "").unwrap();
    let keep = || {
        let program = sealed.at.command(&[]);
        let line = line.replacen("latchkey", &program.get_program().to_string_lossy(), 1);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &line]).current_dir(folder);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.status().unwrap().success()
    };
    assert!(keep());
    let text = std::fs::read_to_string(&kept).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    sealed.sql("DELETE FROM audit WHERE position = 2");
    assert!(!keep());
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), text);
}

#[test]
fn an_export_goes_on_only_from_a_place_that_is_still_the_same() {
    let sealed = Sealed::new();
    let all = sealed.export(&[]);
    let last = all.last().unwrap();
    let position = last["position"].as_i64().unwrap();
    let hash = last["hash"].as_str().unwrap();
    let after = format!("{position}:{hash}");
    assert_eq!(sealed.export(&["--after", &after]), [Value::Null; 0]);
    let refuse = |after: &str, why: &str| {
        refused(
            &sealed.at.run(&["audit", "export", "--after", after], ""),
            why,
        );
    };
    refuse(&format!("{position}:{}", "0".repeat(64)), "another hash");
    refuse(&(position + 1).to_string(), "has no entry");
    let wrong = sealed
        .at
        .run(&["audit", "export", "--after", "null:null"], "");
    assert_eq!(wrong.status.code(), Some(2));
    sealed.sql(&format!("DELETE FROM audit WHERE position = {position}"));
    refuse(&after, "has no entry");
    refuse(&position.to_string(), "has no entry");
}
