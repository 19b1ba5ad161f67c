//! The buttons of other providers on the login page.

use latchkey_protocol::{
    StoreError, Timestamp, paths,
    upstream::{Upstream, UpstreamName, preset},
};

use super::signed_in_since;
use crate::{
    interaction::OpenInteraction,
    state::Ui,
    words::{Language, Words},
};

/// One button: a link, since it changes nothing here that its own browser could not.
pub(crate) struct Button {
    /// The upstream's name, for the element's id.
    pub name: String,
    /// What it says.
    pub title: String,
    /// The name of its logo's file.
    pub logo: Option<&'static str>,
    /// Where it leads.
    pub path: String,
}

/// Those of the enabled providers that can do what this interaction needs, in the order that an administrator gave them.
pub(crate) async fn buttons(
    ui: &Ui,
    open: &OpenInteraction,
    words: Words,
    now: Timestamp,
) -> Result<Vec<Button>, StoreError> {
    let needs_fresh = signed_in_since(&open.interaction, now, now).is_some();
    let is_shown = |upstream: &Upstream| {
        let can = !needs_fresh || upstream.settings.protocol.says_auth_time();
        upstream.is_enabled() && !upstream.settings.hidden && can
    };
    let upstreams = ui.store.upstreams().await?;
    let button = |upstream: &Upstream| Button {
        name: upstream.name.to_string(),
        title: title(upstream, words),
        logo: upstream
            .settings
            .preset
            .as_deref()
            .and_then(preset)
            .map(|preset| preset.logo),
        path: paths::upstream_begin(open.secret.expose(), upstream.name.as_str()),
    };
    Ok(upstreams
        .iter()
        .filter(|upstream| is_shown(upstream))
        .map(button)
        .collect())
}

/// Where the provider begins that the client named (`idp_hint`), if it is enabled and can do what this interaction needs.
pub(crate) async fn hinted(
    ui: &Ui,
    open: &OpenInteraction,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let hint = open.interaction.request.grant.idp_hint.as_deref();
    let Some(name) = hint.and_then(|hint| UpstreamName::parse(hint).ok()) else {
        return Ok(None);
    };
    let needs_fresh = signed_in_since(&open.interaction, now, now).is_some();
    let found = ui.store.upstream(&name).await?.filter(|upstream| {
        upstream.is_enabled() && (!needs_fresh || upstream.settings.protocol.says_auth_time())
    });
    Ok(found.map(|_| paths::upstream_begin(open.secret.expose(), name.as_str())))
}

/// The title that an administrator gave, or, where that is the preset's, the preset's in the page's language.
fn title(upstream: &Upstream, words: Words) -> String {
    let own = &upstream.settings.title;
    let known = upstream.settings.preset.as_deref().and_then(preset);
    let known = known.filter(|preset| [preset.button_en, preset.button_ko].contains(&own.as_str()));
    match (known, words.0) {
        (Some(preset), Language::Korean) => preset.button_ko.to_owned(),
        (Some(preset), Language::English) => preset.button_en.to_owned(),
        (None, _) => own.clone(),
    }
}

/// The name of the provider itself, where it is known.
pub(crate) fn provider_name(upstream: &Upstream, words: Words) -> String {
    let known = upstream.settings.preset.as_deref().and_then(preset);
    known.map_or_else(
        || title(upstream, words),
        |preset| preset.provider.to_owned(),
    )
}
