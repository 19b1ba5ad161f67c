//! `rotate`: what a presented refresh token is worth (RFC 6749 6, RFC 9700 4.14.2).

use latchkey_protocol::{
    ClientId, Issuer, Reason, Secret, SessionId, Timestamp,
    authorization::{Authorization, Context, RefreshFamily},
    claims::RefreshToken,
    client::Client,
    kind,
    token::{Rotation, rotate},
};
use serde_json::json;

use crate::{LIFETIMES, NOW, authorization, client, code, context, shows_each};

fn secret(letter: &str) -> Secret<kind::RefreshToken> {
    let text = format!("lk_refresh_{}", letter.repeat(43));
    Secret::<kind::RefreshToken>::presented(&text).unwrap()
}

/// All is well: the current token of a family that was rotated ten seconds ago is presented by its client.
struct World {
    context: Context,
    client: Client,
    presented: RefreshToken,
    secret: Secret<kind::RefreshToken>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let mut allowed = authorization("openid");
        code(&mut allowed).exchanged_at = Some(NOW - 100);
        allowed.refresh = Some(RefreshFamily {
            current: secret("c").digest(),
            issued_at: NOW - 10,
            idle_expires_at: NOW + 990,
            kid: "old".into(),
            parent: Some(secret("p").digest()),
            expires_at: NOW + 5000,
        });
        let presented = RefreshToken {
            iss: Issuer::new("i"),
            aud: Issuer::new("i"),
            client_id: ClientId::new("app"),
            authorization: allowed.id.clone(),
            jti: String::new(),
            iat: NOW - 10,
            exp: NOW + 990,
        };
        Self {
            context: context(allowed),
            client: client(json!({})),
            presented,
            secret: secret("c"),
            now: NOW,
        }
    }

    fn authorization(&mut self) -> &mut Authorization {
        &mut self.context.authorization
    }

    fn family(&mut self) -> &mut RefreshFamily {
        self.authorization().refresh.as_mut().unwrap()
    }

    /// The parent comes again, so long after it was replaced.
    fn parent_after(&mut self, seconds: i64) {
        self.secret = secret("p");
        self.family().issued_at = NOW - seconds;
    }

    fn rotate(&self) -> Result<Rotation, (Reason, bool)> {
        rotate(
            &self.context,
            &self.presented,
            &self.secret,
            &self.client,
            &LIFETIMES,
            "new",
            self.now,
        )
        .map_err(|denied| (denied.refused.reason, denied.revoke))
    }
}

type Row = (
    &'static str,
    fn(&mut World),
    Result<&'static str, (Reason, bool)>,
);

const TABLE: [Row; 23] = [
    ("the current one", |_| {}, Ok("next")),
    (
        "the authorization is another client's",
        |w| w.authorization().client_id = ClientId::new("other"),
        Err((Reason::RefreshTokenOfAnotherClient, false)),
    ),
    (
        "the token is another client's",
        |w| w.presented.client_id = ClientId::new("other"),
        Err((Reason::RefreshTokenOfAnotherClient, false)),
    ),
    (
        "another client can end nothing with an old one",
        |w| {
            w.client.id = ClientId::new("other");
            w.secret = secret("x");
        },
        Err((Reason::RefreshTokenOfAnotherClient, false)),
    ),
    (
        "the user was deleted",
        |w| w.context.user = None,
        Err((Reason::UserDisabled, false)),
    ),
    (
        "the user was disabled",
        |w| w.context.user.as_mut().unwrap().disabled_at = Some(NOW),
        Err((Reason::UserDisabled, false)),
    ),
    (
        "revoked",
        |w| w.authorization().revoked_at = Some(NOW),
        Err((Reason::AuthorizationEnded, false)),
    ),
    (
        "the session is gone",
        |w| w.context.session = None,
        Err((Reason::AuthorizationEnded, false)),
    ),
    (
        "the session is gone, and access is offline",
        |w| {
            w.context.session = None;
            w.authorization().scope = "openid offline_access".to_owned().into();
        },
        Ok("next"),
    ),
    (
        "no family",
        |w| w.authorization().refresh = None,
        Err((Reason::AuthorizationEnded, false)),
    ),
    (
        "in the last second of its idle time",
        |w| w.family().idle_expires_at = NOW + 1,
        Ok("next"),
    ),
    (
        "unused for too long",
        |w| w.family().idle_expires_at = NOW,
        Err((Reason::RefreshTokenExpired, false)),
    ),
    (
        "in the last second of its family",
        |w| w.family().expires_at = NOW + 1,
        Ok("next"),
    ),
    (
        "the family is too old",
        |w| w.family().expires_at = NOW,
        Err((Reason::RefreshTokenExpired, false)),
    ),
    ("its parent, at once", |w| w.parent_after(0), Ok("again")),
    (
        "its parent, at the end of the window",
        |w| w.parent_after(30),
        Ok("again"),
    ),
    (
        "its parent, a second later",
        |w| w.parent_after(31),
        Err((Reason::RefreshTokenReplayed, true)),
    ),
    (
        "its parent, by a clock that is a minute behind",
        |w| w.parent_after(-60),
        Ok("again"),
    ),
    (
        "its parent, by a clock that was set back",
        |w| w.parent_after(-61),
        Err((Reason::RefreshTokenReplayed, false)),
    ),
    (
        "an older one",
        |w| w.secret = secret("x"),
        Err((Reason::RefreshTokenReplayed, true)),
    ),
    (
        "an older one, of a family that has no parent yet",
        |w| {
            w.secret = secret("p");
            w.family().parent = None;
        },
        Err((Reason::RefreshTokenReplayed, true)),
    ),
    (
        "an older one, of a family that is unused for long",
        |w| {
            w.secret = secret("x");
            w.family().idle_expires_at = NOW;
        },
        Err((Reason::RefreshTokenReplayed, true)),
    ),
    (
        "an older one, when all has ended anyway",
        |w| {
            w.secret = secret("x");
            w.authorization().revoked_at = Some(NOW);
        },
        Err((Reason::AuthorizationEnded, false)),
    ),
];

#[test]
fn a_refresh_token_is_the_current_one_or_its_parent_for_a_moment() {
    let mut seen = Vec::new();
    for (name, change, expected) in TABLE {
        let mut world = World::new();
        change(&mut world);
        let rotated = world.rotate().map(|rotation| match rotation {
            Rotation::Next { .. } => "next",
            Rotation::Again { .. } => "again",
        });
        assert_eq!(rotated, expected, "{name}");
        seen.extend(expected.err().map(|(reason, _)| reason));
    }
    shows_each(
        &seen,
        &[
            Reason::RefreshTokenOfAnotherClient,
            Reason::UserDisabled,
            Reason::AuthorizationEnded,
            Reason::RefreshTokenExpired,
            Reason::RefreshTokenReplayed,
        ],
    );
}

#[test]
fn a_rotation_moves_the_idle_end_and_never_the_absolute_one() {
    let Ok(Rotation::Next { successor, family }) = World::new().rotate() else {
        panic!("no rotation");
    };
    let expected = RefreshFamily {
        current: successor.digest(),
        issued_at: NOW,
        idle_expires_at: NOW + 1000,
        kid: "new".into(),
        parent: Some(secret("c").digest()),
        expires_at: NOW + 5000,
    };
    assert_eq!(family, expected);
    let mut late = World::new();
    late.family().expires_at = NOW + 7;
    let Ok(Rotation::Next { family, .. }) = late.rotate() else {
        panic!("no rotation");
    };
    assert_eq!(
        (family.idle_expires_at, family.expires_at),
        (NOW + 7, NOW + 7)
    );
}

#[test]
fn a_lost_answer_is_given_again_with_the_same_secret_and_key() {
    let mut world = World::new();
    let Ok(Rotation::Next { successor, family }) = world.rotate() else {
        panic!("no rotation");
    };
    *world.family() = family.clone();
    world.now += 30;
    let expected = Rotation::Again { successor, family };
    assert_eq!(world.rotate(), Ok(expected));
}

#[test]
fn a_refresh_is_a_use_of_its_session_unless_it_outlives_it() {
    let mut world = World::new();
    let used = |world: &World, at| {
        let used = world.context.session_use(&LIFETIMES, at);
        used.map(|(id, used)| (id.to_owned(), used.at, used.expires_at))
    };
    let later = NOW + 100;
    assert_eq!(
        used(&world, later),
        Some((SessionId::new("here"), later, later + 600))
    );
    assert_eq!(used(&world, NOW + 10), None, "noted a moment ago");
    world.authorization().scope = "offline_access".to_owned().into();
    assert_eq!(used(&world, later), None, "offline");
    world.authorization().scope = "openid".to_owned().into();
    world.context.session = None;
    assert_eq!(used(&world, later), None, "no session");
}
