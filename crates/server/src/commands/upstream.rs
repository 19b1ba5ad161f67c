//! `latchkey upstream`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use latchkey_operations::{NewUpstream, UpstreamChange, UpstreamSecrets};
use latchkey_protocol::{
    Issuer, paths,
    upstream::{Upstream, UpstreamProtocol, preset},
};
use latchkey_ui::upstream::{Checkup, Verdict};
use serde_json::{Map, Value, json};

use super::{
    at::At,
    input::{input_name, read_input, read_json},
    print::{done, print_table, say},
};
use crate::{
    cli::{UpstreamCommand, UpstreamCreate, UpstreamUpdate},
    wiring::{OsEntropy, outbound},
};

pub async fn run(at: At, command: UpstreamCommand) -> Result<()> {
    match command {
        UpstreamCommand::Create(given) => create(&at, given).await,
        UpstreamCommand::List { json } => list(&at, json).await,
        UpstreamCommand::Show { name, json } => show(&at, &name, json).await,
        UpstreamCommand::Update(given) => update(&at, given).await,
        UpstreamCommand::Test { name, json } => test(&at, &name, json).await,
        UpstreamCommand::Disable { name, json } => set_disabled(&at, &name, true, json).await,
        UpstreamCommand::Enable { name, json } => set_disabled(&at, &name, false, json).await,
        UpstreamCommand::Delete { name, force, json } => delete(&at, &name, force, json).await,
    }
}

async fn create(at: &At, given: UpstreamCreate) -> Result<()> {
    let mut settings = settings(given.from.as_ref(), given.secret_stdin)?;
    put(&mut settings, "client_id", given.client_id);
    put(&mut settings, "title", given.title);
    if let Some(issuer) = given.issuer {
        let protocol = settings.entry("protocol").or_insert_with(|| json!({}));
        let Value::Object(protocol) = protocol else {
            bail!("--issuer and protocol of the settings do not go together");
        };
        let kind = protocol.entry("kind").or_insert_with(|| "oidc".into());
        if kind != "oidc" {
            bail!("--issuer is for OpenID Connect; name the addresses of OAuth 2.0 in a file");
        }
        protocol.insert("issuer".into(), issuer.into());
    }
    let settings = Value::Object(settings);
    let secret = secret(given.secret_stdin)?;
    let new = NewUpstream {
        name: &given.name,
        preset: given.preset.as_deref(),
        settings: &settings,
        secret: secret.as_deref(),
    };
    let made = at.operations().create_upstream(&at.master, new).await?;
    let redirect = redirect_uri(at, &made);
    let sentence = format!(
        "created {}; register this redirect address at the provider: {redirect}",
        made.name
    );
    done(given.json, &shown(at, &made), &sentence);
    if let Some(preset) = made.settings.preset.as_deref().and_then(preset) {
        eprintln!("latchkey: {} explains the rest", preset.page);
    }
    Ok(())
}

/// What a file says, or nothing. Standard input is read once.
fn settings(from: Option<&PathBuf>, secret_stdin: bool) -> Result<Map<String, Value>> {
    let Some(from) = from else {
        return Ok(Map::new());
    };
    if secret_stdin && from == Path::new("-") {
        bail!("standard input has the secret: give the settings in a file");
    }
    match read_json(from)? {
        Value::Object(settings) => Ok(settings),
        _ => bail!("{}: this is no JSON object", input_name(from)),
    }
}

fn put(settings: &mut Map<String, Value>, member: &str, value: Option<String>) {
    if let Some(value) = value {
        settings.insert(member.to_owned(), value.into());
    }
}

/// As it was typed, without the end of its last line.
fn secret(from_stdin: bool) -> Result<Option<String>> {
    if !from_stdin {
        return Ok(None);
    }
    let text = read_input(Path::new("-"))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn list(at: &At, json: bool) -> Result<()> {
    let all = at.operations().upstreams().await?;
    if json {
        let all: Vec<_> = all.iter().map(|upstream| shown(at, upstream)).collect();
        say!("{}", json!(all));
        return Ok(());
    }
    let rows: Vec<_> = all.iter().map(row).collect();
    let head = [
        "PROVIDER", "TITLE", "PROTOCOL", "ISSUER", "CREATES", "STATE",
    ];
    print_table(&head, &rows);
    Ok(())
}

fn row(upstream: &Upstream) -> Vec<String> {
    let protocol = match upstream.settings.protocol {
        UpstreamProtocol::Oidc { .. } => "oidc",
        UpstreamProtocol::Oauth2 { .. } => "oauth2",
    };
    let creates = match upstream.settings.trust.create {
        true => "accounts",
        false => "nothing",
    };
    [
        upstream.name.as_str(),
        &upstream.settings.title,
        protocol,
        upstream.issuer(),
        creates,
        state(upstream),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn state(upstream: &Upstream) -> &'static str {
    match (upstream.is_enabled(), upstream.settings.hidden) {
        (false, _) => "disabled",
        (true, true) => "hidden",
        (true, false) => "enabled",
    }
}

async fn show(at: &At, name: &str, json: bool) -> Result<()> {
    let shown = shown(at, &at.operations().upstream(name).await?);
    match json {
        true => say!("{shown}"),
        false => say!("{shown:#}"),
    }
    Ok(())
}

async fn update(at: &At, given: UpstreamUpdate) -> Result<()> {
    let mut settings = settings(given.from.as_ref(), given.secret_stdin)?;
    put(&mut settings, "client_id", given.client_id);
    put(&mut settings, "title", given.title);
    let secret = secret(given.secret_stdin)?;
    let change = UpstreamChange {
        settings: &Value::Object(settings),
        secret: secret.as_deref(),
    };
    let operations = at.operations();
    let updated = operations.update_upstream(&at.master, &given.name, change, None);
    let shown = shown(at, &updated.await?);
    done(given.json, &shown, &format!("updated {}", given.name));
    Ok(())
}

/// Each check is a line. One that failed fails the command.
async fn test(at: &At, name: &str, json: bool) -> Result<()> {
    let upstream = at.operations().upstream(name).await?;
    let outbound = outbound(&at.settings)?;
    let checkup = Checkup {
        upstream: &upstream,
        outbound: &*outbound,
        secrets: &UpstreamSecrets::new(&at.master),
        entropy: &OsEntropy,
        redirect_uri: &redirect_uri(at, &upstream),
        now: at.now,
    };
    let findings = checkup.make().await;
    if json {
        let shown = findings.iter().map(|finding| {
            json!({ "check": finding.check, "verdict": finding.verdict.name(), "said": finding.said })
        });
        say!("{}", Value::from_iter(shown));
    } else {
        for finding in &findings {
            let (check, verdict) = (finding.check, finding.verdict.name());
            say!("{check}: {verdict}: {}", finding.said);
        }
    }
    let failed = findings.iter().filter(|f| f.verdict == Verdict::Failed);
    match failed.count() {
        0 => Ok(()),
        failed => bail!("{failed} checks of {name} failed: do what each of them says"),
    }
}

async fn set_disabled(at: &At, name: &str, disabled: bool, json: bool) -> Result<()> {
    let operations = at.operations();
    let changed = operations.set_upstream_disabled(name, disabled, None);
    let changed = changed.await?;
    let verb = if disabled { "disabled" } else { "enabled" };
    done(json, &shown(at, &changed), &format!("{verb} {name}"));
    Ok(())
}

async fn delete(at: &At, name: &str, force: bool, json: bool) -> Result<()> {
    at.operations().delete_upstream(name, force, None).await?;
    done(json, &json!({ "name": name }), &format!("deleted {name}"));
    Ok(())
}

fn redirect_uri(at: &At, upstream: &Upstream) -> String {
    Issuer::new(&at.settings.issuer).at(&paths::upstream_callback(upstream.name.as_str()))
}

/// Where the provider may say that a session there has ended.
fn logout_uri(at: &At, upstream: &Upstream) -> String {
    Issuer::new(&at.settings.issuer).at(&paths::upstream_logout(upstream.name.as_str()))
}

/// Without the secret.
fn shown(at: &At, upstream: &Upstream) -> Value {
    json!({
        "name": upstream.name, "settings": upstream.settings, "has_secret": upstream.sealed_secret.is_some(),
        "redirect_uri": redirect_uri(at, upstream), "backchannel_logout_uri": logout_uri(at, upstream),
        "disabled_at": upstream.disabled_at,
        "created_at": upstream.created_at, "updated_at": upstream.updated_at, "version": upstream.version,
    })
}
