//! Who signs in at a stand-in, and what goes wrong there.

/// Somebody with an account there.
#[derive(Debug, Clone)]
pub struct Person {
    /// The identifier there.
    pub subject: String,
    /// The name, if they let the client have it.
    pub name: Option<String>,
    /// The address, if they let the client have it.
    pub email: Option<String>,
    /// Whether the provider has verified it.
    pub email_verified: bool,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            subject: "4215698374".into(),
            name: Some("라이언".into()),
            email: Some("ryan@example.com".into()),
            email_verified: true,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// Every code has expired.
    ExpiredCode,
    /// The profile is asked for too often.
    RateLimit,
    /// The token endpoint answers half a JSON text.
    Malformed,
    /// The token endpoint is down.
    Outage,
    /// The profile's address is down.
    OutageOfProfile,
}
