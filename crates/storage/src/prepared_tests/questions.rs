//! What requests ask in groups, and alone.

use super::*;
use latchkey_protocol::AuthorizationId;
use latchkey_protocol::ClientId;
use latchkey_protocol::UserId;

pub fn questions() -> Vec<Verb<'static>> {
    let text = str::to_owned;
    vec![
        (
            "support, in a group",
            1,
            Box::new(move |c, n| {
                ask(c, n, || SupportOf {
                    id: text("a"),
                    jti: text("j"),
                })
            }),
        ),
        (
            "authorizations, in a group",
            1,
            Box::new(move |c, n| ask(c, n, || AuthorizationOf(AuthorizationId::new(text("a"))))),
        ),
        (
            "codes, in a group",
            1,
            Box::new(move |c, n| ask(c, n, || CodeOf(Digest::of("code")))),
        ),
        (
            "sessions, in a group",
            1,
            Box::new(move |c, n| {
                ask(c, n, || SessionOf {
                    digest: Digest::of("s"),
                    now: Timestamp::from_seconds(1),
                })
            }),
        ),
        (
            "consents, in a group",
            1,
            Box::new(move |c, n| {
                ask(c, n, || ConsentOf {
                    user: UserId::new(text("u")),
                    client: ClientId::new(text("c")),
                })
            }),
        ),
        (
            "access tokens to revoke, in a group",
            1,
            Box::new(move |c, n| {
                ask(c, n, || Revoked {
                    jti: text("r"),
                    expires_at: Timestamp::from_seconds(9),
                    entry: None,
                })
            }),
        ),
    ]
}
