//! Signing in with a password: count the attempt, judge the password, begin the session, say so in the audit log.

use std::{net::IpAddr, sync::Arc};

use latchkey_protocol::{
    ClientId, Digest, Entropy, Reason, Secret, SessionId, Store, StoreError, Timestamp, UserId,
    attempts::Guess,
    audit::{
        ActorKind, AuditActor, AuditEntry, AuditOutcome, AuditTarget, Event, FrontEnd, TargetKind,
    },
    authorization::Lifetimes,
    device::Device,
    error::Refusal,
    kind,
    names::Login,
    secret::{Pepper, new_id},
    session::{Session, SessionStart},
    user::User,
};

use serde_json::Map;

use crate::{
    Attempt, AuditEvent, FailureRecorder, KnownBrowser, PasswordCheck, PasswordKey, Passwords,
    Throttle, Waiter, audit,
};

/// Characters of a digest of what was typed and is nobody's name, in the log.
const TYPED: usize = 10;

/// A name and a password that somebody typed, and where.
#[derive(Clone, Copy)]
pub struct SignIn<'a> {
    /// What was typed as a name or an address.
    pub typed: &'a str,
    /// What was typed as a password.
    pub password: &'a str,
    /// Keep the session when the browser is closed.
    pub remember: bool,
    /// From where.
    pub address: IpAddr,
    /// Which browser it is, as it says itself.
    pub device: Device,
    /// What the browser shows of who has signed in there.
    pub browser: Option<&'a KnownBrowser>,
    /// The session that the browser has: the same user goes on in it, another one ends it.
    pub replaces: Option<&'a Digest<kind::Session>>,
    /// What the user signs in for, and which client that is of.
    pub interaction: &'a Digest<kind::Interaction>,
    /// The client that the user signs in for.
    pub client_id: &'a ClientId,
    /// The call's name in the log.
    pub request_id: &'a str,
    /// The moment of the attempt, in seconds since the epoch.
    pub now: Timestamp,
}

/// A user who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The session as it was stored.
    pub session: Session,
    /// The session's secret, for the browser alone.
    pub secret: Secret<kind::Session>,
    /// What the browser shows from now on.
    pub browser: KnownBrowser,
}

/// What came of an attempt to sign in.
#[derive(Debug)]
pub enum SignInOutcome {
    /// The session has begun.
    SignedIn(Box<SignedIn>),
    /// Nobody has this name with this password, or may sign in with it.
    Wrong,
    /// Too many passwords are waiting to be judged. Nothing was counted.
    Busy,
    /// Too many failures: nothing was judged.
    Refused(Refusal),
}

/// What came of one comparison.
enum Outcome {
    SignedIn(Box<SignedIn>),
    Wrong,
    Busy,
    /// Right, but while it was compared the password was changed or renewed, or the user disabled or deleted.
    Overtaken,
}

/// Signs users in with a password.
pub struct PasswordSignIn {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Randomness for session secrets and salts.
    pub entropy: Arc<dyn Entropy>,
    /// The threads that hash.
    pub passwords: Passwords,
    /// Counts attempts.
    pub throttle: Throttle,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// For what browsers show.
    pub browser_pepper: Pepper,
    /// For digests of what was typed as a name and is nobody's, in the log.
    pub audit_pepper: Pepper,
    /// Counts what failed in the audit table.
    pub failures: FailureRecorder,
}

impl PasswordSignIn {
    /// The key of new password hashes.
    pub fn password_key(&self) -> &PasswordKey {
        self.passwords.key()
    }

    /// Tries to sign in. The attempt is counted before the password is judged, so that of many at once no more are judged
    /// than are allowed; one that worked is not counted, one whose caller has left only if it was wrong.
    ///
    /// # Errors
    /// [`StoreError`]: nobody signs in while attempts cannot be counted.
    pub async fn attempt(&self, asked: SignIn<'_>) -> Result<SignInOutcome, StoreError> {
        let login = Login::new(asked.typed);
        let user = self.store.user_by_login(&login).await?;
        let known = self.known(&asked, user.as_ref());
        let name = user.as_ref().map(|user| user.username.as_str());
        let guess = Guess {
            typed: login.canonical(),
            user: name.unwrap_or(login.canonical()),
            known_browser: known,
        };
        let (address, now) = (asked.address, asked.now);
        let known = known.is_some();
        let Some(counted) = self.throttle.reserve(guess, address, now).await? else {
            let user = user.as_ref().map(|user| &user.id);
            let entry = entry(&asked, Event::SignInRefused, user);
            self.failures
                .count_refusal(login.canonical(), address, entry);
            return Ok(SignInOutcome::Refused(too_many(address)));
        };
        let waiter = Waiter { address, known };
        let subject = user.as_ref().map(|user| user.id.clone());
        let mut outcome = self.judge(asked, waiter, &counted, user).await?;
        if let Outcome::Overtaken = outcome {
            // Once more, with what is true now; then it counts as wrong.
            let user = self.store.user_by_login(&login).await?;
            outcome = self.judge(asked, waiter, &counted, user).await?;
        }
        Ok(match outcome {
            Outcome::SignedIn(signed_in) => {
                counted.succeeded().await;
                SignInOutcome::SignedIn(signed_in)
            }
            Outcome::Busy => SignInOutcome::Busy,
            Outcome::Wrong | Outcome::Overtaken => {
                counted.was_wrong();
                self.log_failure(&asked, &login, subject.as_ref());
                let user = subject.as_ref();
                self.failures
                    .count(entry(&asked, Event::SignInFailed, user));
                SignInOutcome::Wrong
            }
        })
    }

    /// The secret of a browser that this user has signed in at before.
    fn known<'a>(&self, asked: &SignIn<'a>, user: Option<&User>) -> Option<&'a str> {
        let user = user?;
        let hash = user.password_hash.as_deref()?;
        asked.browser?.knows(&self.browser_pepper, &user.id, hash)
    }

    async fn judge(
        &self,
        asked: SignIn<'_>,
        waiter: Waiter,
        counted: &Attempt,
        user: Option<User>,
    ) -> Result<Outcome, StoreError> {
        let enabled = user.as_ref().filter(|user| user.disabled_at.is_none());
        let hash = enabled.and_then(|user| user.password_hash.clone());
        let (typed, entropy) = (asked.password.to_owned(), self.entropy.clone());
        let check = self
            .passwords
            .check(waiter, typed, hash.clone(), entropy, counted.clone());
        let Ok(checked) = check.await else {
            return Ok(Outcome::Busy);
        };
        let (Some(user), Some(hash)) = (user, hash) else {
            return Ok(Outcome::Wrong);
        };
        let hash = match checked {
            PasswordCheck::Wrong => return Ok(Outcome::Wrong),
            PasswordCheck::Right => hash,
            PasswordCheck::RightButStale(new)
                if self.store.rehash_password(&user.id, &hash, &new).await? =>
            {
                new
            }
            PasswordCheck::RightButStale(_) => return Ok(Outcome::Overtaken),
        };
        let begun = self.begin_session(asked, user, &hash).await?;
        Ok(begun.map_or(Outcome::Overtaken, |signed_in| {
            Outcome::SignedIn(Box::new(signed_in))
        }))
    }

    /// A session with a new secret, for this interaction; none when `hash` is not the user's any more.
    async fn begin_session(
        &self,
        asked: SignIn<'_>,
        user: User,
        hash: &str,
    ) -> Result<Option<SignedIn>, StoreError> {
        let entropy = &*self.entropy;
        let secret = Secret::<kind::Session>::generate(entropy);
        let mut session = Session::begin(
            SessionId::new(new_id(asked.now, entropy)),
            secret.digest(),
            user.id.clone(),
            asked.remember,
            &self.lifetimes,
            asked.now,
        );
        (session.device, session.address) = (asked.device, Some(asked.address));
        let mut signed_in = entry(&asked, Event::SignedIn, Some(&user.id));
        (signed_in.actor.kind, signed_in.outcome) = (ActorKind::User, AuditOutcome::Done);
        signed_in.actor.id = Some(user.id.clone().into_string());
        signed_in.actor.name = Some(user.username.clone());
        let begun = self
            .store
            .recording(signed_in)
            .sign_in(&session, hash, asked.replaces, Some(asked.interaction))
            .await?;
        let Some(SessionStart { session_id, ended }) = begun else {
            return Ok(None);
        };
        session.id = session_id;
        let (client, address) = (asked.client_id, asked.address);
        for ended in &ended {
            audit::log(&AuditEvent::SessionEnded {
                user: &ended.user_id,
                session: &ended.id,
                by: &session.id,
                cause: ended.cause,
                client,
                address,
            });
        }
        audit::log(&AuditEvent::SignedIn {
            user: &user.id,
            session: &session.id,
            client,
            address,
        });
        let whom = (&user.id, hash);
        let browser = KnownBrowser::remembering(asked.browser, &self.browser_pepper, entropy, whom);
        Ok(Some(SignedIn {
            user,
            session,
            secret,
            browser,
        }))
    }

    /// A user is named; what is nobody's name may be a password, typed one field too early.
    fn log_failure(&self, asked: &SignIn<'_>, login: &Login, user: Option<&UserId>) {
        let (client, address) = (asked.client_id, asked.address);
        let Some(user) = user else {
            let mut typed = self.audit_pepper.text(&[login.canonical()]);
            typed.truncate(TYPED);
            return audit::log(&AuditEvent::SignInUnknown {
                typed: &typed,
                client,
                address,
            });
        };
        audit::log(&AuditEvent::SignInFailed {
            user,
            client,
            address,
        });
    }
}

/// Of a stranger who tries to sign in, as this user where there is one.
fn entry(asked: &SignIn<'_>, event: Event, user: Option<&UserId>) -> AuditEntry {
    AuditEntry {
        at: asked.now,
        event: event.name().to_owned(),
        actor: AuditActor {
            kind: ActorKind::Stranger,
            id: None,
            name: None,
        },
        front_end: FrontEnd::Page,
        target: user.map(|user| AuditTarget {
            kind: TargetKind::User,
            id: Some(user.as_str().to_owned()),
            name: None,
        }),
        outcome: AuditOutcome::Refused,
        address: Some(asked.address),
        request_id: Some(asked.request_id.to_owned()).filter(|id| !id.is_empty()),
        details: Map::from_iter([("client".to_owned(), asked.client_id.as_str().into())]),
        is_logged: true,
    }
}

/// Does not name what was typed: it may be a password, typed one field too early.
fn too_many(address: IpAddr) -> Refusal {
    let received = format!("as many as are allowed, the last from {address}");
    Reason::TooManyAttempts.because("fewer failures within ten minutes", received)
}
