//! Front-Channel Logout 1.0: what the signed-out page shows in frames.

use latchkey_protocol::{
    ClientId, Issuer, SessionId,
    client::Client,
    front_channel::{MOST_FRAMES, frame_sources, frames},
};
use serde_json::json;

use super::client;

const ISSUER: &str = "https://id.example/a";

/// The client `id`, with this address.
fn noted(id: &str, uri: &str) -> Client {
    let mut client = client(json!({}));
    client.id = ClientId::new(id);
    client.metadata.frontchannel_logout_uri = Some(uri.into());
    client
}

fn shown(clients: &[Client]) -> Vec<String> {
    frames(&Issuer::new(ISSUER), &SessionId::new("here"), clients)
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
            shown(&[noted("app", registered)]),
            [format!("{frame}{said}")]
        );
    }
}

#[test]
fn a_client_without_an_address_has_no_frame() {
    let mut without = noted("app", "https://app.example/out");
    without.metadata.frontchannel_logout_uri = None;
    without.metadata.backchannel_logout_uri = Some("https://app.example/out".into());
    assert!(shown(&[without]).is_empty());
}

#[test]
fn each_frame_stands_once_and_there_is_a_bound() {
    let twice = [
        noted("app", "https://app.example/out"),
        noted("app", "https://app.example/out"),
        noted("other", "https://other.example/out"),
    ];
    assert_eq!(shown(&twice).len(), 2);
    let address = |n| format!("https://app{n}.example/out");
    let many: Vec<_> = (0..80)
        .map(|n| noted(&format!("app{n}"), &address(n)))
        .collect();
    assert_eq!(shown(&many).len(), MOST_FRAMES);
}

#[test]
fn the_policy_allows_the_origins_of_the_frames_and_no_more() {
    let all = shown(&[
        noted("a", "https://app.example/out"),
        noted("b", "https://app.example/another"),
        noted("c", "http://localhost:8080/out"),
    ]);
    let expected = ["http://localhost:8080", "https://app.example"];
    assert_eq!(frame_sources(&all), expected);
    assert!(frame_sources(&[]).is_empty());
}
