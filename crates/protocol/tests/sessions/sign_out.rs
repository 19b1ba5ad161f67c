//! Which request signs out unasked, and what is said of one that is refused.

use super::*;
use latchkey_protocol::ClientId;
use latchkey_protocol::SessionId;
use latchkey_protocol::UserId;

#[test]
fn only_the_hint_of_this_very_session_signs_out_unasked() {
    let (here, other) = (session("s1", "alice"), session("s2", "alice"));
    let app = client("app", json!({ "redirect_uris": ["https://a.example/cb"] }));
    let ask = |named: Option<&str>| SignOut::Ask {
        named: named.map(|sid| (SessionId::new(sid), UserId::new("alice"))),
    };
    let table = [
        (Some(token("s1", "alice")), Some(&here), None, SignOut::Now),
        (Some(token("s1", "bob")), Some(&here), None, ask(None)),
        (Some(token("s2", "alice")), Some(&here), None, ask(None)),
        (Some(token("s9", "bob")), Some(&here), None, ask(None)),
        (None, Some(&here), None, ask(None)),
        (None, None, None, ask(None)),
        (
            Some(token("s2", "alice")),
            None,
            Some(&other),
            ask(Some("s2")),
        ),
        (Some(token("s2", "alice")), None, None, SignOut::Done),
        (Some(token("s2", "bob")), None, Some(&other), SignOut::Done),
    ];
    for (hint, here, named, expected) in table {
        assert_eq!(
            sign_out(hint.as_ref(), Some(&app), here, named),
            expected,
            "{hint:?} {here:?}"
        );
    }
    let hint = token("s1", "alice");
    let unknown = sign_out(Some(&hint), None, Some(&here), None);
    assert_eq!(
        unknown,
        ask(None),
        "of a client that is gone nobody's subject is known"
    );
}

#[test]
fn the_cause_of_a_refused_sign_out_is_named_and_not_what_follows_from_it() {
    const BYE: &str = "https://a.example/bye";
    let app = client(
        "app",
        json!({ "redirect_uris": ["https://a.example/cb"], "post_logout_redirect_uris": [BYE] }),
    );
    let bad = Hint::Unusable(Reason::LogoutHintUnusable.into());
    let good = Hint::Token(Box::new(token("s", "u")));
    let table = [
        (&good, Some("app"), Some(&app), Some(BYE), Some(BYE), None),
        (&good, Some("app"), Some(&app), None, None, None),
        (
            &good,
            Some("app"),
            Some(&app),
            Some("https://e.example/"),
            None,
            Some(Reason::LogoutRedirectUnregistered),
        ),
        (
            &good,
            Some("app"),
            None,
            Some(BYE),
            None,
            Some(Reason::ClientUnknown),
        ),
        (
            &bad,
            None,
            None,
            Some(BYE),
            None,
            Some(Reason::LogoutHintUnusable),
        ),
        (
            &bad,
            Some("app"),
            Some(&app),
            Some(BYE),
            Some(BYE),
            Some(Reason::LogoutHintUnusable),
        ),
        (
            &bad,
            Some("app"),
            Some(&app),
            Some("https://e.example/"),
            None,
            Some(Reason::LogoutHintUnusable),
        ),
        (
            &Hint::None,
            None,
            None,
            Some(BYE),
            None,
            Some(Reason::LogoutRedirectUnregistered),
        ),
        (
            &Hint::None,
            Some("x"),
            None,
            None,
            None,
            Some(Reason::ClientUnknown),
        ),
        (&Hint::None, None, None, None, None, None),
    ];
    for (hint, id, client, asked, to, refused) in table {
        let found = returns(hint, id.map(ClientId::new).as_ref(), client, asked);
        assert_eq!(
            (found.0.as_deref(), found.1.map(|r| r.reason)),
            (to, refused),
            "{hint:?} {id:?} {asked:?}"
        );
    }
    let (same, other) = (ClientId::new("app"), ClientId::new("other"));
    assert_eq!(claimed_client(&good, Some(&same)), Ok(Some(&same)));
    assert_eq!(claimed_client(&good, None), Ok(Some(&same)));
    assert!(claimed_client(&good, Some(&other)).is_err());
    assert_eq!(
        named_by(&good, &app),
        Ok((&SessionId::new("s"), &Subject::presented("u")))
    );
    let other = Client {
        id: ClientId::new("other"),
        ..app
    };
    let reason = |hint| named_by(hint, &other).unwrap_err().reason;
    assert_eq!(reason(&good), Reason::LogoutHintUnusable);
    assert_eq!(reason(&bad), Reason::LogoutHintUnusable);
    assert_eq!(reason(&Hint::None), Reason::ParameterMissing);
}
