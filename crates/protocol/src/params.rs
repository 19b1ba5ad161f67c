use crate::reason::Reason;

/// Form or query parameters as they came, each at most once (RFC 6749 3.1, 3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    pairs: Vec<(String, String)>,
    repeated: Option<String>,
}

/// The most parameters looked at; what comes after is a flood, not a request.
const MOST: usize = 100;

/// One pair, its `&` taken off. Most, tokens above all, have nothing in them to decode.
fn pair(encoded: &[u8]) -> (String, String) {
    match std::str::from_utf8(encoded) {
        Ok(plain) if !encoded.contains(&b'%') && !encoded.contains(&b'+') => {
            let (name, value) = plain.split_once('=').unwrap_or((plain, ""));
            (name.to_owned(), value.to_owned())
        }
        _ => match url::form_urlencoded::parse(encoded).next() {
            Some((name, value)) => (name.into_owned(), value.into_owned()),
            None => Default::default(),
        },
    }
}

impl Params {
    /// Reads `application/x-www-form-urlencoded`. Empty values count as absent (RFC 6749 3.1).
    ///
    /// A repeated parameter is remembered, and refused by [`Params::once`] when it is known to the endpoint.
    pub fn parse(encoded: &[u8]) -> Self {
        let mut params = Self::default();
        let pairs = encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (name, value) in pairs.take(MOST).map(pair) {
            if params.pairs.iter().any(|(known, _)| *known == name) {
                params.repeated.get_or_insert(name);
            } else {
                params.pairs.push((name, value));
            }
        }
        params
    }

    /// The value of `name`, if it came and is not empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// # Errors
    /// [`Reason::ParameterRepeated`] when any parameter came twice (RFC 6749 3.1).
    pub fn once(&self) -> Result<(), Reason> {
        match self.repeated {
            Some(_) => Err(Reason::ParameterRepeated),
            None => Ok(()),
        }
    }

    /// As a query or form again.
    pub fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.pairs).finish()
    }

    pub fn repeated(&self) -> Option<&str> {
        self.repeated.as_deref()
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}
