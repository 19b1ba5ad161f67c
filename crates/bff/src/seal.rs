//! What rests in the store or travels in a cookie is sealed: encrypted, and bound to the place that it was made for.

use latchkey_jose::{JoseError, MasterKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::store::Key;

/// What a sealed text is for. It stands in the plaintext: a session that was moved to the row of another cookie, or a
/// cookie of one kind sent as another, opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The session that rests under this key.
    Session(Key),
    /// A sign-in that has begun.
    SignIn,
    /// A sign-out that goes on at the provider.
    SignOut,
}

impl Purpose {
    fn name(self) -> String {
        match self {
            Self::Session(key) => format!("session {}", key.to_hex()),
            Self::SignIn => "sign-in".into(),
            Self::SignOut => "sign-out".into(),
        }
    }
}

#[derive(Serialize)]
struct Outer<'a, T> {
    purpose: String,
    content: &'a T,
}

#[derive(Deserialize)]
struct Opened<T> {
    purpose: String,
    content: T,
}

/// The keys of all instances: the first seals, each opens.
#[derive(Debug, Clone)]
pub struct SealKeys(Vec<MasterKey>);

impl SealKeys {
    /// One key in each line, of 64 hexadecimal digits. New ones are put first; the last is taken out when no session of it
    /// is left.
    ///
    /// # Errors
    /// A sentence: which line is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut keys = Vec::new();
        for (at, line) in lines {
            let key = MasterKey::from_hex(line);
            keys.push(
                key.map_err(|_| format!("line {}: 64 hexadecimal digits are needed", at + 1))?,
            );
        }
        if keys.is_empty() {
            return Err("there is no key in it: 64 hexadecimal digits in a line are one".into());
        }
        Ok(Self(keys))
    }

    /// # Errors
    /// [`JoseError::Sealed`] when the library fails.
    pub fn seal(&self, purpose: Purpose, content: &impl Serialize) -> Result<String, JoseError> {
        let purpose = purpose.name();
        let plain = serde_json::to_string(&Outer { purpose, content });
        let plain = plain.map_err(|_| JoseError::Sealed)?;
        self.0.first().ok_or(JoseError::Sealed)?.seal(&plain)
    }

    /// None when no key opens it, it was changed, or it was made for something else.
    pub fn open<T: DeserializeOwned>(&self, purpose: Purpose, sealed: &str) -> Option<T> {
        let plain = self.0.iter().find_map(|key| key.open(sealed).ok())?;
        let opened: Opened<T> = serde_json::from_str(&plain).ok()?;
        (opened.purpose == purpose.name()).then_some(opened.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(digits: &[char]) -> SealKeys {
        let lines: Vec<_> = digits.iter().map(|d| d.to_string().repeat(64)).collect();
        SealKeys::read(&lines.join("\n")).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let keys = keys(&['a']);
        let (one, other) = (Key::of_cookie("one"), Key::of_cookie("other"));
        let sealed = keys.seal(Purpose::Session(one), &"tokens").unwrap();
        assert!(!sealed.contains("tokens"));
        let open = |purpose| keys.open::<String>(purpose, &sealed);
        assert_eq!(open(Purpose::Session(one)).unwrap(), "tokens");
        assert_eq!(open(Purpose::Session(other)), None);
        assert_eq!(open(Purpose::SignIn), None);
    }

    #[test]
    fn what_was_changed_or_sealed_by_another_installation_does_not_open() {
        let keys = keys(&['a']);
        let sealed = keys.seal(Purpose::SignIn, &"x").unwrap();
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last digit of base64url holds bits that mean nothing.
            let opened = keys.open::<String>(Purpose::SignIn, &changed);
            assert!(opened.is_none() || at + 1 == sealed.len(), "{at}");
        }
        let foreign = super::tests::keys(&['b']);
        assert_eq!(foreign.open::<String>(Purpose::SignIn, &sealed), None);
    }

    #[test]
    fn keys_are_rotated_by_putting_a_new_one_first() {
        let before = keys(&['a']);
        let sealed = before.seal(Purpose::SignIn, &1).unwrap();
        let after = keys(&['b', 'a']);
        assert_eq!(after.open::<u8>(Purpose::SignIn, &sealed), Some(1));
        let new = after.seal(Purpose::SignIn, &2).unwrap();
        assert_eq!(before.open::<u8>(Purpose::SignIn, &new), None);
    }

    #[test]
    fn a_file_without_a_good_key_says_which_line_is_wrong() {
        for (text, expected) in [
            ("", "no key"),
            ("# a comment\n", "no key"),
            ("# a comment\nabc", "line 2"),
        ] {
            let error = SealKeys::read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
