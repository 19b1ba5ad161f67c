//! A model of code and refresh, played against the real thing with concurrent callers.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestRunner},
};

use crate::{rfc6749_authorize::futures, support::*};

#[derive(Debug, Clone)]
enum Act {
    /// Present the refresh token issued `back` rotations ago, by so many callers at once.
    Refresh {
        back: usize,
        callers: usize,
    },
    Pass(i64),
    ReplayCode,
    Revoke,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (prop_oneof![6 => Just(0usize), 3 => Just(1), 1 => Just(2)], 1usize..5).prop_map(|(back, callers)| Act::Refresh { back, callers }),
        3 => prop_oneof![Just(1i64), Just(20), Just(31)].prop_map(Act::Pass),
        1 => Just(Act::ReplayCode),
        1 => Just(Act::Revoke),
    ];
    prop::collection::vec(act, 1..12)
}

/// What the rules say, in a few lines.
struct Model {
    family: Vec<String>,
    rotated_at: i64,
    alive: bool,
}

#[test]
fn code_and_refresh_follow_the_model_on_both_databases() {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(11),
        ..Config::default()
    });
    let runs: Vec<Vec<Act>> = (0..24)
        .map(|_| acts().new_tree(&mut runner).unwrap().current())
        .collect();
    on_both(|h| {
        let runs = runs.clone();
        async move {
            let browser = h.browser();
            for run in runs {
                play(&h, &browser, &run).await;
            }
        }
    });
}

async fn play(h: &Harness, browser: &Browser, run: &[Act]) {
    let code = h.code(browser, &[]).await;
    let first = h.exchange(&code).await;
    let mut model = Model {
        family: vec![first.json["refresh_token"].as_str().unwrap().into()],
        rotated_at: h.now(),
        alive: true,
    };
    let mut access = first.json["access_token"].as_str().unwrap().to_owned();
    for (at, act) in run.iter().enumerate() {
        let told = format!("step {at} of {run:?}");
        match act {
            Act::Pass(seconds) => h.pass(*seconds),
            Act::ReplayCode => {
                assert_eq!(h.exchange(&code).await.error(), "invalid_grant", "{told}");
                model.alive = false;
            }
            Act::Revoke => {
                h.post_as_app("/revoke", &[("token", model.family.last().unwrap())])
                    .await;
                model.alive = false;
            }
            Act::Refresh { back, callers } => {
                let index = model.family.len().saturating_sub(1 + back);
                let newest = model.family.len() - 1;
                let presented = model.family[index].clone();
                let answers = futures((0..*callers).map(|_| h.refresh(&presented)).collect()).await;
                let current = index == newest;
                let parent = index + 1 == newest && h.now() - model.rotated_at <= 30;
                if model.alive && (current || parent) {
                    let successor = answers[0].json["refresh_token"]
                        .as_str()
                        .unwrap_or_else(|| panic!("{told}: {answers:?}"))
                        .to_owned();
                    for answer in &answers {
                        assert_eq!(answer.json["refresh_token"], successor.as_str(), "{told}");
                    }
                    access = answers[0].json["access_token"].as_str().unwrap().to_owned();
                    if current {
                        model.family.push(successor);
                        model.rotated_at = h.now();
                    } else {
                        assert_eq!(successor, model.family[newest], "{told}");
                    }
                } else {
                    assert!(
                        answers.iter().all(|a| a.error() == "invalid_grant"),
                        "{told}"
                    );
                    model.alive = false;
                }
            }
        }
    }
    if !model.alive {
        assert_eq!(h.userinfo(&access).await.status, 401, "{run:?}");
        assert_eq!(
            h.refresh(model.family.last().unwrap()).await.error(),
            "invalid_grant",
            "{run:?}"
        );
    }
}
