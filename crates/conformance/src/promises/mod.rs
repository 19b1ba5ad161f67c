//! What every store promises, a file for each subject. A promise is named by what it says.

pub mod access;
pub mod addresses;
pub mod administrators;
pub mod as_read;
pub mod audit;
pub mod authorizations;
pub mod bulk_ends;
pub mod client_sessions;
pub mod clients;
pub mod consents;
pub mod console;
pub mod custom_claims;
pub mod deletions;
pub mod deliveries;
pub mod ended_admissions;
pub mod ended_races;
pub mod ended_tokens;
pub mod full_queue;
pub mod groups;
pub mod idempotency;
pub mod identities;
pub mod identity_links;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod races;
pub mod receipts;
pub mod revoked_consents;
pub mod sessions;
pub mod space;
pub mod status_lists;
pub mod tallies;
pub mod upstreams;
pub mod user_lists;
pub mod user_names;
pub mod users;

use crate::{Stores, samples::*};
use latchkey_protocol::{
    Digest, ScopeSet, SigningAlgorithm, Store, Timestamp,
    authorization::{Authorization, Handover, RefreshFamily},
    consent::Consent,
    entry_change::LiveEntries,
    interaction::Interaction,
    rotation::{KeyBound, MOST_IN_A_DAY, MOST_PUBLISHED, RotationOutcome, StoredKey},
    session::{Session, Use},
    store::{
        ClaimOutcome, ConsentEnd, ConsentsOf, LastAdministrator, LinkOutcome, UnlinkOutcome,
        UserEnd, WriteOutcome,
    },
    user::User,
};
