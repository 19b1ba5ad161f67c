//! OpenID Connect Front-Channel Logout 1.0: which addresses the signed-out page shows in frames.

use crate::{
    Issuer, SessionId,
    client::Client,
    uri::{origin, with_query},
};

/// Frames on one page: each is a request that the browser makes before the user goes on.
pub const MOST_FRAMES: usize = 50;

/// The addresses to show because `session` has ended: of the clients that are noted in it and registered a
/// `frontchannel_logout_uri`, each once, with `iss` and `sid` (3). A query that was registered stays.
pub fn frames<'a>(
    issuer: &Issuer,
    session: &SessionId,
    clients: impl IntoIterator<Item = &'a Client>,
) -> Vec<String> {
    let mut all = Vec::new();
    for client in clients {
        let Some(uri) = &client.metadata.frontchannel_logout_uri else {
            continue;
        };
        let frame = with_query(uri, &[("iss", issuer), ("sid", session)]);
        if !all.contains(&frame) && all.len() < MOST_FRAMES {
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
