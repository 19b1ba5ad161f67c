//! Back-Channel Logout 1.0: who is told, what, and when again.

use latchkey_protocol::{
    ClientId, IdTokenAlgorithm, Issuer, SessionId, SigningAlgorithm, Subject, Timestamp, UserId,
    deliveries::AfterAttempt,
    logout_token::{
        Delivery, LOGOUT_EVENT, LOGOUT_TOKEN_LIFETIME, LogoutToken, Recipient, SessionEnd,
        delivery, is_noted, retry,
    },
    outbound::OutboundError,
};
use serde_json::json;

use super::{NOW, authorization, client};

const DAY: i64 = 86_400;

fn ended() -> SessionEnd {
    SessionEnd {
        session_id: SessionId::new("here"),
        user_id: UserId::new("alice"),
    }
}

/// 2.4.
#[test]
fn a_logout_token_has_what_the_specification_names_and_nothing_else() {
    // As this client knows the user, whatever their id is.
    let subject = Subject::presented("alice-at-app");
    let token = LogoutToken::new(
        &Issuer::new("https://id.example"),
        &ClientId::new("app"),
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
fn clients_that_get_an_id_token_and_registered_an_address_are_noted() {
    let (back, front) = (
        json!({"backchannel_logout_uri": "https://app.example/out"}),
        json!({"frontchannel_logout_uri": "https://app.example/out"}),
    );
    let table = [
        ("openid profile", back.clone(), true),
        ("openid offline_access", back.clone(), true),
        ("openid", front, true),
        ("openid", json!({}), false),
        ("profile", back, false),
    ];
    for (scope, metadata, noted) in table {
        let is_noted = is_noted(&authorization(scope), &client(metadata.clone()));
        assert_eq!(is_noted, noted, "{scope} {metadata}");
    }
}

#[test]
fn a_client_is_told_with_the_algorithm_of_its_id_tokens() {
    let app = client(json!({"backchannel_logout_uri": "https://app.example/out"}));
    let told = Recipient::of(&app).unwrap();
    assert_eq!(
        (told.client_id.as_str(), told.uri, told.algorithm),
        (
            "app",
            "https://app.example/out",
            IdTokenAlgorithm::default()
        )
    );
    let other = client(json!({
        "backchannel_logout_uri": "https://other.example/out", "id_token_signed_response_alg": "ES256",
    }));
    assert_eq!(
        Recipient::of(&other).unwrap().algorithm,
        IdTokenAlgorithm::Key(SigningAlgorithm::Es256)
    );
    assert_eq!(Recipient::of(&client(json!({}))), None);
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
                AfterAttempt::Again(at) => seen.push(at - NOW),
                other => panic!("{other:?} after {attempts} attempts"),
            }
        }
        let ends = (seen.iter().min().copied(), seen.iter().max().copied());
        assert_eq!(ends, (Some(shortest), Some(longest)), "{attempts}");
    }
}

#[test]
fn the_last_attempt_is_a_day_after_the_end_and_then_it_is_dead() {
    let at = |now: Timestamp| retry(30, NOW, 0, now);
    assert_eq!(at(NOW + DAY - 10), AfterAttempt::Again(NOW + DAY));
    assert_eq!(at(NOW + DAY - 1), AfterAttempt::Again(NOW + DAY));
    assert_eq!(at(NOW + DAY), AfterAttempt::Dead);
    assert_eq!(at(NOW + DAY + 1), AfterAttempt::Dead);
    assert_eq!(
        retry(1, NOW, 0, Timestamp::from_seconds(i64::MAX)),
        AfterAttempt::Dead
    );
    assert_eq!(
        retry(1, Timestamp::from_seconds(i64::MAX), 0, NOW),
        AfterAttempt::Again(NOW + 2)
    );
    // Never before now, whatever the clock did.
    assert_eq!(
        retry(1, NOW, 0, NOW - DAY),
        AfterAttempt::Again(NOW - DAY + 2)
    );

    // From the first attempt to the last: none lost in a moment, none without end.
    let (mut now, mut attempts) = (NOW, 1);
    while let AfterAttempt::Again(next) =
        retry(attempts, NOW, u32::try_from(attempts).unwrap() * 7919, now)
    {
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
