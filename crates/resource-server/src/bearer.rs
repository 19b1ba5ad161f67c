//! The token of a request (RFC 6750 2.1). From a query or a form none is taken: addresses get into logs (RFC 9700 4.3.2).

use crate::Refusal;

/// The token in the `Authorization` headers of a request, all of which are to be given.
///
/// ```
/// use latchkey_resource_server::{Refusal, bearer};
///
/// assert_eq!(bearer([b"Bearer abc".as_slice()]), Ok("abc"));
/// assert_eq!(bearer([]), Err(Refusal::Missing));
/// assert_eq!(bearer([b"Basic YTpi".as_slice()]), Err(Refusal::Missing));
/// ```
///
/// # Errors
/// [`Refusal::Missing`] where there is none, [`Refusal::Twice`], [`Refusal::Malformed`].
pub fn bearer<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a str, Refusal> {
    let mut headers = headers.into_iter();
    let value = headers.next().ok_or(Refusal::Missing)?;
    if headers.next().is_some() {
        return Err(Refusal::Twice);
    }
    let end = value
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    // RFC 9110 11.1: the scheme in whatever case.
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(Refusal::Missing);
    }
    let token = std::str::from_utf8(token).map_err(|_| Refusal::Malformed)?;
    match token.trim_start_matches(' ') {
        "" => Err(Refusal::Malformed),
        token => Ok(token),
    }
}
