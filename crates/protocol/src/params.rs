//! Parameters of queries and forms (RFC 6749 3.1, 3.2), read strictly.

use crate::{error::Refusal, reason::Reason};

/// Form or query parameters as they came, each at most once (RFC 6749 3.1, 3.2).
///
/// The one place where text from outside is read: what is malformed is remembered by its name alone, so that neither
/// a rule nor storage ever sees its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, String)>,
    problems: Vec<(String, ParamProblem)>,
}

/// What is wrong with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamProblem {
    /// It came more than once.
    Repeated,
    /// It is not percent-encoded UTF-8, or it holds a control character.
    Malformed,
}

/// The most parameters looked at; what comes after is a flood, not a request.
const MOST: usize = 100;

impl ParamProblem {
    fn refused(self, name: &str) -> Refusal {
        match self {
            Self::Repeated => Reason::ParameterRepeated.because("once", name),
            Self::Malformed => Reason::ParameterMalformed.because(
                format!("{name}: percent-encoded UTF-8 without control characters"),
                "something else",
            ),
        }
    }
}

/// Control characters that no parameter needs. PostgreSQL stores no NUL; the others grow sixfold in JSON. Line breaks
/// and tabs stay: the JSON of `claims` may have them.
///
/// Every byte is looked at, without a branch: tokens are long, and this is the fast way through them.
fn has_forbidden(text: &str) -> bool {
    let forbidden = |byte: u8| (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r');
    text.bytes()
        .fold(false, |found, byte| found | forbidden(byte))
}

/// One half of a pair. Most, tokens above all, have nothing in them to decode.
fn decode(encoded: &[u8]) -> Option<String> {
    let is_plain = !encoded.contains(&b'%') && !encoded.contains(&b'+');
    let decoded = if is_plain {
        encoded.to_vec()
    } else {
        unescape(encoded)?
    };
    String::from_utf8(decoded)
        .ok()
        .filter(|text| !has_forbidden(text))
}

/// A percent sign stands before two hexadecimal digits and nowhere else (RFC 3986 2.1).
fn unescape(encoded: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: Option<&u8>| {
        char::from(*byte?)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => digit(rest.next())? * 16 + digit(rest.next())?,
            other => *other,
        });
    }
    Some(decoded)
}

impl Params {
    /// Reads `application/x-www-form-urlencoded`. Empty values count as absent (RFC 6749 3.1).
    ///
    /// What is wrong is remembered, and refused by [`Params::sound`].
    pub fn parse(encoded: &[u8]) -> Self {
        let mut params = Self::default();
        let pairs = encoded
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty());
        for pair in pairs.take(MOST) {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            params.add(decode(name), decode(value));
        }
        params
    }

    /// From finished pairs, as a signed request object has them, under the same rules.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let sound = |text: String| Some(text).filter(|t| !has_forbidden(t));
        let mut params = Self::default();
        for (name, value) in pairs.into_iter().take(MOST) {
            params.add(sound(name), sound(value));
        }
        params
    }

    fn add(&mut self, name: Option<String>, value: Option<String>) {
        match (name, value) {
            (None, _) => self
                .problems
                .push(("a name".into(), ParamProblem::Malformed)),
            (Some(name), None) => self.problems.push((name, ParamProblem::Malformed)),
            (Some(name), Some(_)) if self.pairs.iter().any(|(known, _)| *known == name) => {
                self.problems.push((name, ParamProblem::Repeated));
            }
            (Some(name), Some(value)) => self.pairs.push((name, value)),
        }
    }

    /// The value of `name`, if it came and is not empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Every parameter is readable and came once.
    ///
    /// # Errors
    /// [`Reason::ParameterRepeated`] (RFC 6749 3.1), [`Reason::ParameterMalformed`].
    pub fn sound(&self) -> Result<(), Refusal> {
        self.problems
            .first()
            .map_or(Ok(()), |(name, problem)| Err(problem.refused(name)))
    }

    /// As [`Params::sound`], for these parameters alone.
    ///
    /// # Errors
    /// As [`Params::sound`].
    pub fn sound_in(&self, names: &[&str]) -> Result<(), Refusal> {
        let first = self
            .problems
            .iter()
            .find(|(name, _)| names.contains(&name.as_str()));
        first.map_or(Ok(()), |(name, problem)| Err(problem.refused(name)))
    }

    /// With `signed` in the place of what has the same name, and without the `request` that it came in.
    #[must_use]
    pub fn overridden_by(&self, signed: Self) -> Self {
        let stays =
            |name: &str| name != "request" && !signed.pairs.iter().any(|(known, _)| known == name);
        let pairs = self.pairs.iter().filter(|(name, _)| stays(name)).cloned();
        let problems = self.problems.iter().cloned();
        Self {
            pairs: pairs.chain(signed.pairs.clone()).collect(),
            problems: problems.chain(signed.problems).collect(),
        }
    }

    /// These parameters alone.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let pairs = self
            .pairs
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .cloned()
            .collect();
        let problems = self
            .problems
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .cloned()
            .collect();
        Self { pairs, problems }
    }

    /// Names and values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As a query or form again.
    pub fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.pairs)
            .finish()
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}
