//! What settings must be side by side.

use std::path::Path;

use super::{Settings, issuer};

/// A setting and what is wrong with it.
type Problem = (&'static str, String);

/// Called when each of them is good by itself.
pub fn together(settings: &Settings) -> Vec<Problem> {
    const CHECKS: [fn(&Settings) -> Option<Problem>; 3] = [issuer_is_safe, tls_is_whole, rotates];
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
