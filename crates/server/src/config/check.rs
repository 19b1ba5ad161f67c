//! What settings must be side by side.

use std::path::Path;

use super::{Settings, issuer};

/// A setting and what is wrong with it.
type Problem = (&'static str, String);

/// Called when each of them is good by itself.
pub fn together(settings: &Settings) -> Vec<Problem> {
    const CHECKS: [fn(&Settings) -> Option<Problem>; 4] =
        [issuer_is_safe, tls_is_whole, rotates, lists_outlive_caches];
    CHECKS.iter().filter_map(|check| check(settings)).collect()
}

fn issuer_is_safe(settings: &Settings) -> Option<Problem> {
    let issuer = &settings.issuer;
    let why = issuer::problem(issuer, settings.allow_insecure_issuer)?;
    Some(("issuer", format!("is {issuer:?}; {why}")))
}

fn tls_is_whole(settings: &Settings) -> Option<Problem> {
    let given = |file: &Path| !file.as_os_str().is_empty();
    let half = given(&settings.tls.certificate) != given(&settings.tls.key);
    half.then(|| ("tls.certificate", "and tls.key come together".into()))
}

fn rotates(settings: &Settings) -> Option<Problem> {
    let too_soon = settings.rotate_after != 0 && settings.rotate_after <= settings.announce;
    let longer = "must be longer than keys.announce, or 0s for never";
    too_soon.then(|| ("keys.rotate_after", longer.into()))
}

/// What is fetched when it has been kept for as long as it may is still good by then: `iat` may be as old as the grid is
/// wide, and fetching takes time.
fn lists_outlive_caches(settings: &Settings) -> Option<Problem> {
    let too_short = settings.status_list_lifetime < settings.status_list_ttl + 20;
    let longer = "must be at least 20s longer than tokens.status_list_ttl";
    too_short.then(|| ("tokens.status_list_lifetime", longer.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_list_counts_for_longer_than_it_is_kept() {
        let settings = |status_list_ttl, status_list_lifetime| Settings {
            status_list_ttl,
            status_list_lifetime,
            ..Settings::default()
        };
        assert_eq!(lists_outlive_caches(&settings(5, 60)), None);
        assert_eq!(lists_outlive_caches(&settings(40, 60)), None);
        let (named, _) = lists_outlive_caches(&settings(41, 60)).unwrap();
        assert_eq!(named, "tokens.status_list_lifetime");
    }
}
