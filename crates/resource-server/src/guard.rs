//! What stands beside a route: who may pass.

use latchkey_protocol::Timestamp;

use crate::{AccessToken, Refusal};

/// How far into the future a sign-in may lie, in seconds: clocks differ.
const AHEAD: i64 = 30;

/// Decides whether the bearer of a verified token may pass. A tuple of guards lets pass whom all of them do.
///
/// ```
/// use latchkey_resource_server::{AccessToken, Guard, Refusal, RequireScope, Rule, Timestamp};
///
/// /// Whoever has an address of our own.
/// struct Colleague;
///
/// impl Guard for Colleague {
///     fn check(&self, caller: &AccessToken, _: Timestamp) -> Result<(), Refusal> {
///         match caller.more.get("email").and_then(|email| email.as_str()) {
///             Some(email) if email.ends_with("@example.org") => Ok(()),
///             _ => Err(Refusal::Forbidden("this is for colleagues")),
///         }
///     }
/// }
///
/// let rule = Rule::from((RequireScope("orders:read"), Colleague));
/// ```
pub trait Guard: Send + Sync + 'static {
    /// Whether this caller may pass at this moment.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, caller: &AccessToken, now: Timestamp) -> Result<(), Refusal>;
}

/// Lets everybody pass. No token is looked at, so there is no [`Caller`](crate::actix::Caller) either. It is no [`Guard`],
/// so it cannot stand beside one.
#[derive(Debug, Clone, Copy)]
pub struct Public;

/// Lets everybody pass who has a valid token for this API.
#[derive(Debug, Clone, Copy)]
pub struct Authenticated;

/// Lets pass whom all of these scope values were granted; several are separated by spaces.
#[derive(Debug, Clone, Copy)]
pub struct RequireScope<T = &'static str>(pub T);

/// Lets pass users who have the role.
#[derive(Debug, Clone, Copy)]
pub struct RequireRole<T = &'static str>(pub T);

/// Lets pass users who are in the group.
#[derive(Debug, Clone, Copy)]
pub struct RequireGroup<T = &'static str>(pub T);

/// Lets pass users who proved recently, or well enough, who they are. Others are told to sign in again (RFC 9470).
///
/// ```
/// use latchkey_resource_server::StepUp;
///
/// let recent = StepUp::within(300);
/// let strong_and_recent = StepUp::by(["urn:example:mfa"]).and_within(300);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    acr_values: Vec<String>,
    max_age: Option<u64>,
}

impl StepUp {
    /// A sign-in that is so many seconds old at the most.
    pub fn within(seconds: u64) -> Self {
        Self {
            acr_values: Vec::new(),
            max_age: Some(seconds),
        }
    }

    /// A sign-in of one of these classes (`acr`).
    pub fn by<T: Into<String>>(acr_values: impl IntoIterator<Item = T>) -> Self {
        Self {
            acr_values: acr_values.into_iter().map(Into::into).collect(),
            max_age: None,
        }
    }

    /// Which is so many seconds old at the most, too.
    #[must_use]
    pub fn and_within(self, seconds: u64) -> Self {
        Self {
            max_age: Some(seconds),
            ..self
        }
    }

    fn is_met(&self, caller: &AccessToken, now: Timestamp) -> bool {
        let acr = caller.acr.as_ref();
        let is_strong =
            self.acr_values.is_empty() || acr.is_some_and(|acr| self.acr_values.contains(acr));
        let is_recent = self.max_age.is_none_or(|seconds| {
            let most = i64::try_from(seconds).unwrap_or(i64::MAX);
            caller
                .auth_time
                .is_some_and(|at| (-AHEAD..=most).contains(&(now - at)))
        });
        // One of no class and no age asks for nothing: it lets nobody pass.
        let asks = !self.acr_values.is_empty() || self.max_age.is_some();
        asks && is_strong && is_recent
    }
}

impl Guard for Authenticated {
    fn check(&self, _: &AccessToken, _: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
}

impl<T: AsRef<str> + Send + Sync + 'static> Guard for RequireScope<T> {
    fn check(&self, caller: &AccessToken, _: Timestamp) -> Result<(), Refusal> {
        let needed = self.0.as_ref();
        let mut each = needed.split(' ').filter(|one| !one.is_empty()).peekable();
        // None at all lets nobody pass: it is a mistake, and not a wish.
        let is_met = each.peek().is_some() && each.all(|one| caller.has_scope(one));
        met(is_met, || Refusal::Scope {
            needed: needed.into(),
        })
    }
}

impl<T: AsRef<str> + Send + Sync + 'static> Guard for RequireRole<T> {
    fn check(&self, caller: &AccessToken, _: Timestamp) -> Result<(), Refusal> {
        let needed = self.0.as_ref();
        met(caller.has_role(needed), || Refusal::Role {
            needed: needed.into(),
        })
    }
}

impl<T: AsRef<str> + Send + Sync + 'static> Guard for RequireGroup<T> {
    fn check(&self, caller: &AccessToken, _: Timestamp) -> Result<(), Refusal> {
        let needed = self.0.as_ref();
        met(caller.is_in_group(needed), || Refusal::Group {
            needed: needed.into(),
        })
    }
}

impl Guard for StepUp {
    fn check(&self, caller: &AccessToken, now: Timestamp) -> Result<(), Refusal> {
        met(self.is_met(caller, now), || Refusal::StepUp {
            acr_values: self.acr_values.clone(),
            max_age: self.max_age,
        })
    }
}

fn met(is_met: bool, refusal: impl FnOnce() -> Refusal) -> Result<(), Refusal> {
    if is_met { Ok(()) } else { Err(refusal()) }
}

/// All of them, in this order.
macro_rules! all_of {
    ($($guard:ident)+) => {
        impl<$($guard: Guard),+> Guard for ($($guard,)+) {
            #[allow(non_snake_case)]
            fn check(&self, caller: &AccessToken, now: Timestamp) -> Result<(), Refusal> {
                let ($($guard,)+) = self;
                $($guard.check(caller, now)?;)+
                Ok(())
            }
        }
    };
}

all_of!(A B);
all_of!(A B C);
all_of!(A B C D);

/// Who may pass: everybody ([`Public`]), or whom a [`Guard`] lets pass.
pub struct Rule(Option<Box<dyn Guard>>);

impl Rule {
    /// Whether everybody may pass, without a token.
    pub fn is_public(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the bearer of this token may pass.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, caller: &AccessToken, now: Timestamp) -> Result<(), Refusal> {
        self.0
            .as_ref()
            .map_or(Ok(()), |guard| guard.check(caller, now))
    }
}

impl From<Public> for Rule {
    fn from(_: Public) -> Self {
        Self(None)
    }
}

impl<G: Guard> From<G> for Rule {
    fn from(guard: G) -> Self {
        Self(Some(Box::new(guard)))
    }
}
