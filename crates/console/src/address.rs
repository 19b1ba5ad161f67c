//! Ids in addresses: an id of a client is any printable text, and stands in a path as one segment.

use std::fmt::Write as _;

/// The longest id of anything.
const LONGEST: usize = 255;

/// As a segment of a path (RFC 3986 3.3).
pub fn segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

/// The id that a segment names, if anything could have it: printable ASCII. What was decoded before is left as it is.
pub fn id(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? * 16 + hex(rest.next()?)?,
            other => other,
        });
    }
    let fits = (1..=LONGEST).contains(&bytes.len());
    let is_printable = bytes.iter().all(|byte| (0x20..=0x7e).contains(byte));
    let text = String::from_utf8(bytes).ok()?;
    (fits && is_printable).then_some(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Of the client with this id, in the console.
pub fn of_client(id: &str) -> String {
    format!("/admin/clients/{}", segment(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_from_its_address() {
        for text in ["app", "a b/c?d#e%2F&\"'", "https://api.example", "%00", "%"] {
            assert_eq!(id(&segment(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_nothing_can_be_called_names_nothing() {
        let long = "x".repeat(256);
        for bad in ["", "%00", "a%0Ab", "%zz", "%4", "%ff", "%EA%B0%80", &long] {
            assert_eq!(id(bad), None, "{bad}");
        }
    }
}
