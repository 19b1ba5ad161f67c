//! Other providers that users sign in at (upstreams): their settings, the identities that users have there, and who may
//! become whom.
//!
//! An identity is an issuer and a subject, and never an email address. Which user it leads to is decided by [`who`] alone.

mod callback;
mod check;
mod describe;
mod identity;
mod login;
mod mapping;
mod presets;
mod refresh;
mod settings;
mod username;
mod who;

pub use self::{
    callback::{Callback, judge_callback},
    check::{check_secret, check_settings},
    describe::described,
    identity::{Brought, Identity, IdentityKey, LinkedBy, PendingLink, UpstreamSession},
    login::{LIFETIME, UpstreamLogin},
    mapping::{ClaimMapping, UpstreamProfile, mapped},
    presets::{PRESETS, Preset, preset},
    refresh::{Refreshed, refreshed},
    settings::{
        EmailTrust, Linking, TENANT, Trust, Upstream, UpstreamClientAuth, UpstreamName,
        UpstreamProtocol, UpstreamResponseMode, UpstreamSettings,
    },
    username::{new_account, username_candidates},
    who::{Who, who},
};
