//! Front-Channel Logout 1.0: what the signed-out page shows in frames.

use latchkey_protocol::{
    SessionId,
    authorization::Authorization,
    client::Client,
    front_channel::{MOST_FRAMES, frame_sources, frames},
    logout_token::SessionEnd,
};
use serde_json::json;

use super::{NOW, authorization, client, code};

const ISSUER: &str = "https://id.example/a";

fn ended() -> SessionEnd {
    SessionEnd {
        session_id: SessionId::new("here"),
        user_id: "alice".into(),
    }
}

/// The client `id`, with this address, and alice's sign-in to it.
fn visit(id: &str, uri: &str) -> (Authorization, Client) {
    let mut client = client(json!({}));
    client.id = id.into();
    client.metadata.frontchannel_logout_uri = Some(uri.into());
    let mut authorization = authorization("openid");
    authorization.client_id = id.into();
    code(&mut authorization).exchanged_at = Some(NOW);
    (authorization, client)
}

fn shown(visits: &[(Authorization, Client)]) -> Vec<String> {
    frames(ISSUER, &ended(), visits.iter().map(|(a, c)| (a, c)))
}

/// 3.
#[test]
fn a_frame_has_iss_and_sid_beside_the_registered_query() {
    let said = "iss=https%3A%2F%2Fid.example%2Fa&sid=here";
    for (registered, frame) in [
        ("https://app.example/out", "https://app.example/out?"),
        (
            "https://app.example/out?a=%20b",
            "https://app.example/out?a=%20b&",
        ),
    ] {
        assert_eq!(
            shown(&[visit("app", registered)]),
            [format!("{frame}{said}")]
        );
    }
}

#[test]
fn clients_that_signed_the_user_in_within_the_session_have_a_frame() {
    type Change = fn(&mut Authorization, &mut Client);
    let table: [(&str, bool, Change); 8] = [
        ("all is well", true, |_, _| {}),
        ("no address", false, |_, c| {
            c.metadata.frontchannel_logout_uri = None;
        }),
        ("a code that nobody exchanged", false, |a, _| {
            code(a).exchanged_at = None;
        }),
        ("no ID token", false, |a, _| {
            a.scope = "profile".to_owned().into();
        }),
        ("another session", false, |a, _| {
            code(a).session_id = SessionId::new("there");
        }),
        ("another user", false, |a, _| a.user_id = "bob".into()),
        ("another client's", false, |a, _| {
            a.client_id = "other".into();
        }),
        ("revoked since", true, |a, _| a.revoked_at = Some(NOW)),
    ];
    for (name, is_shown, change) in table {
        let mut one = visit("app", "https://app.example/out");
        change(&mut one.0, &mut one.1);
        assert_eq!(shown(&[one]).len(), usize::from(is_shown), "{name}");
    }
}

#[test]
fn each_frame_stands_once_and_there_is_a_bound() {
    let twice = [
        visit("app", "https://app.example/out"),
        visit("app", "https://app.example/out"),
        visit("other", "https://other.example/out"),
    ];
    assert_eq!(shown(&twice).len(), 2);
    let address = |n| format!("https://app{n}.example/out");
    let many: Vec<_> = (0..80)
        .map(|n| visit(&format!("app{n}"), &address(n)))
        .collect();
    assert_eq!(shown(&many).len(), MOST_FRAMES);
}

#[test]
fn the_policy_allows_the_origins_of_the_frames_and_no_more() {
    let all = shown(&[
        visit("a", "https://app.example/out"),
        visit("b", "https://app.example/another"),
        visit("c", "http://localhost:8080/out"),
    ]);
    let expected = ["http://localhost:8080", "https://app.example"];
    assert_eq!(frame_sources(&all), expected);
    assert!(frame_sources(&[]).is_empty());
}
