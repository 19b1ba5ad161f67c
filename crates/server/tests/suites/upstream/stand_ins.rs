//! Kakao, Naver, GitHub and Apple, as their presets speak to stand-ins of them.

use std::{net::TcpListener, sync::Arc};

use latchkey_demo::stand_in::{
    CLIENT_ID, CLIENT_SECRET, KEY_ID, Person, StandIn, TEAM_ID, Trouble,
};
use latchkey_jose::Algorithm;
use latchkey_protocol::upstream::{Preset, UpstreamSettings, check_settings, described, preset};
use latchkey_server::wiring::OsEntropy;
use serde_json::{Value, json};

use super::{
    super::support::*,
    attacks::{refused, why},
    liar::key,
    *,
};

const NAMES: [&str; 4] = ["kakao", "naver", "github", "apple"];

/// The settings of a preset as an administrator would complete them.
fn completed(name: &str) -> Value {
    let preset = preset(name).unwrap();
    let mut settings: Value = serde_json::from_str(preset.settings).unwrap();
    settings["title"] = preset.button_en.into();
    settings["preset"] = name.into();
    for (object, given) in asked_by(preset).as_object().unwrap() {
        match given.as_object() {
            None => settings[object] = given.clone(),
            Some(members) => (settings[object].as_object_mut().unwrap()).extend(members.clone()),
        }
    }
    settings
}

/// What an administrator gives besides the preset.
fn asked_by(preset: &Preset) -> Value {
    let mut given = json!({ "client_id": CLIENT_ID });
    for (path, _) in preset.asks {
        let (object, member) = path.split_once('.').unwrap();
        given[object][member] = match *path {
            "client_auth.team_id" => TEAM_ID.into(),
            "client_auth.key_id" => KEY_ID.into(),
            "protocol.tenants" => json!(["*"]),
            "protocol.issuer" => "https://id.example".into(),
            other => panic!("{other}"),
        };
    }
    given
}

/// The presets' addresses at the stand-in, and nothing else of them changed.
fn moved(stand_in: &StandIn, name: &str) -> Value {
    let at = format!("{}/{name}", stand_in.address);
    let mut text = completed(name).to_string();
    for real in [
        "https://kauth.kakao.com",
        "https://nid.naver.com",
        "https://openapi.naver.com",
        "https://api.github.com",
        "https://github.com",
        "https://appleid.apple.com",
    ] {
        text = text.replace(real, &at);
    }
    serde_json::from_str(&text).unwrap()
}

async fn stand_in(h: &Harness) -> Arc<StandIn> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let keys = (key(Algorithm::Rs256), key(Algorithm::Es256));
    let clock = h.app.ui.clock.clone();
    let stand_in = StandIn::start(listener, clock, Arc::new(OsEntropy), keys).unwrap();
    for name in NAMES {
        let secret = match name {
            "apple" => stand_in.apple_key(),
            _ => CLIENT_SECRET,
        };
        h.upstream(name, moved(&stand_in, name), Some(secret)).await;
    }
    stand_in
}

/// What the user chooses there, and where the browser comes back to with it.
async fn chosen(h: &Harness, browser: &Browser, name: &str, choice: &str) -> String {
    let away = browser.led(name, &[]).await;
    let page = browser.get(&away).await;
    assert!(page.text.contains("id=allow"), "{}", page.text);
    let answer = browser.get(&format!("{away}&choice={choice}")).await;
    if name != "apple" {
        assert!(answer.header("location").starts_with(&h.callback(name)));
        return answer.header("location").to_owned();
    }
    // The form is posted by another site: without our cookies.
    let form = ["state", "code", "user", "error"].map(|name| (name, field(&answer.text, name)));
    let form: Vec<_> = form
        .iter()
        .filter_map(|(n, v)| Some((*n, v.as_ref()?.replace("&quot;", "\""))))
        .collect();
    let posted = self::answer(plain().post(h.callback(name)).form(&form)).await;
    assert_eq!(
        (posted.status, posted.headers.get("set-cookie")),
        (303, None)
    );
    posted.header("location").to_owned()
}

async fn signed_in(h: &Harness, name: &str) -> Value {
    let browser = h.visitor();
    let came = chosen(h, &browser, name, "allow").await;
    let code = browser.follow(browser.get(&came).await).await;
    claims(&h.exchange(&code["code"]).await.json["id_token"])
}

#[test]
fn every_preset_is_whole() {
    for preset in latchkey_protocol::upstream::PRESETS {
        let settings: UpstreamSettings = serde_json::from_value(completed(preset.name)).unwrap();
        assert_eq!(check_settings(&settings), [], "{}", preset.name);
        // With no more than an id and what it asks for, as an administrator gives it.
        let asked = asked_by(preset);
        let described = described(Some(preset), None, &asked).unwrap();
        assert_eq!(described, settings, "{}", preset.name);
        for (path, what) in preset.asks {
            let (object, member) = path.split_once('.').unwrap();
            let mut without = asked.clone();
            without[object].as_object_mut().unwrap().remove(member);
            let refused =
                latchkey_protocol::upstream::described(Some(preset), None, &without).unwrap_err();
            let said = refused.to_string();
            assert!(said.contains(what) || said.contains(path), "{said}");
        }
        let docs = include_str!("../../../../../docs/sign-in-through-others.md");
        let (_, heading) = preset.page.split_once('#').unwrap();
        let has_heading = docs.lines().any(|line| {
            line.strip_prefix("## ")
                .is_some_and(|title| title.to_lowercase().replace(' ', "-") == heading)
        });
        assert!(has_heading, "{}", preset.page);
    }
}

#[test]
fn every_preset_has_its_mark() {
    on(Kind::Sqlite, &HERE, &|h| async move {
        for preset in latchkey_protocol::upstream::PRESETS {
            let mark = h
                .browser()
                .get(&h.at(&format!("/assets/{}", preset.logo)))
                .await;
            assert_eq!(
                (mark.status, mark.header("content-type")),
                (200, "image/svg+xml")
            );
        }
    });
}

#[test]
fn users_of_each_sign_in_and_are_found_again() {
    on_both_with(&HERE, |h| async move {
        let _stand_in = stand_in(&h).await;
        let mut subjects = Vec::new();
        for name in NAMES {
            let first = signed_in(&h, name).await;
            assert_eq!(
                first["name"],
                if name == "apple" {
                    "라이언 Kim"
                } else {
                    "라이언"
                },
                "{name}"
            );
            // Naver's address is not verified; of the others, the first one who comes with it has it.
            let has_email = name == "kakao";
            assert_eq!(first.get("email").is_some(), has_email, "{name}");
            let again = signed_in(&h, name).await;
            assert_eq!(again["sub"], first["sub"], "{name}");
            subjects.push(first["sub"].clone());
            // The address is taken from now on: its user would have to prove that it is theirs.
            if name == "kakao" {
                _stand_in.is_used_by(Person {
                    email: None,
                    ..Person::default()
                });
            }
        }
        subjects.dedup();
        assert_eq!(
            subjects.len(),
            4,
            "the same number elsewhere is somebody else"
        );
    });
}

#[test]
fn an_address_of_github_is_the_verified_primary_one() {
    on_both_with(&HERE, |h| async move {
        let _stand_in = stand_in(&h).await;
        let claims = signed_in(&h, "github").await;
        assert_eq!(claims["email"], "ryan@example.com");
        assert_eq!(claims["preferred_username"], "octocat");
    });
}

#[test]
fn an_address_that_was_not_verified_there_is_not_taken_over() {
    on_both_with(&HERE, |h| async move {
        let stand_in = stand_in(&h).await;
        stand_in.is_used_by(Person {
            email_verified: false,
            ..Person::default()
        });
        for name in NAMES {
            assert_eq!(signed_in(&h, name).await.get("email"), None, "{name}");
        }
    });
}

#[test]
fn whoever_cancels_is_back_at_the_login_page() {
    on_both_with(&HERE, |h| async move {
        let _stand_in = stand_in(&h).await;
        for name in NAMES {
            let browser = h.browser();
            let came = chosen(&h, &browser, name, "cancel").await;
            let (login, page) = browser.page(browser.get(&came).await).await;
            assert!(login.ends_with("?notice=cancelled"), "{name}");
            browser
                .follow(browser.login(&login, &page.text).await)
                .await;
        }
    });
}

#[test]
fn what_goes_wrong_there_is_said_here() {
    on_both_with(&HERE, |h| async move {
        let stand_in = stand_in(&h).await;
        for (trouble, reason) in [
            (Trouble::ExpiredCode, "UpstreamRefused"),
            (Trouble::Malformed, "UpstreamAnswerUnfit"),
            (Trouble::Outage, "UpstreamUnreachable"),
            (Trouble::RateLimit, "UpstreamUnreachable"),
            (Trouble::OutageOfProfile, "UpstreamUnreachable"),
        ] {
            for name in NAMES {
                // Apple has no profile to ask for.
                let of_profile = matches!(trouble, Trouble::RateLimit | Trouble::OutageOfProfile);
                if name == "apple" && of_profile {
                    continue;
                }
                let browser = h.visitor();
                stand_in.has(Trouble::None);
                let came = chosen(&h, &browser, name, "allow").await;
                stand_in.has(trouble);
                let said = refused(&h, &browser, &came).await;
                assert_eq!(said, reason, "{name} {trouble:?}");
            }
        }
    });
}

#[test]
fn a_form_is_taken_only_from_who_sends_forms() {
    on_both_with(&HERE, |h| async move {
        let _stand_in = stand_in(&h).await;
        let answer = answer(plain().post(h.callback("kakao")).form(&[("code", "c")])).await;
        assert_eq!(why(&h, &answer).await, "UpstreamAnswerUnfit");
    });
}
