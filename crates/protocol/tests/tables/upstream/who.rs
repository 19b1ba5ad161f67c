//! `who`: which user somebody is who has signed in elsewhere; and what they get from there.

use latchkey_protocol::{
    Reason, UserId,
    upstream::{
        Brought, EmailTrust, Identity, IdentityKey, LinkedBy, Linking, Upstream, UpstreamName,
        UpstreamProfile, Who, new_account, refreshed, username_candidates, who,
    },
    user::User,
};

use super::{profile, trusting, user};
use crate::{NOW, shows_each};

/// Somebody new, whose verified address is that of an account with a verified address, at a provider that may link.
struct World {
    upstream: Upstream,
    profile: UpstreamProfile,
    known: Option<(Identity, User)>,
    holder: Option<User>,
}

impl World {
    fn new() -> Self {
        Self {
            upstream: trusting(EmailTrust::All, true, Linking::VerifiedEmail),
            profile: profile(Some("alice@own.example")),
            known: None,
            holder: Some(user("alice", "alice@own.example")),
        }
    }

    fn known(&mut self) -> &mut (Identity, User) {
        let identity = Identity {
            key: IdentityKey {
                issuer: "https://kakao.example".into(),
                subject: "1".into(),
            },
            upstream: self.upstream.name.clone(),
            user_id: UserId::new("known"),
            linked_at: NOW,
            linked_by: LinkedBy::Proof,
            last_sign_in_at: None,
            profile: UpstreamProfile::default(),
            brought: Brought::default(),
        };
        self.known = Some((identity, user("known", "known@own.example")));
        self.known.as_mut().unwrap()
    }

    fn holder(&mut self) -> &mut User {
        self.holder.as_mut().unwrap()
    }

    fn email(&mut self, email: &str) {
        self.profile.email = Some(email.into());
    }

    fn trust(&mut self, email: EmailTrust, create: bool, link: Linking) {
        self.upstream = trusting(email, create, link);
    }

    fn decided(&self) -> Result<Who, Reason> {
        let known = self.known.as_ref().map(|(identity, user)| (identity, user));
        let decided = who(&self.upstream, &self.profile, known, self.holder.as_ref());
        decided.map_err(|refused| refused.reason)
    }
}

type Row = (&'static str, fn(&mut World), Result<Who, Reason>);

fn table() -> Vec<Row> {
    let known = || Ok(Who::Known(UserId::new("known")));
    let link = || {
        Ok(Who::Link {
            user_id: UserId::new("alice"),
            version: 7,
        })
    };
    let prove = || {
        Ok(Who::AskProof {
            user_id: Some(UserId::new("alice")),
        })
    };
    let any = || Ok(Who::AskProof { user_id: None });
    vec![
        ("the same verified address on both sides", |_| {}, link()),
        (
            "but for ASCII capitals",
            |w| w.email("Alice@OWN.example"),
            link(),
        ),
        (
            "a known identity goes before every address",
            |w| _ = w.known(),
            known(),
        ),
        (
            "a known identity of somebody locked out",
            |w| w.known().1.disabled_at = Some(NOW),
            Err(Reason::UpstreamUserDisabled),
        ),
        (
            "a known identity through another provider",
            |w| w.known().0.upstream = UpstreamName::parse("naver").unwrap(),
            Err(Reason::UpstreamIdentityForeign),
        ),
        (
            "an address that the provider has not verified",
            |w| w.profile.email_verified = false,
            Ok(Who::Create),
        ),
        (
            "an address that is not believed",
            |w| w.trust(EmailTrust::None, true, Linking::VerifiedEmail),
            Ok(Who::Create),
        ),
        (
            "an address of its own domains, which are believed",
            |w| w.trust(EmailTrust::Domains, true, Linking::VerifiedEmail),
            link(),
        ),
        (
            "an address of another domain than its own",
            |w| {
                w.trust(EmailTrust::Domains, true, Linking::VerifiedEmail);
                w.email("alice@other.example");
                *w.holder() = user("alice", "alice@other.example");
            },
            Ok(Who::Create),
        ),
        (
            "a domain that ends alike",
            |w| {
                w.trust(EmailTrust::Domains, true, Linking::VerifiedEmail);
                w.email("alice@not-own.example");
            },
            Ok(Who::Create),
        ),
        (
            "an address that was not verified here",
            |w| drop(w.holder().claims.remove("email_verified")),
            prove(),
        ),
        (
            "full-width letters",
            |w| w.email("\u{ff41}lice@own.example"),
            prove(),
        ),
        ("a plus form", |w| w.email("alice+x@own.example"), prove()),
        ("a dotted form", |w| w.email("a.lice@own.example"), prove()),
        (
            "a letter of another alphabet",
            |w| w.email("\u{430}lice@own.example"),
            prove(),
        ),
        (
            "an account whose name is the address",
            |w| w.holder().email = None,
            prove(),
        ),
        (
            "an account with power here",
            |w| w.holder().roles = vec!["admin".into()],
            prove(),
        ),
        (
            "an account that reads the console",
            |w| w.holder().roles = vec!["auditor".into()],
            prove(),
        ),
        (
            "an account that is locked out",
            |w| w.holder().disabled_at = Some(NOW),
            prove(),
        ),
        (
            "a provider that links with proof",
            |w| w.trust(EmailTrust::All, true, Linking::WithProof),
            prove(),
        ),
        (
            "a provider that never links",
            |w| w.trust(EmailTrust::All, true, Linking::Never),
            Err(Reason::UpstreamAddressTaken),
        ),
        (
            "nobody has the address",
            |w| w.holder = None,
            Ok(Who::Create),
        ),
        (
            "nobody has the address, and no accounts are made",
            |w| {
                w.trust(EmailTrust::All, false, Linking::WithProof);
                w.holder = None;
            },
            any(),
        ),
        (
            "no address, and no accounts are made",
            |w| {
                w.trust(EmailTrust::All, false, Linking::WithProof);
                w.profile.email = None;
            },
            any(),
        ),
        (
            "neither accounts nor links",
            |w| {
                w.trust(EmailTrust::All, false, Linking::Never);
                w.holder = None;
            },
            Err(Reason::UpstreamAccountUnknown),
        ),
    ]
}

#[test]
fn who_becomes_whom() {
    let mut seen = Vec::new();
    for (about, change, expected) in table() {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.decided(), expected, "{about}");
        seen.extend(expected.err());
    }
    let reasons = [
        Reason::UpstreamUserDisabled,
        Reason::UpstreamIdentityForeign,
        Reason::UpstreamAddressTaken,
        Reason::UpstreamAccountUnknown,
    ];
    shows_each(&seen, &reasons);
}

#[test]
fn an_address_that_is_not_believed_tells_nothing_of_the_account_that_has_it() {
    for link in [Linking::Never, Linking::WithProof, Linking::VerifiedEmail] {
        for create in [true, false] {
            let upstream = trusting(EmailTrust::None, create, link);
            let (profile, holder) = (profile(Some("a@own.example")), user("a", "a@own.example"));
            let there = who(&upstream, &profile, None, Some(&holder));
            assert_eq!(
                there,
                who(&upstream, &profile, None, None),
                "{link:?} {create}"
            );
        }
    }
}

#[test]
fn a_new_account_gets_an_address_only_where_it_is_believed() {
    for (trust, expected) in [
        (EmailTrust::All, Some("alice@own.example")),
        (EmailTrust::None, None),
    ] {
        let upstream = trusting(trust, true, Linking::Never);
        let said = profile(Some("alice@own.example"));
        let (made, _) = new_account(UserId::new("u"), "alice".into(), &upstream, &said, NOW);
        assert_eq!(made.email.as_deref(), expected);
        assert_eq!(
            made.claims.contains_key("email_verified"),
            expected.is_some()
        );
        assert_eq!((made.password_hash, made.roles), (None, Vec::new()));
    }
}

#[test]
fn a_new_account_is_called_what_nobody_takes_for_another() {
    let name = UpstreamName::parse("kakao").unwrap();
    let suffixes = ["x1".to_owned(), "x2".to_owned()];
    let called = |username: Option<&str>, email: Option<&str>| {
        let said = UpstreamProfile {
            username: username.map(str::to_owned),
            ..profile(email)
        };
        username_candidates(&said, &name, &suffixes).join(" ")
    };
    assert_eq!(
        called(Some("Alice"), Some("bob@own.example")),
        "alice alice-x1 alice-x2"
    );
    assert_eq!(
        called(Some("alice@own.example"), None),
        "alice alice-x1 alice-x2"
    );
    assert_eq!(called(None, Some("bob@own.example")), "bob bob-x1 bob-x2");
    assert_eq!(
        called(Some("Hong Gil"), None),
        "hong-gil hong-gil-x1 hong-gil-x2"
    );
    assert_eq!(called(Some("\u{2665}"), None), "kakao-x1 kakao-x2");
    assert_eq!(called(Some("ADMIN"), None), "admin-x1 admin-x2");
    assert_eq!(called(None, None), "kakao-x1 kakao-x2");
}

/// A user who has one name, group and role from here, and one of each from there.
fn brought() -> (User, Brought) {
    let list = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let before = User {
        name: Some("There".into()),
        groups: list(&["here", "there"]),
        roles: list(&["own", "lent"]),
        ..user("u", "u@own.example")
    };
    let brought = Brought {
        name: Some("There".into()),
        picture: None,
        groups: list(&["there"]),
        roles: list(&["lent"]),
    };
    (before, brought)
}

#[test]
fn what_is_said_no_more_goes_and_what_was_given_here_stays() {
    let (before, brought) = brought();
    let nothing = UpstreamProfile::default();
    let after = refreshed(&before, &brought, &nothing, NOW + 5);
    assert_eq!(
        (&after.user.groups[..], &after.user.roles[..]),
        (&["here".to_owned()][..], &["own".to_owned()][..])
    );
    assert_eq!(after.user.name.as_deref(), Some("There"), "a name stays");
    assert_eq!(after.user.email, before.email);
    assert!(after.brought.groups.is_empty() && after.brought.roles.is_empty());
    assert!(after.differs_from(&before));
}

#[test]
fn what_is_said_again_changes_nothing_and_what_is_new_comes_in() {
    let (before, brought) = brought();
    let mut said = UpstreamProfile {
        name: Some("There".into()),
        groups: vec!["here".into(), "there".into()],
        roles: vec!["lent".into()],
        ..UpstreamProfile::default()
    };
    let same = refreshed(&before, &brought, &said, NOW + 5);
    assert_eq!((&same.user, &same.brought), (&before, &brought));
    said.name = Some("New".into());
    said.groups.push("more".into());
    said.picture = Some("https://p.example/1".into());
    let after = refreshed(&before, &brought, &said, NOW + 5);
    assert_eq!(after.user.groups, ["here", "there", "more"]);
    assert_eq!(after.brought.groups, ["there", "more"]);
    assert_eq!(after.user.name.as_deref(), Some("New"));
    assert_eq!(after.user.claims["picture"], "https://p.example/1");
}

#[test]
fn a_name_that_was_changed_here_stays() {
    let (before, brought) = brought();
    let renamed = User {
        name: Some("Chosen".into()),
        ..before
    };
    let said = UpstreamProfile {
        name: Some("New".into()),
        ..UpstreamProfile::default()
    };
    let after = refreshed(&renamed, &brought, &said, NOW);
    assert_eq!(after.user.name.as_deref(), Some("Chosen"));
}
