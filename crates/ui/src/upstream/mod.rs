//! Other providers that users sign in at: the way there, what they answer, and the way back.

mod ask;
mod begin;
mod buttons;
mod callback;
mod checkup;
mod discovery;
mod http;
mod id_token;
mod logout;
mod request;
mod token;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use latchkey_operations::{UpstreamSecrets, UpstreamSignIn};
use latchkey_protocol::{
    Outbound, Reason, Timestamp,
    error::Refusal,
    interaction::Interaction,
    upstream::{Upstream, UpstreamName},
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{call::Call, failure::Failure, state::Ui};

pub use begin::begin;
pub(crate) use buttons::{Button, buttons, hinted, provider_name};
pub use callback::{callback, posted};
pub use checkup::{Checkup, Finding, Verdict};
pub use discovery::{Directory, Discovered};
pub use http::Trouble;
pub use logout::told;

/// How many users may wait for one provider's answers at once: one that is slow takes no other's places.
const ROOM: usize = 16;
/// How long all calls of one step of a sign-in may take together.
const DEADLINE: Duration = Duration::from_secs(10);
/// Most providers that have a room.
const ROOMS: usize = 200;

/// What the ways to other providers share.
pub struct Upstreams {
    /// What calls them.
    pub outbound: Arc<dyn Outbound>,
    /// What they publish of themselves.
    pub directory: Directory,
    /// Our secrets there.
    pub secrets: UpstreamSecrets,
    /// Signs users in who come from there.
    pub sign_in: UpstreamSignIn,
    rooms: Mutex<HashMap<UpstreamName, Arc<Semaphore>>>,
    /// For what comes from providers, and not from users, who wait in the rooms.
    unasked: Semaphore,
}

impl Upstreams {
    /// Nothing is known of any yet.
    pub fn new(
        outbound: Arc<dyn Outbound>,
        secrets: UpstreamSecrets,
        sign_in: UpstreamSignIn,
    ) -> Self {
        Self {
            outbound,
            directory: Directory::default(),
            secrets,
            sign_in,
            rooms: Mutex::default(),
            unasked: Semaphore::new(ROOM),
        }
    }

    fn room(&self, upstream: &Upstream) -> Arc<Semaphore> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS {
            rooms.retain(|_, room| room.available_permits() < ROOM);
        }
        let room = rooms.entry(upstream.name.clone());
        room.or_insert_with(|| Arc::new(Semaphore::new(ROOM)))
            .clone()
    }

    /// Does what asks the provider, in a place of its room and in bounded time.
    async fn within<T>(
        &self,
        upstream: &Upstream,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let room = self.room(upstream);
        in_bounds(&room, upstream, work).await
    }

    /// As [`Upstreams::within`], of what a provider sends unasked: strangers can send it too, and take no user's place.
    async fn within_calls<T>(
        &self,
        upstream: &Upstream,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        in_bounds(&self.unasked, upstream, work).await
    }
}

async fn in_bounds<T>(
    room: &Semaphore,
    upstream: &Upstream,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Ok(_place) = room.try_acquire() else {
        return Err(refusal(upstream, &Trouble::Busy).into());
    };
    let done = timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| {
        let expected = format!("all answers of {} within ten seconds", upstream.name);
        Err(Reason::UpstreamUnreachable
            .because(expected, "not all")
            .into())
    })
}

/// What an OpenID Connect provider publishes of itself at its issuer.
async fn discover(
    ui: &Ui,
    call: Call<'_>,
    upstream: &Upstream,
    issuer: &str,
) -> Result<Discovered, Failure> {
    let (outbound, directory) = (&*ui.upstreams.outbound, &ui.upstreams.directory);
    let found = directory.find(outbound, issuer, call.now).await;
    Ok(found.map_err(|trouble| refusal(upstream, &trouble))?)
}

/// The upstream of this name, if users may sign in there.
async fn enabled(ui: &Ui, name: &str) -> Result<Upstream, Failure> {
    let unknown = || Reason::UpstreamUnknown.because("a provider that is enabled", "none");
    let name = UpstreamName::parse(name).map_err(|_| unknown())?;
    let found = ui.store.upstream(&name).await?;
    Ok(found.filter(Upstream::is_enabled).ok_or_else(unknown)?)
}

/// Since when a user must have proven who they are for this interaction, which led them away at `begun`: a sign-in that the
/// client wants made anew (`prompt=login`, `max_age`) is not made by one that another provider remembers. None: since ever.
fn signed_in_since(
    interaction: &Interaction,
    begun: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let asked = &interaction.request.grant;
    let anew = asked.prompt.login || asked.max_age == Some(0);
    match asked.max_age {
        _ if anew => Some(begun - id_token::SKEW),
        Some(age) => Some(now - age - id_token::SKEW),
        None => None,
    }
}

/// What a user and the log hear of it.
fn refusal(upstream: &Upstream, trouble: &Trouble) -> Refusal {
    let reason = match trouble {
        Trouble::Busy => Reason::Busy,
        Trouble::Unreachable(_) | Trouble::Failing(_) => Reason::UpstreamUnreachable,
        Trouble::Refused(_) => Reason::UpstreamRefused,
        Trouble::Garbled(_) => Reason::UpstreamAnswerUnfit,
    };
    reason.because(
        format!("an answer of {}", upstream.name),
        trouble.to_string(),
    )
}
