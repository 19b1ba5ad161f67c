//! Back-Channel Logout 1.0: who is told, what, and when again.

use latchkey_protocol::{
    IdTokenAlgorithm, SessionId, SigningAlgorithm, Subject, Timestamp,
    authorization::Authorization,
    client::Client,
    logout_token::{
        Delivery, LOGOUT_EVENT, LOGOUT_TOKEN_LIFETIME, LogoutToken, Retry, SessionEnd, delivery,
        recipients, retry,
    },
    outbound::OutboundError,
};
use serde_json::json;

use super::{NOW, authorization, client, code};

const DAY: i64 = 86_400;

fn ended() -> SessionEnd {
    SessionEnd {
        session_id: SessionId::new("here"),
        user_id: "alice".into(),
    }
}

/// Alice signed in to `app` with `openid`, and its code was exchanged.
fn visit() -> Authorization {
    let mut visit = authorization("openid profile");
    code(&mut visit).exchanged_at = Some(NOW);
    visit
}

fn told() -> Client {
    client(json!({"backchannel_logout_uri": "https://app.example/out"}))
}

/// 2.4.
#[test]
fn a_logout_token_has_what_the_specification_names_and_nothing_else() {
    // As this client knows the user, whatever their id is.
    let subject = Subject::presented("alice-at-app");
    let token = LogoutToken::new(
        "https://id.example",
        "app",
        subject,
        &ended(),
        "one".into(),
        NOW,
    );
    let expected = json!({
        "iss": "https://id.example", "sub": "alice-at-app", "aud": "app", "sid": "here", "jti": "one",
        "iat": NOW, "exp": NOW + LOGOUT_TOKEN_LIFETIME, "events": { LOGOUT_EVENT: {} },
    });
    assert_eq!(serde_json::to_value(&token).unwrap(), expected);
    // Two minutes at most (2.4).
    const { assert!(LOGOUT_TOKEN_LIFETIME <= 120) };
    assert_eq!(
        LOGOUT_EVENT,
        "http://schemas.openid.net/event/backchannel-logout"
    );
}

#[test]
fn clients_that_signed_the_user_in_within_the_session_are_told() {
    type Change = fn(&mut Authorization, &mut Client);
    let table: [(&str, bool, Change); 12] = [
        ("all is well", true, |_, _| {}),
        ("no address", false, |_, c| {
            c.metadata.backchannel_logout_uri = None;
        }),
        ("a code that nobody exchanged", false, |a, _| {
            code(a).exchanged_at = None;
        }),
        ("no ID token", false, |a, _| {
            a.scope = "profile".to_owned().into()
        }),
        ("another session", false, |a, _| {
            code(a).session_id = SessionId::new("there")
        }),
        ("another user", false, |a, _| a.user_id = "bob".into()),
        ("another client's", false, |a, _| {
            a.client_id = "other".into()
        }),
        // None of these ends the client's own session.
        ("revoked since", true, |a, _| a.revoked_at = Some(NOW)),
        ("its tokens have expired", true, |a, _| {
            a.expires_at = Timestamp::from_seconds(0)
        }),
        ("offline access", true, |a, _| {
            a.scope = "openid offline_access".to_owned().into();
        }),
        ("sid not required", true, |_, c| {
            c.metadata.backchannel_logout_session_required = false;
        }),
        ("sid required", true, |_, c| {
            c.metadata.backchannel_logout_session_required = true;
        }),
    ];
    for (name, is_told, change) in table {
        let (mut authorization, mut client) = (visit(), told());
        change(&mut authorization, &mut client);
        let all = recipients(&ended(), [(&authorization, &client)]);
        assert_eq!(all.len(), usize::from(is_told), "{name}");
        if let [only] = all[..] {
            assert_eq!(
                (only.client_id, only.uri),
                ("app", "https://app.example/out"),
                "{name}"
            );
        }
    }
}

#[test]
fn each_client_is_told_once_with_the_algorithm_of_its_id_tokens() {
    let mut other = client(json!({
        "backchannel_logout_uri": "https://other.example/out", "id_token_signed_response_alg": "ES256",
    }));
    other.id = "other".into();
    let app = told();
    let first = visit();
    let again = Authorization {
        id: "again".into(),
        ..visit()
    };
    let elsewhere = Authorization {
        client_id: "other".into(),
        ..visit()
    };
    let all = recipients(
        &ended(),
        [(&first, &app), (&elsewhere, &other), (&again, &app)],
    );
    let told: Vec<_> = all.iter().map(|r| (r.client_id, r.algorithm)).collect();
    assert_eq!(
        told,
        [
            ("app", IdTokenAlgorithm::default()),
            ("other", IdTokenAlgorithm::Key(SigningAlgorithm::Es256))
        ]
    );
}

/// 2.8.
#[test]
fn what_answers_mean() {
    let private = OutboundError::Forbidden("10.0.0.1".parse().unwrap());
    let tls = OutboundError::Tls(String::new());
    let table = [
        (Ok(200), Some(Delivery::Delivered)),
        (Ok(204), Some(Delivery::Delivered)),
        (Ok(400), Some(Delivery::Refused)),
        (Ok(201), Some(Delivery::Misanswered)),
        (Ok(202), Some(Delivery::Misanswered)),
        (Ok(302), Some(Delivery::Misanswered)),
        (Ok(401), Some(Delivery::Misanswered)),
        (Ok(404), Some(Delivery::Misanswered)),
        (Ok(429), Some(Delivery::Misanswered)),
        (Ok(500), Some(Delivery::Misanswered)),
        (Ok(503), Some(Delivery::Misanswered)),
        (Err(&OutboundError::Garbled), Some(Delivery::Misanswered)),
        (Err(&OutboundError::TooLong), Some(Delivery::Misanswered)),
        (Err(&OutboundError::Unresolved), Some(Delivery::Unreached)),
        (Err(&OutboundError::Unreachable), Some(Delivery::Unreached)),
        (Err(&OutboundError::Late), Some(Delivery::Unreached)),
        (Err(&tls), Some(Delivery::Unreached)),
        (Err(&OutboundError::Address), Some(Delivery::Forbidden)),
        (Err(&private), Some(Delivery::Forbidden)),
        (Err(&OutboundError::Busy), None),
    ];
    for (answer, meaning) in table {
        assert_eq!(delivery(answer), meaning, "{answer:?}");
    }
}

#[test]
fn a_failed_delivery_is_tried_again_ever_more_rarely_and_for_a_day() {
    let table: [(i64, i64, i64); 10] = [
        // Attempts made, the shortest delay, the longest.
        (1, 1, 2),
        (2, 2, 4),
        (3, 4, 8),
        (4, 8, 16),
        (8, 128, 256),
        (11, 1024, 2048),
        (12, 1800, 3600),
        (13, 1800, 3600),
        (40, 1800, 3600),
        (i64::MAX, 1800, 3600),
    ];
    for (attempts, shortest, longest) in table {
        let mut seen = Vec::new();
        for random in (0..5000).chain([u32::MAX, u32::MAX / 2]) {
            match retry(attempts, NOW, random, NOW) {
                Retry::At(at) => seen.push(at - NOW),
                Retry::Dead => panic!("dead after {attempts} attempts"),
            }
        }
        let ends = (seen.iter().min().copied(), seen.iter().max().copied());
        assert_eq!(ends, (Some(shortest), Some(longest)), "{attempts}");
    }
}

#[test]
fn the_last_attempt_is_a_day_after_the_end_and_then_it_is_dead() {
    let at = |now: Timestamp| retry(30, NOW, 0, now);
    assert_eq!(at(NOW + DAY - 10), Retry::At(NOW + DAY));
    assert_eq!(at(NOW + DAY - 1), Retry::At(NOW + DAY));
    assert_eq!(at(NOW + DAY), Retry::Dead);
    assert_eq!(at(NOW + DAY + 1), Retry::Dead);
    assert_eq!(
        retry(1, NOW, 0, Timestamp::from_seconds(i64::MAX)),
        Retry::Dead
    );
    assert_eq!(
        retry(1, Timestamp::from_seconds(i64::MAX), 0, NOW),
        Retry::At(NOW + 2)
    );
    // Never before now, whatever the clock did.
    assert_eq!(retry(1, NOW, 0, NOW - DAY), Retry::At(NOW - DAY + 2));

    // From the first attempt to the last: none lost in a moment, none without end.
    let (mut now, mut attempts) = (NOW, 1);
    while let Retry::At(next) = retry(attempts, NOW, u32::try_from(attempts).unwrap() * 7919, now) {
        assert!(next > now);
        (now, attempts) = (next, attempts + 1);
    }
    assert_eq!(now, NOW + DAY);
    assert!((30..70).contains(&attempts), "{attempts}");
}

/// No other kind of token passes for a logout token, nor the other way (RFC 8725 3.11).
#[test]
fn a_logout_token_is_of_its_own_kind() {
    use latchkey_protocol::claims::{AccessToken, IdToken, RefreshToken, TokenClaims};
    let own = LogoutToken::TYPES;
    assert_eq!(own, ["logout+jwt"]);
    for others in [AccessToken::TYPES, IdToken::TYPES, RefreshToken::TYPES] {
        assert!(others.iter().all(|typ| !own.contains(typ)));
    }
}
