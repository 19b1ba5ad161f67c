//! What kind of browser somebody signs in with, as far as it is kept: words of a closed set, and nothing of what a stranger
//! wrote into a header.

use std::fmt;

/// So much of a `User-Agent` is looked at, in bytes.
const LOOKED_AT: usize = 512;

/// The families of browsers that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Google Chrome and Chromium.
    Chrome,
    /// Microsoft Edge.
    Edge,
    /// Mozilla Firefox.
    Firefox,
    /// Opera.
    Opera,
    /// Apple Safari.
    Safari,
    /// Samsung Internet.
    SamsungInternet,
    /// Naver Whale.
    Whale,
}

/// The operating systems that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Android.
    Android,
    /// ChromeOS.
    ChromeOs,
    /// iOS and iPadOS.
    Ios,
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// Word, name, and what a `User-Agent` has of it. The first that fits counts: the later ones are named by the earlier ones, too.
const FAMILIES: [(Family, &str, &str, &[&str]); 7] = [
    (Family::Whale, "whale", "Whale", &["Whale/"]),
    (
        Family::SamsungInternet,
        "samsung-internet",
        "Samsung Internet",
        &["SamsungBrowser/"],
    ),
    (Family::Edge, "edge", "Edge", &["Edg/", "EdgA/", "EdgiOS/"]),
    (Family::Opera, "opera", "Opera", &["OPR/", "OPT/"]),
    (
        Family::Firefox,
        "firefox",
        "Firefox",
        &["Firefox/", "FxiOS/"],
    ),
    (Family::Chrome, "chrome", "Chrome", &["Chrome/", "CriOS/"]),
    (Family::Safari, "safari", "Safari", &["Safari/"]),
];
const SYSTEMS: [(System, &str, &str, &[&str]); 6] = [
    (System::Ios, "ios", "iOS", &["iPhone", "iPad", "iPod"]),
    (System::Android, "android", "Android", &["Android"]),
    (System::Windows, "windows", "Windows", &["Windows"]),
    (System::ChromeOs, "chrome-os", "ChromeOS", &["CrOS"]),
    (System::MacOs, "mac-os", "macOS", &["Macintosh"]),
    (System::Linux, "linux", "Linux", &["Linux"]),
];

/// A browser and its system; none where it is another one, or none was named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Device {
    /// The browser.
    pub family: Option<Family>,
    /// The system that it runs on.
    pub system: Option<System>,
}

impl Device {
    /// By what the browser says of itself (RFC 9110 10.1.5). Anybody can say anything: it tells an administrator which browser
    /// it seems to be, and decides nothing.
    pub fn of(user_agent: &str) -> Self {
        let most = user_agent.len().min(LOOKED_AT);
        let beginning = (0..=most).rev().find_map(|end| user_agent.get(..end));
        let text = beginning.unwrap_or_default();
        let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
        let family = FAMILIES.iter().find(|(_, _, _, marks)| has(marks));
        let system = SYSTEMS.iter().find(|(_, _, _, marks)| has(marks));
        Self {
            family: family.map(|known| known.0),
            system: system.map(|known| known.0),
        }
    }

    /// What is known of it, for people: `Firefox, Windows`.
    pub fn name(self) -> String {
        let names = [self.family.map(Family::name), self.system.map(System::name)];
        names.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// As [`Device`]'s `Display` wrote it. A word that this version does not know counts as another browser.
    pub fn stored(text: &str) -> Self {
        let mut words = text.split(' ');
        let word = words.next().unwrap_or_default();
        let family = FAMILIES.iter().find(|known| known.1 == word);
        let word = words.next().unwrap_or_default();
        let system = SYSTEMS.iter().find(|known| known.1 == word);
        Self {
            family: family.map(|known| known.0),
            system: system.map(|known| known.0),
        }
    }
}

impl Family {
    /// For programs.
    pub fn word(self) -> &'static str {
        FAMILIES
            .iter()
            .find(|known| known.0 == self)
            .map_or("-", |known| known.1)
    }

    /// For people.
    pub fn name(self) -> &'static str {
        FAMILIES
            .iter()
            .find(|known| known.0 == self)
            .map_or("-", |known| known.2)
    }
}

impl System {
    /// For programs.
    pub fn word(self) -> &'static str {
        SYSTEMS
            .iter()
            .find(|known| known.0 == self)
            .map_or("-", |known| known.1)
    }

    /// For people.
    pub fn name(self) -> &'static str {
        SYSTEMS
            .iter()
            .find(|known| known.0 == self)
            .map_or("-", |known| known.2)
    }
}

/// The two words, with a `-` for what is not known; nothing where neither is.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return Ok(());
        }
        let family = self.family.map_or("-", Family::word);
        write!(f, "{family} {}", self.system.map_or("-", System::word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: [(&str, &str); 13] = [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "firefox windows",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "chrome linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "edge windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
            "safari mac-os",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "safari ios",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
            "chrome ios",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; SM-S931N) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "samsung-internet android",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Whale/4.33.325.17 Safari/537.36",
            "whale windows",
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "chrome chrome-os",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0",
            "opera linux",
        ),
        ("curl/8.5.0", ""),
        ("", ""),
        ("something on Linux", "- linux"),
    ];

    #[test]
    fn browsers_and_systems_are_told_apart_and_come_back_from_their_words() {
        for (agent, words) in AGENTS {
            let device = Device::of(agent);
            assert_eq!(device.to_string(), words, "{agent}");
            assert_eq!(Device::stored(words), device, "{agent}");
        }
    }

    /// Only the beginning is read, wherever that ends within a character, and nothing of it is kept.
    #[test]
    fn what_a_stranger_writes_costs_little_and_is_not_kept() {
        for filler in ["x", "\u{ac00}"] {
            let long = format!("{} Firefox/1", filler.repeat(1000));
            assert_eq!(Device::of(&long), Device::default());
        }
        let script = "<script>alert(1)</script> Firefox/1 Windows";
        assert_eq!(Device::of(script).to_string(), "firefox windows");
        assert_eq!(Device::stored("netscape beos"), Device::default());
    }
}
