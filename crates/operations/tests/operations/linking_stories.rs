//! Stories of people who register, sign in elsewhere, link, move their addresses and are locked out, drawn at random: none
//! gets the account of another without proof. What counts as proof is judged here from what is true of the people, and not
//! by the rules that are tried.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
};

use latchkey_conformance::samples::{begin, upstream};
use latchkey_operations::{Arrival, Arrived, UpstreamSignIn};
use latchkey_protocol::{
    ClientId, Digest, SessionId, UserId,
    device::Device,
    profile::ProfileChange,
    secret::{Secret, new_id},
    session::Session,
    store::{LastAdministrator, LinkOutcome, UpstreamWrite},
    upstream::{EmailTrust, IdentityKey, Linking, Trust, Upstream, UpstreamProfile},
    user::User,
};
use proptest::prelude::*;

use crate::support::*;

/// So many people, and as many mailboxes, of which each is somebody's.
const PEOPLE: usize = 4;
/// Mailboxes, and texts that only look like the first.
const ADDRESSES: [&str; 7] = [
    "m0@mail.example",
    "m1@mail.example",
    "m2@mail.example",
    "m3@mail.example",
    "M0@Mail.example",
    "\u{ff4d}0@mail.example",
    "m0+x@mail.example",
];

/// Providers: two that verify addresses, one that says whatever it is told.
const PROVIDERS: [(&str, EmailTrust, Linking); 3] = [
    ("links", EmailTrust::All, Linking::VerifiedEmail),
    ("asks", EmailTrust::All, Linking::WithProof),
    ("lies", EmailTrust::None, Linking::VerifiedEmail),
];

#[derive(Debug, Clone, Copy)]
enum Act {
    /// Gets an account with a password, and this address if it is theirs; else the address counts as unproven.
    Register {
        who: usize,
        address: usize,
    },
    /// An administrator notes another address of an account, proven where it is its owner's.
    Readdress {
        account: usize,
        address: usize,
    },
    /// A mailbox goes to somebody else.
    Move {
        mailbox: usize,
        to: usize,
    },
    /// Signs in at a provider, which says this address where it is theirs, or where it says whatever it is told.
    Arrive {
        who: usize,
        provider: usize,
        address: usize,
    },
    /// The same, and then tries to prove an account by its password, where they know one.
    ArriveAndProve {
        who: usize,
        provider: usize,
        address: usize,
        account: usize,
    },
    /// The same at somebody else's browser, where a provider remembers its owner: who then signs in without being asked.
    Borrow {
        who: usize,
        provider: usize,
        address: usize,
        owner: usize,
        remembers: usize,
    },
    Disable {
        account: usize,
    },
    Enable {
        account: usize,
    },
    /// An administrator makes the account one.
    Promote {
        account: usize,
    },
    Unlink {
        account: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let (who, address, account) = (0..PEOPLE, 0..ADDRESSES.len(), 0..8_usize);
    let provider = 0..PROVIDERS.len();
    prop_oneof![
        3 => (who.clone(), address.clone()).prop_map(|(who, address)| Act::Register { who, address }),
        2 => (account.clone(), address.clone())
            .prop_map(|(account, address)| Act::Readdress { account, address }),
        2 => (0..PEOPLE, who.clone()).prop_map(|(mailbox, to)| Act::Move { mailbox, to }),
        8 => (who.clone(), provider.clone(), address.clone())
            .prop_map(|(who, provider, address)| Act::Arrive { who, provider, address }),
        4 => (who, provider, address, account.clone()).prop_map(|(who, provider, address, account)| {
            Act::ArriveAndProve { who, provider, address, account }
        }),
        4 => (0..PEOPLE, 0..PROVIDERS.len(), 0..ADDRESSES.len(), 0..PEOPLE, 0..PROVIDERS.len()).prop_map(
            |(who, provider, address, owner, remembers)| {
                Act::Borrow { who, provider, address, owner, remembers }
            }
        ),
        1 => account.clone().prop_map(|account| Act::Disable { account }),
        1 => account.clone().prop_map(|account| Act::Enable { account }),
        1 => account.clone().prop_map(|account| Act::Promote { account }),
        2 => account.prop_map(|account| Act::Unlink { account }),
    ]
}

/// What is true of the people.
struct Story {
    world: World,
    providers: Vec<Upstream>,
    /// Whose each mailbox is.
    mailboxes: [usize; PEOPLE],
    /// Who has proven each account, in the order in which the accounts came.
    accounts: Vec<UserId>,
    proven: BTreeMap<String, BTreeSet<usize>>,
    /// Who knows the password of each.
    passwords: BTreeMap<String, usize>,
    steps: usize,
    signed_in: usize,
}

impl Story {
    async fn new() -> Self {
        let world = World::new();
        let mut providers = Vec::new();
        for (name, email, link) in PROVIDERS {
            let mut provider = upstream(name);
            provider.settings.trust = Trust {
                email,
                create: true,
                link,
            };
            let written = world.store.create_upstream(&provider).await.unwrap();
            assert_eq!(written, UpstreamWrite::Done);
            providers.push(provider);
        }
        Self {
            world,
            providers,
            mailboxes: [0, 1, 2, 3],
            accounts: Vec::new(),
            proven: BTreeMap::new(),
            passwords: BTreeMap::new(),
            steps: 0,
            signed_in: 0,
        }
    }

    /// Whether mail to this address reaches them. Capitals are the same mailbox; what only looks alike is nobody's.
    fn reads(&self, who: usize, address: &str) -> bool {
        let mailbox = ADDRESSES[..PEOPLE]
            .iter()
            .position(|own| own.eq_ignore_ascii_case(address));
        mailbox.is_some_and(|mailbox| self.mailboxes[mailbox] == who)
    }

    fn account(&self, at: usize) -> Option<UserId> {
        let count = self.accounts.len();
        (count > 0).then(|| self.accounts[at % count].clone())
    }

    async fn play(&mut self, act: Act) {
        self.steps += 1;
        self.world.now += 60;
        let (store, now) = (self.world.store.clone(), self.world.now);
        match act {
            Act::Register { who, address } => self.register(who, ADDRESSES[address]).await,
            Act::Readdress { account, address } => {
                self.readdress(account, ADDRESSES[address]).await
            }
            Act::Move { mailbox, to } => self.mailboxes[mailbox] = to,
            Act::Arrive {
                who,
                provider,
                address,
            } => drop(self.arrive(who, provider, ADDRESSES[address]).await),
            Act::ArriveAndProve {
                who,
                provider,
                address,
                account,
            } => {
                let interaction = self.arrive(who, provider, ADDRESSES[address]).await;
                self.prove(who, &interaction, account).await;
            }
            Act::Borrow {
                who,
                provider,
                address,
                owner,
                remembers,
            } => {
                let interaction = self.arrive(who, provider, ADDRESSES[address]).await;
                self.arrive_in(&interaction, owner, remembers, ADDRESSES[owner])
                    .await;
                self.finish(who, &interaction).await;
            }
            Act::Disable { account } => {
                if let Some(id) = self.account(account) {
                    let last = LastAdministrator::MayGo;
                    store.disable_user(&id, None, last, now).await.unwrap();
                }
            }
            Act::Enable { account } => {
                if let Some(id) = self.account(account) {
                    store.enable_user(&id, None, now).await.unwrap();
                }
            }
            Act::Promote { account } => {
                if let Some(id) = self.account(account) {
                    let change = ProfileChange {
                        roles: Some(vec!["admin".into()]),
                        ..ProfileChange::default()
                    };
                    let operations = self.world.operations();
                    let updated = operations.update_user(&id, &change, LastAdministrator::MayGo);
                    updated.await.unwrap();
                }
            }
            Act::Unlink { account } => self.unlink(account).await,
        }
    }

    async fn register(&mut self, who: usize, address: &str) {
        let id = UserId::new(new_id(self.world.now, &OsEntropy));
        let mut user = User {
            id: id.clone(),
            username: format!("local{}", self.steps),
            email: Some(address.to_owned()),
            name: None,
            password_hash: Some(format!("hash {who}")),
            roles: Vec::new(),
            groups: Vec::new(),
            claims: serde_json::Map::new(),
            attributes: serde_json::Map::new(),
            disabled_at: None,
            created_at: self.world.now,
            updated_at: self.world.now,
            version: 0,
        };
        let is_proven = self.reads(who, address);
        user.claims
            .insert("email_verified".into(), is_proven.into());
        let mut written = self.world.store.create_user(&user).await.unwrap();
        if !format!("{written:?}").starts_with("Done") {
            user.email = None;
            written = self.world.store.create_user(&user).await.unwrap();
        }
        assert!(format!("{written:?}").starts_with("Done"), "{written:?}");
        self.proven.insert(id.to_string(), BTreeSet::from([who]));
        self.passwords.insert(id.to_string(), who);
        self.accounts.push(id);
    }

    async fn readdress(&mut self, account: usize, address: &str) {
        let Some(id) = self.account(account) else {
            return;
        };
        let is_proven = self.proven[id.as_str()]
            .iter()
            .any(|who| self.reads(*who, address));
        let change = ProfileChange {
            email: Some(Some(address.to_owned())),
            email_unverified: !is_proven,
            ..ProfileChange::default()
        };
        let operations = self.world.operations();
        // Somebody else may have it.
        let _refused = operations
            .update_user(&id, &change, LastAdministrator::Stays)
            .await;
    }

    /// What the provider says: the truth, or whatever it is told.
    fn said(&self, who: usize, provider: usize, address: &str) -> UpstreamProfile {
        let is_said = PROVIDERS[provider].0 == "lies" || self.reads(who, address);
        UpstreamProfile {
            username: Some(ADDRESSES[who].to_owned()),
            email: is_said.then(|| address.to_owned()),
            email_verified: is_said,
            ..UpstreamProfile::default()
        }
    }

    /// Signs in elsewhere, and judges whose account that led to. The interaction.
    async fn arrive(&mut self, who: usize, provider: usize, address: &str) -> String {
        let interaction = format!("i{}", self.steps);
        begin(&self.world.store, &interaction).await;
        self.arrive_in(&interaction, who, provider, address).await;
        interaction
    }

    async fn arrive_in(&mut self, interaction: &str, who: usize, provider: usize, address: &str) {
        let provider_of = self.providers[provider].clone();
        let profile = self.said(who, provider, address);
        let sign_in = UpstreamSignIn {
            store: self.world.store.clone(),
            entropy: Arc::new(OsEntropy),
            lifetimes: LIFETIMES,
        };
        let arrival = Arrival {
            upstream: &provider_of,
            key: IdentityKey {
                issuer: provider_of.issuer().to_owned(),
                subject: format!("person {who}"),
            },
            profile: profile.clone(),
            sid: None,
            auth_time: None,
            address: Ipv4Addr::LOCALHOST.into(),
            device: Device::default(),
            replaces: None,
            interaction: &Digest::of(interaction),
            client_id: &ClientId::new("c"),
            request_id: "",
            now: self.world.now,
        };
        let before = self.before().await;
        if let Arrived::SignedIn(signed_in) = sign_in.arrive(&arrival).await.unwrap() {
            let user = signed_in.0.id.clone();
            self.judge(who, provider, &profile, &user, before.get(user.as_str()));
        }
    }

    /// Every account as it is.
    async fn before(&self) -> BTreeMap<String, User> {
        let mut all = BTreeMap::new();
        for id in &self.accounts {
            let user = self.world.store.user(id).await.unwrap().unwrap();
            all.insert(id.to_string(), user);
        }
        all
    }

    /// Somebody has a session of an account. It was made for them, or they have proven it before, or they read the mail of its
    /// proven address at this moment and the provider may link by that.
    fn judge(
        &mut self,
        who: usize,
        provider: usize,
        profile: &UpstreamProfile,
        id: &UserId,
        before: Option<&User>,
    ) {
        self.signed_in += 1;
        let Some(user) = before else {
            self.proven.insert(id.to_string(), BTreeSet::from([who]));
            self.accounts.push(id.clone());
            return;
        };
        assert!(
            user.disabled_at.is_none(),
            "a locked account was signed in to"
        );
        if self.proven[id.as_str()].contains(&who) {
            return;
        }
        let own = user.email.as_deref().unwrap_or_default();
        let said = profile.email.as_deref().unwrap_or_default();
        let reads_its_mail = self.reads(who, own)
            && user.claims.get("email_verified") == Some(&true.into())
            && own.eq_ignore_ascii_case(said);
        let may_link = PROVIDERS[provider].0 == "links" && user.roles.is_empty();
        assert!(
            reads_its_mail && may_link,
            "person {who} got the account of {:?} at {}",
            self.proven[id.as_str()],
            PROVIDERS[provider].0
        );
        self.proven.entry(id.to_string()).or_default().insert(who);
    }

    /// Signs in with the password of an account in the interaction, if they know it, and has what waits linked.
    async fn prove(&mut self, who: usize, interaction: &str, account: usize) {
        let Some(id) = self.account(account) else {
            return;
        };
        let store = self.world.store.clone();
        let digest = Digest::of(interaction);
        if self.passwords.get(id.as_str()) == Some(&who) {
            let secret = Secret::generate(&OsEntropy);
            let sid = SessionId::new(new_id(self.world.now, &OsEntropy));
            let (user, now) = (id.clone(), self.world.now);
            let session = Session::begin(sid, secret.digest(), user, false, &LIFETIMES, now);
            let hash = format!("hash {who}");
            store
                .sign_in(&session, &hash, None, Some(&digest))
                .await
                .unwrap();
        }
        self.finish(who, interaction).await;
    }

    /// Says yes to what waits. It came with them: it leads to no account but one that they have proven.
    async fn finish(&mut self, who: usize, interaction: &str) {
        let digest = Digest::of(interaction);
        let finished = self
            .world
            .store
            .finish_pending_link(&digest, self.world.now)
            .await
            .unwrap();
        if let Some((LinkOutcome::Linked, identity)) = finished {
            let owners = &self.proven[identity.user_id.as_str()];
            let subject = &identity.key.subject;
            let is_proven = owners
                .iter()
                .any(|owner| *subject == format!("person {owner}"));
            assert!(
                is_proven,
                "{subject} ({who} asked) was linked to an account of {owners:?}"
            );
        }
    }

    async fn unlink(&mut self, account: usize) {
        let Some(id) = self.account(account) else {
            return;
        };
        let (store, now) = (self.world.store.clone(), self.world.now);
        let identities = store.identities(&id).await.unwrap();
        if let Some(identity) = identities.first() {
            let unlinked = store.unlink_identity(&id, &identity.key, false, now);
            unlinked.await.unwrap();
            let user = store.user(&id).await.unwrap().unwrap();
            let left = store.identities(&id).await.unwrap();
            assert!(
                user.password_hash.is_some() || !left.is_empty(),
                "a way in stays"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_story_gives_an_account_to_somebody_else_without_proof(acts in prop::collection::vec(act(), 10..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut story = Story::new().await;
            for act in acts {
                story.play(act).await;
            }
        });
    }
}

/// The stories go where it matters: what is no proof is tried, and what is proof works.
#[tokio::test]
async fn an_address_that_moved_is_proof_only_where_a_provider_may_link_by_it() {
    let mut story = Story::new().await;
    story.play(Act::Register { who: 0, address: 0 }).await;
    story.play(Act::Move { mailbox: 0, to: 1 }).await;
    for provider in [1, 2] {
        story
            .play(Act::Arrive {
                who: 1,
                provider,
                address: 0,
            })
            .await;
        let id = story.accounts[0].clone();
        let linked = story.world.store.identities(&id).await.unwrap();
        assert!(linked.is_empty(), "{}", PROVIDERS[provider].0);
    }
    story
        .play(Act::Arrive {
            who: 1,
            provider: 0,
            address: 0,
        })
        .await;
    let linked = story
        .world
        .store
        .identities(&story.accounts[0])
        .await
        .unwrap();
    assert_eq!(linked.len(), 1);
}
