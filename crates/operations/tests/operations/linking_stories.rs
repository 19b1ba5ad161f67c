//! Stories of people who register, sign in elsewhere, link, move their addresses and are locked out, drawn at random: none
//! gets the account of another without proof. What counts as proof is judged here from what is true of the people, and not
//! by the rules that are tried.

mod steps;

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
