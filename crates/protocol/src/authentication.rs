//! How a user proved who they are: the methods (`amr`), and the context class that comes of them (`acr`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An authentication method reference, with its name in the registry (RFC 8176 2).
macro_rules! methods {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// An authentication method (RFC 8176 2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum AuthenticationMethod {
            $(#[doc = concat!("`", $name, "`")] $variant),+
        }

        impl AuthenticationMethod {
            /// In the order of the registry.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As tokens and stored rows say it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

methods! {
    Face "face",
    Fingerprint "fpt",
    Geolocation "geo",
    HardwareKey "hwk",
    Iris "iris",
    Knowledge "kba",
    MultipleChannels "mca",
    MultipleFactors "mfa",
    OneTimePassword "otp",
    Pin "pin",
    ProofOfPossession "pop",
    Password "pwd",
    Risk "rba",
    Retina "retina",
    SmartCard "sc",
    Sms "sms",
    SoftwareKey "swk",
    Telephone "tel",
    Presence "user",
    Voice "vbm",
    WindowsAuthentication "wia",
}

impl AuthenticationMethod {
    /// The method of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|method| method.name() == name)
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// The methods of one sign-in (`amr`, OpenID Connect Core 2): each once, in the order of the registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amr(u32);

/// What is no list of authentication methods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("amr holds names of authentication methods (RFC 8176 2)")]
pub struct UnknownMethod;

impl Amr {
    /// A password alone.
    pub const PASSWORD: Self = Self(AuthenticationMethod::Password.bit());

    /// The user was there: of a sign-in at another provider nothing else is known.
    pub const PRESENCE: Self = Self(AuthenticationMethod::Presence.bit());

    /// With one more.
    #[must_use]
    pub const fn with(self, method: AuthenticationMethod) -> Self {
        Self(self.0 | method.bit())
    }

    /// Whether the user has proven nothing.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Each method, in the order of [`AuthenticationMethod::ALL`].
    pub fn iter(self) -> impl Iterator<Item = AuthenticationMethod> {
        let used = move |method: &AuthenticationMethod| self.0 & method.bit() != 0;
        AuthenticationMethod::ALL.iter().copied().filter(used)
    }

    fn adding(self, name: &str) -> Result<Self, UnknownMethod> {
        let method = AuthenticationMethod::from_name(name).ok_or(UnknownMethod)?;
        Ok(self.with(method))
    }
}

/// The names, separated by spaces: as it is stored.
impl fmt::Display for Amr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, method) in self.iter().enumerate() {
            let before = if at == 0 { "" } else { " " };
            write!(f, "{before}{}", method.name())?;
        }
        Ok(())
    }
}

impl FromStr for Amr {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        let mut names = text.split(' ').filter(|name| !name.is_empty());
        names.try_fold(Self::default(), Self::adding)
    }
}

impl Serialize for Amr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(AuthenticationMethod::name))
    }
}

impl<'de> Deserialize<'de> for Amr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let mut names = names.iter().map(String::as_str);
        names
            .try_fold(Self::default(), Self::adding)
            .map_err(serde::de::Error::custom)
    }
}

/// The authentication context class (`acr`, OpenID Connect Core 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acr {
    /// Nobody proved anything just then: short of level 1 of ISO/IEC 29115.
    #[serde(rename = "0")]
    Unproven,
    /// One factor.
    #[serde(rename = "1")]
    OneFactor,
}

impl Acr {
    /// Those that a user can have after a sign-in here.
    pub const ATTAINABLE: [Self; 1] = [Self::OneFactor];

    /// What comes of these methods. Tokens say it, and requests that ask for an `acr` are measured by it.
    pub fn of(amr: Amr) -> Self {
        if amr.is_empty() {
            Self::Unproven
        } else {
            Self::OneFactor
        }
    }

    /// The `acr` value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unproven => "0",
            Self::OneFactor => "1",
        }
    }
}
