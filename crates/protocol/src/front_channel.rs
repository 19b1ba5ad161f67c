//! OpenID Connect Front-Channel Logout 1.0: which addresses the signed-out page shows in frames.

use crate::{
    authorization::Authorization,
    client::Client,
    logout_token::{SessionEnd, signed_in},
    uri::{origin, with_query},
};

/// Frames on one page: each is a request that the browser makes before the user goes on.
pub const MOST_FRAMES: usize = 50;

/// The addresses to show because `end` has come: of the clients that signed the user in within this session and
/// registered a `frontchannel_logout_uri`, each once, with `iss` and `sid` (3). A query that was registered stays.
pub fn frames<'a>(
    issuer: &str,
    end: &SessionEnd,
    visits: impl IntoIterator<Item = (&'a Authorization, &'a Client)>,
) -> Vec<String> {
    let mut all = Vec::new();
    for (authorization, client) in visits {
        let Some(uri) = &client.metadata.frontchannel_logout_uri else {
            continue;
        };
        if !end.is_of(authorization) || authorization.client_id != client.id {
            continue;
        }
        let frame = with_query(uri, &[("iss", issuer), ("sid", &end.session_id)]);
        if signed_in(authorization) && !all.contains(&frame) && all.len() < MOST_FRAMES {
            all.push(frame);
        }
    }
    all
}

/// What the page's Content-Security-Policy must allow (`frame-src`) for these frames, each source once.
pub fn frame_sources(frames: &[String]) -> Vec<String> {
    let mut sources: Vec<String> = frames.iter().filter_map(|frame| origin(frame)).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}
