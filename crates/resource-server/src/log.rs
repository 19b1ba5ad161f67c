//! One line for each refusal, for the owner of the API: bounded, because strangers cause them, and never with the token.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{AccessToken, Refusal, Rejection, compact};

/// The most lines of a kind in a second.
const MOST: u32 = 50;

/// The longest text of a stranger's in a line, in characters.
const LONGEST: usize = 80;

/// Counts the lines of this second: those that anybody can cause apart, so that they hide no others.
#[derive(Debug, Default)]
pub struct Log {
    unproven: Window,
    proven: Window,
    unavailable: Window,
}

#[derive(Debug, Default)]
struct Window(Mutex<Second>);

#[derive(Debug, Default)]
struct Second {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Log {
    /// A token that was not accepted. What it says of itself is unproven, and marked so.
    pub fn rejected(&self, rejection: &Rejection, token: &str) {
        let window = match rejection {
            Rejection::Refused(_) => &self.unproven,
            Rejection::Unavailable(_) => &self.unavailable,
        };
        if !window.has_room() {
            return;
        }
        let header = compact::parse(token).ok();
        let claims = header
            .as_ref()
            .and_then(|c| c.unverified_claims::<Value>().ok());
        let claim = |name: &str| claims.as_ref()?.get(name)?.as_str().map(short);
        let header = header.as_ref().map(|compact| &compact.unverified_header);
        let kid = header.and_then(|h| h.kid.as_deref()).map(short);
        let typ = header.and_then(|h| h.typ.as_deref()).map(short);
        let alg = header.map(|h| short(&h.alg));
        let (iss, client_id) = (claim("iss"), claim("client_id"));
        match rejection {
            Rejection::Refused(why) => {
                tracing::info!(%why, unproven_kid = ?kid, unproven_typ = ?typ, unproven_alg = ?alg, unproven_iss = ?iss, unproven_client_id = ?client_id, "access token refused");
            }
            Rejection::Unavailable(why) => {
                tracing::warn!(%why, unproven_kid = ?kid, unproven_iss = ?iss, "access token could not be judged");
            }
        }
    }

    /// A request with headers that bring no token, though they should. Who sends none at all is a stranger like any other.
    #[cfg(any(feature = "actix", feature = "tower"))]
    pub fn malformed(&self, why: &Refusal) {
        if *why != Refusal::Missing && self.unproven.has_room() {
            tracing::info!(%why, "request refused");
        }
    }

    /// A good token that does not open this route.
    pub fn forbidden(&self, why: &Refusal, caller: &AccessToken) {
        if self.proven.has_room() {
            tracing::info!(%why, client_id = ?short(&caller.client_id), scope = ?short(&caller.scope), jti = ?short(&caller.jti), "request refused");
        }
    }
}

impl Window {
    fn has_room(&self) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_over = |began: Instant| now - began >= Duration::from_secs(1);
        if window.began.is_none_or(is_over) {
            if window.left_out > 0 {
                tracing::info!(
                    left_out = window.left_out,
                    "more refusals than are logged in a second"
                );
            }
            *window = Second {
                began: Some(now),
                ..Second::default()
            };
        }
        let has_room = window.lines < MOST;
        if has_room {
            window.lines += 1;
        } else {
            window.left_out += 1;
        }
        has_room
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
