//! What is to be done with a session before a call goes out.

use latchkey_protocol::Timestamp;

/// An access token that ends within this time is renewed before it is attached, in seconds: the call takes its time too.
pub const MARGIN: i64 = 10;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The access token is attached as it is.
    Forward,
    /// A new one is fetched first.
    Refresh,
    /// Neither is good: the user has to sign in.
    SignIn,
}

/// By the tokens' times. A provider that gives no refresh token has said how long the session is: as long as the access
/// token.
pub fn next(access_until: Timestamp, has_refresh_token: bool, now: Timestamp) -> Step {
    if now + MARGIN < access_until {
        return Step::Forward;
    }
    if has_refresh_token {
        return Step::Refresh;
    }
    if now < access_until {
        Step::Forward
    } else {
        Step::SignIn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_token_serves_to_its_end_and_is_renewed_shortly_before() {
        let end = Timestamp::from_seconds(1_800_000_000);
        for (before, has_refresh_token, expected) in [
            (300, true, Step::Forward),
            (11, true, Step::Forward),
            (10, true, Step::Refresh),
            (0, true, Step::Refresh),
            (-86_400, true, Step::Refresh),
            (300, false, Step::Forward),
            (1, false, Step::Forward),
            (0, false, Step::SignIn),
            (-1, false, Step::SignIn),
        ] {
            let step = next(end, has_refresh_token, end - before);
            assert_eq!(step, expected, "{before} s before, {has_refresh_token}");
        }
    }
}
