//! What is allowed and yet wants a word: said at each start and by `latchkey config check`.

use std::{os::unix::fs::PermissionsExt, path::Path};

use super::{Settings, issuer, mask::mask, table::SETTINGS};
use crate::{tls, wiring};

/// Days before its end in which a certificate is spoken of.
const SOON: u32 = 14;

impl Settings {
    /// One sentence for each thing that whoever runs the server should know.
    pub fn warnings(&self) -> Vec<String> {
        [
            self.open_issuer(),
            self.readable_key(),
            self.readable_password(),
            self.expiring_certificate(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Reads what the settings point at, and builds of it what a start builds: what is good here is good there.
    ///
    /// # Errors
    /// A sentence naming the file and its problem.
    pub fn check_files(&self) -> anyhow::Result<()> {
        if let Some((certificate, key)) = self.tls() {
            tls::read(certificate, key)?;
        }
        wiring::outbound(self)?;
        Ok(())
    }

    fn open_issuer(&self) -> Option<String> {
        let url = url::Url::parse(&self.issuer).ok()?;
        issuer::is_open(&url).then(|| {
            format!(
                "issuer {} is plain http (allow_insecure_issuer): everyone on the way reads passwords and tokens",
                url
            )
        })
    }

    fn readable_key(&self) -> Option<String> {
        let (_, key) = self.tls()?;
        open_to_others(key).map(|mode| {
            format!(
                "tls.key {} can be read or changed by others (mode {mode:o}): run chmod 600 on it",
                key.display()
            )
        })
    }

    /// A file named by `..._FILE` is not looked at: container platforms mount secrets readable, inside the container.
    fn readable_password(&self) -> Option<String> {
        let file = self.file.as_deref()?;
        let stands_there = |source: &str| source.starts_with(&format!("{}:", file.display()));
        let secret = SETTINGS.iter().filter(|s| s.secret).find(|s| {
            let given = &self.given[s.path];
            stands_there(&given.source) && mask(&given.value) != given.value
        })?;
        open_to_others(file).map(|mode| {
            format!(
                "{} holds the password of {} and can be read or changed by others (mode {mode:o}): run chmod 600 on it",
                file.display(),
                secret.path
            )
        })
    }

    fn expiring_certificate(&self) -> Option<String> {
        let (certificate, _) = self.tls()?;
        let name = certificate.display();
        match tls::days_left(certificate).ok()? {
            days if days < 0 => Some(format!(
                "tls.certificate {name} has expired: clients will refuse it"
            )),
            days if days < i64::from(SOON) => {
                Some(format!("tls.certificate {name} expires in {days} days"))
            }
            _ => None,
        }
    }
}

/// The mode of a file that everybody may read, or somebody else may change. Reading by a group of its own is common
/// for keys, and left alone.
fn open_to_others(file: &Path) -> Option<u32> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o026 != 0).then_some(mode)
}
