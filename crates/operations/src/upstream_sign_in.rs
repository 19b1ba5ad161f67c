//! Signing in at another provider: who that is here, the account or the link that it takes, and the session.

use std::{net::IpAddr, sync::Arc};

use latchkey_protocol::{
    ClientId, Digest, Entropy, Reason, Secret, SessionId, Store, StoreError, Timestamp, UserId,
    audit::{
        ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, Event, FrontEnd, TargetKind,
    },
    authentication::Amr,
    console,
    device::Device,
    error::Refusal,
    kind,
    lifetimes::Lifetimes,
    names::Login,
    secret::{new_id, new_reference},
    session::{Session, SessionStart},
    store::{IdentitySignIn, IdentitySignInOutcome, LinkOutcome, WriteOutcome},
    upstream::{
        Brought, Identity, IdentityKey, LIFETIME, PendingLink, Refreshed, Upstream,
        UpstreamProfile, Who, new_account, refreshed, username_candidates, who,
    },
    user::User,
};
use serde_json::Map;

use crate::{AuditEvent, audit};

/// How often it is looked again where somebody else has changed something in between.
const TRIES: usize = 5;
/// How many endings are tried where an account's name is somebody's.
const SUFFIXES: usize = 4;

/// Somebody who has signed in at another provider, as it was verified, and where.
#[derive(Clone)]
pub struct Arrival<'a> {
    /// The provider, as its settings were when it was asked.
    pub upstream: &'a Upstream,
    /// Who it is there.
    pub key: IdentityKey,
    /// What the provider says of them.
    pub profile: UpstreamProfile,
    /// The session there.
    pub sid: Option<String>,
    /// When the user proved who they are there, as far as the provider says it.
    pub auth_time: Option<Timestamp>,
    /// From where.
    pub address: IpAddr,
    /// Which browser it is, as it says itself.
    pub device: Device,
    /// The session that the browser has.
    pub replaces: Option<&'a Digest<kind::Session>>,
    /// What the user signs in for.
    pub interaction: &'a Digest<kind::Interaction>,
    /// The client that the user signs in for.
    pub client_id: &'a ClientId,
    /// The call's name in the log.
    pub request_id: &'a str,
    /// The moment, in seconds since the epoch.
    pub now: Timestamp,
}

/// What came of it.
#[derive(Debug)]
pub enum Arrived {
    /// The session has begun; its secret, for the browser alone.
    SignedIn(Box<(User, Session, Secret<kind::Session>)>),
    /// It waits to be linked until the user signs in to the account that they have here.
    AsksProof,
    /// Nobody signs in.
    Refused(Refusal),
}

/// Signs users in who come from other providers.
pub struct UpstreamSignIn {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Randomness for session secrets, ids and names.
    pub entropy: Arc<dyn Entropy>,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
}

/// What one look at the database led to.
enum Step {
    Done(Arrived),
    /// Something was written, or is not as it was read.
    Again,
}

impl UpstreamSignIn {
    /// Who has arrived, by the table of [`who`], and a session for them. What was decided is the condition of what is written;
    /// where it does not hold any more it is decided anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn arrive(&self, arrival: &Arrival<'_>) -> Result<Arrived, StoreError> {
        for _ in 0..TRIES {
            if let Step::Done(arrived) = self.step(arrival).await? {
                return Ok(arrived);
            }
        }
        let expected = "a user, an identity and a provider that nobody changes at this moment";
        let refused = Reason::UpstreamChanged.because(expected, "changed again and again");
        Ok(Arrived::Refused(refused))
    }

    async fn step(&self, arrival: &Arrival<'_>) -> Result<Step, StoreError> {
        let known = self.store.identity(&arrival.key).await?;
        let known = known.as_ref().map(|(identity, user)| (identity, user));
        let holder = match arrival.profile.believed_email(arrival.upstream) {
            Some(email) if known.is_none() => self.store.user_by_login(&Login::new(email)).await?,
            _ => None,
        };
        let decided = who(arrival.upstream, &arrival.profile, known, holder.as_ref());
        match decided {
            Err(refused) => Ok(Step::Done(Arrived::Refused(refused))),
            Ok(Who::Known(_)) => match known {
                Some((identity, user)) => self.sign_in(arrival, identity, user).await,
                None => Ok(Step::Again),
            },
            Ok(decided @ Who::Link { .. }) => self.link(arrival, &decided).await,
            Ok(Who::Create) => self.create(arrival).await,
            Ok(Who::AskProof { user_id }) => self.wait(arrival, user_id).await,
        }
    }

    async fn link(&self, arrival: &Arrival<'_>, decided: &Who) -> Result<Step, StoreError> {
        let Who::Link { user_id, version } = decided else {
            return Ok(Step::Again);
        };
        let identity = identity(arrival, user_id.clone(), decided, Brought::default());
        let entry = entry(arrival, Event::IdentityLinked, Some(user_id));
        let linked = self
            .store
            .recording(entry)
            .link_identity(&identity, *version, arrival.upstream.version)
            .await?;
        Ok(match linked {
            LinkOutcome::Full => Step::Done(Arrived::Refused(full())),
            _ => Step::Again,
        })
    }

    /// An account with a name that is free: which, the database says.
    async fn create(&self, arrival: &Arrival<'_>) -> Result<Step, StoreError> {
        let entropy = &*self.entropy;
        let suffix = |_| new_reference(entropy).to_ascii_lowercase();
        let suffixes: Vec<String> = (0..SUFFIXES).map(suffix).collect();
        let name = &arrival.upstream.name;
        for username in username_candidates(&arrival.profile, name, &suffixes) {
            let id = UserId::new(new_id(arrival.now, entropy));
            let (user, brought) = new_account(
                id,
                username,
                arrival.upstream,
                &arrival.profile,
                arrival.now,
            );
            let identity = identity(arrival, user.id.clone(), &Who::Create, brought);
            let entry = entry(arrival, Event::UserRegistered, Some(&user.id));
            let made = self
                .store
                .recording(entry)
                .create_user_of_identity(&user, &identity, arrival.upstream.version)
                .await?;
            let is_taken = matches!(
                made,
                LinkOutcome::Unwritten(WriteOutcome::NameTaken | WriteOutcome::NameIsAddress)
            );
            if !is_taken {
                return Ok(Step::Again);
            }
        }
        let expected = "a user name that is free";
        let refused = Reason::UpstreamChanged.because(expected, "all that were tried are taken");
        Ok(Step::Done(Arrived::Refused(refused)))
    }

    async fn wait(
        &self,
        arrival: &Arrival<'_>,
        user_id: Option<UserId>,
    ) -> Result<Step, StoreError> {
        let pending = PendingLink {
            interaction: arrival.interaction.clone(),
            key: arrival.key.clone(),
            upstream: arrival.upstream.name.clone(),
            version: arrival.upstream.version,
            user_id,
            profile: arrival.profile.clone(),
            created_at: arrival.now,
            expires_at: arrival.now + LIFETIME,
        };
        let kept = self.store.keep_pending_link(&pending).await?;
        Ok(Step::Done(if kept {
            Arrived::AsksProof
        } else {
            Arrived::Refused(Reason::InteractionUnknown.because("a live interaction", "none"))
        }))
    }

    async fn sign_in(
        &self,
        arrival: &Arrival<'_>,
        identity: &Identity,
        user: &User,
    ) -> Result<Step, StoreError> {
        let secret = Secret::<kind::Session>::generate(&*self.entropy);
        let mut session = self.session(arrival, user, &secret);
        let after = refreshed(user, &identity.brought, &arrival.profile, arrival.now);
        let mut begun = self
            .begin(arrival, identity, (user, &after), &session)
            .await?;
        let mut signed_in = after;
        if begun == IdentitySignInOutcome::LastAdministrator {
            // Whatever a provider says, somebody stays who can administer.
            signed_in.user.roles.push(console::ADMIN.to_owned());
            signed_in.brought.roles.push(console::ADMIN.to_owned());
            begun = self
                .begin(arrival, identity, (user, &signed_in), &session)
                .await?;
        }
        let IdentitySignInOutcome::SignedIn(start) = begun else {
            return Ok(Step::Again);
        };
        log(arrival, user, &start);
        session.id = start.session_id;
        let signed_in = (signed_in.user, session, secret);
        Ok(Step::Done(Arrived::SignedIn(Box::new(signed_in))))
    }

    async fn begin(
        &self,
        arrival: &Arrival<'_>,
        identity: &Identity,
        (user, after): (&User, &Refreshed),
        session: &Session,
    ) -> Result<IdentitySignInOutcome, StoreError> {
        let identity = Identity {
            last_sign_in_at: Some(arrival.now),
            profile: arrival.profile.clone(),
            brought: after.brought.clone(),
            ..identity.clone()
        };
        let asked = IdentitySignIn {
            session,
            identity: &identity,
            upstream_version: arrival.upstream.version,
            sid: arrival.sid.as_deref(),
            user: (user, &after.user),
            replaces: arrival.replaces,
            interaction: Some(arrival.interaction),
        };
        let recording = entry(arrival, Event::SignedIn, Some(&user.id));
        let store = self.store.recording(recording);
        store.sign_in_by_identity(asked).await
    }

    fn session(
        &self,
        arrival: &Arrival<'_>,
        user: &User,
        secret: &Secret<kind::Session>,
    ) -> Session {
        let id = SessionId::new(new_id(arrival.now, &*self.entropy));
        let (digest, user_id) = (secret.digest(), user.id.clone());
        let mut session = Session::begin(id, digest, user_id, false, &self.lifetimes, arrival.now);
        (session.device, session.address) = (arrival.device, Some(arrival.address));
        // Theirs, not ours: what another provider remembers of somebody is no new proof. Where nothing is said of it, it is so
        // long ago that nobody who asks for a recent one is content.
        let unknown = Timestamp::from_seconds(0);
        session.auth_time = arrival.auth_time.map_or(unknown, |at| at.min(arrival.now));
        // How the user proved who they are is the other provider's knowledge. That they came from there is one factor.
        session.amr = Amr::PRESENCE;
        session
    }
}

fn log(arrival: &Arrival<'_>, user: &User, start: &SessionStart) {
    let (client, address) = (arrival.client_id, arrival.address);
    for ended in &start.ended {
        audit::log(&AuditEvent::SessionEnded {
            user: &ended.user_id,
            session: &ended.id,
            by: &start.session_id,
            cause: ended.cause,
            client,
            address,
        });
    }
    audit::log(&AuditEvent::SignedIn {
        user: &user.id,
        session: &start.session_id,
        client,
        address,
    });
}

fn full() -> Refusal {
    let expected = "fewer identities of the user";
    Reason::UpstreamAccountUnknown.because(expected, "as many as a user may have")
}

fn identity(arrival: &Arrival<'_>, user_id: UserId, decided: &Who, brought: Brought) -> Identity {
    Identity {
        key: arrival.key.clone(),
        upstream: arrival.upstream.name.clone(),
        user_id,
        linked_at: arrival.now,
        linked_by: decided.linked_by(),
        last_sign_in_at: None,
        profile: arrival.profile.clone(),
        brought,
    }
}

fn entry(arrival: &Arrival<'_>, event: Event, user: Option<&UserId>) -> AuditEntry {
    let details = [
        ("client".to_owned(), arrival.client_id.as_str().into()),
        ("upstream".to_owned(), arrival.upstream.name.as_str().into()),
    ];
    AuditEntry {
        at: arrival.now,
        event: event.name().to_owned(),
        actor: AuditActor {
            kind: ActorKind::User,
            id: user.map(|id| id.as_str().to_owned()),
            name: None,
        },
        front_end: FrontEnd::Page,
        target: user.map(target),
        outcome: AuditOutcome::Done,
        address: Some(arrival.address),
        request_id: Some(arrival.request_id.to_owned()).filter(|id| !id.is_empty()),
        details: Map::from_iter(details),
        // The line of a sign-in is written here.
        is_logged: event == Event::SignedIn,
    }
}

fn target(user: &UserId) -> AuditTarget {
    AuditTarget {
        kind: TargetKind::User,
        id: Some(user.as_str().to_owned()),
        name: None,
    }
}
