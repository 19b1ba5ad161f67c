//! What a password may be, and the one form in which it is hashed.

use unicode_normalization::UnicodeNormalization;

/// NIST SP 800-63B 3.1.1.2.
const SHORTEST: usize = 8;
/// In bytes. Long enough for every phrase, short enough that hashing it costs what hashing costs.
const LONGEST: usize = 1024;

/// A password as it is hashed: composed (NFC), and every space the plain one, so that two keyboards type the same. As
/// OpaqueString (RFC 8265 4.2.2), with the characters of newer versions of Unicode.
pub fn prepared(typed: &str) -> String {
    typed
        .chars()
        .map(|c| {
            if c.is_whitespace() && !c.is_control() {
                ' '
            } else {
                c
            }
        })
        .nfc()
        .collect()
}

/// Judges a new password. Passwords that were set before stay good.
///
/// # Errors
/// A sentence.
pub fn check_new(password: &str) -> Result<(), String> {
    let prepared = prepared(password);
    let length = prepared.chars().count();
    if length < SHORTEST {
        return Err(format!(
            "the password has {length} characters; it needs {SHORTEST} or more"
        ));
    }
    if prepared.len() > LONGEST {
        return Err(format!(
            "the password has {} bytes; it may have {LONGEST}",
            prepared.len()
        ));
    }
    if prepared.chars().any(char::is_control) {
        return Err(
            "the password has a control character, such as a tab or a second line, which no login page takes".into()
        );
    }
    Ok(())
}
