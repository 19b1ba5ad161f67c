//! What is known of widely used providers, so that an administrator gives no more than an id and a secret.

/// A provider that is known: a data entry.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// As `--preset` names it.
    pub name: &'static str,
    /// The name of the provider, as it writes it.
    pub provider: &'static str,
    /// What its button says in English, in the words of its brand rules.
    pub button_en: &'static str,
    /// And in Korean.
    pub button_ko: &'static str,
    /// The name of its logo's file among the assets.
    pub logo: &'static str,
    /// [`UpstreamSettings`](super::UpstreamSettings) as JSON, without `title`, `client_id` and what `asks` names.
    pub settings: &'static str,
    /// What an administrator has to give besides: paths into the settings with a dot before each member, and what it is.
    pub asks: &'static [(&'static str, &'static str)],
    /// The page of the documentation.
    pub page: &'static str,
}

/// Every preset, by name.
pub const PRESETS: &[Preset] = &[];

/// The preset of this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
