//! The languages of the pages.

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

/// The languages that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// `en`, also for whoever asks for none of these.
    #[default]
    English,
    /// `ko`.
    Korean,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Korean];

    /// By `ui_locales` first, then by what the browser prefers (OpenID Connect Core 3.1.2.1, RFC 9110 12.5.4).
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let asked = ui_locales
            .unwrap_or_default()
            .split_whitespace()
            .find_map(Self::known);
        asked
            .or_else(|| Self::preferred(accept_language?))
            .unwrap_or_default()
    }

    fn preferred(accept: &str) -> Option<Self> {
        let mut ranges: Vec<(f32, Self)> = accept
            .split(',')
            .filter_map(|range| {
                let mut parts = range.split(';');
                let language = Self::known(parts.next()?.trim())?;
                let quality = parts
                    .find_map(|p| p.trim().strip_prefix("q="))
                    .and_then(|q| q.parse().ok())
                    .unwrap_or(1.0);
                Some((quality, language))
            })
            .collect();
        ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranges.first().map(|(_, language)| *language)
    }

    fn known(tag: &str) -> Option<Self> {
        let language = tag.split('-').next()?;
        let is = |known: &Self| Words(*known).code().eq_ignore_ascii_case(language);
        Self::ALL.into_iter().find(is)
    }
}

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle("en", &ENGLISH_TEXTS));
static KOREAN: LazyLock<Bundle> = LazyLock::new(|| bundle("ko", &KOREAN_TEXTS));

const ENGLISH_TEXTS: [&str; 5] = [
    include_str!("../../../templates/locales/en.ftl"),
    include_str!("../../../templates/locales/console.en.ftl"),
    include_str!("../../../templates/locales/clients.en.ftl"),
    include_str!("../../../templates/locales/audit.en.ftl"),
    include_str!("../../../templates/locales/demo.en.ftl"),
];
const KOREAN_TEXTS: [&str; 7] = [
    include_str!("../../../templates/locales/ko.ftl"),
    include_str!("../../../templates/locales/console.ko.ftl"),
    include_str!("../../../templates/locales/clients.ko.ftl"),
    include_str!("../../../templates/locales/audit.ko.ftl"),
    include_str!("../../../templates/locales/demo.ko.ftl"),
    // Of these, English is in the rules themselves.
    include_str!("../../../templates/locales/problems.ko.ftl"),
    include_str!("../../../templates/locales/refusals.ko.ftl"),
];

fn bundle(tag: &str, sources: &[&str]) -> Bundle {
    // The files are part of the program, and a test reads every message.
    let language: LanguageIdentifier = tag.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    for source in sources {
        let resource =
            FluentResource::try_new((*source).to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// The texts of one language.
#[derive(Clone, Copy)]
pub struct Words(pub Language);

impl Words {
    fn bundle(self) -> &'static Bundle {
        match self.0 {
            Language::English => &ENGLISH,
            Language::Korean => &KOREAN,
        }
    }

    /// The language tag, for the `lang` attribute.
    pub fn code(&self) -> &'static str {
        match self.0 {
            Language::English => "en",
            Language::Korean => "ko",
        }
    }

    /// The message, if there is one of this id.
    pub fn find(&self, id: &str, arguments: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.bundle().get_message(id)?.value()?;
        Some(
            self.bundle()
                .format_pattern(pattern, arguments, &mut Vec::new())
                .into_owned(),
        )
    }

    /// The text `id`; the id itself where there is none.
    pub fn say(&self, id: &str) -> String {
        self.find(id, None).unwrap_or_else(|| id.to_owned())
    }

    /// The text `id` with `value` in the place of `name`.
    pub fn say_with(&self, id: &str, name: &str, value: &str) -> String {
        self.say_all(id, &[(name, value)])
    }

    /// The text `id` with each value in the place of its name.
    pub fn say_all(&self, id: &str, named: &[(&str, &str)]) -> String {
        let mut arguments = FluentArgs::new();
        for (name, value) in named {
            arguments.set((*name).to_owned(), (*value).to_owned());
        }
        self.find(id, Some(&arguments))
            .unwrap_or_else(|| id.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::{
        Issuer, Reason, claims::CustomClaims, discovery::metadata, scope::STANDARD,
    };

    use super::*;

    #[test]
    fn ui_locales_come_before_the_browser_and_unknown_languages_fall_back_to_english() {
        use Language::{English, Korean};
        assert_eq!(Language::choose(Some("fr ko"), Some("en")), Korean);
        assert_eq!(
            Language::choose(Some("fr"), Some("de, ko;q=0.5, en;q=0.9")),
            English
        );
        assert_eq!(
            Language::choose(None, Some("ko-KR,ko;q=0.9,en;q=0.8")),
            Korean
        );
        assert_eq!(Language::choose(None, Some(";;;,q=")), English);
        assert_eq!(Language::choose(None, None), English);
    }

    #[test]
    fn discovery_names_the_languages_of_the_pages() {
        let metadata = metadata(&Issuer::new("https://a.example"), &CustomClaims::default());
        let named = metadata["ui_locales_supported"].as_array();
        let named: Vec<_> = named.into_iter().flatten().collect();
        assert_eq!(named, Language::ALL.map(|language| Words(language).code()));
    }

    #[test]
    fn the_consent_page_has_words_for_every_scope_that_clients_may_have() {
        for scope in STANDARD {
            for id in [format!("scope-{scope}"), format!("scope-{scope}-text")] {
                assert_ne!(Words(Language::English).say(&id), id);
            }
        }
    }

    #[test]
    fn every_refusal_is_explained_in_korean_too() {
        for reason in Reason::ALL {
            for what in ["checked", "fix"] {
                let id = format!("{what}-{}", reason.name());
                let said = Words(Language::Korean).say(&id);
                assert!(said.chars().any(|c| ('가'..='힣').contains(&c)), "{id}");
                // English stands in the table, and nowhere else.
                assert_eq!(Words(Language::English).say(&id), id);
            }
        }
    }

    #[test]
    fn every_english_text_has_a_korean_one() {
        let ids = |sources: &[&'static str]| -> Vec<String> {
            sources
                .iter()
                .flat_map(|source| source.lines())
                .filter_map(|l| l.split_once(" = "))
                .map(|(id, _)| id.to_owned())
                .collect()
        };
        let korean = ids(&KOREAN_TEXTS);
        for id in ids(&ENGLISH_TEXTS) {
            assert!(korean.contains(&id), "{id}");
            assert_ne!(Words(Language::Korean).say(&id), id);
            assert_ne!(Words(Language::English).say(&id), id);
        }
    }
}
