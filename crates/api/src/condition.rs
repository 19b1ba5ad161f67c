//! `If-Match`: what is done only to a record as its caller has read it (RFC 9110 13.1.1).

use actix_web::http::header;

use crate::{
    answer::Answer,
    asked::Asked,
    problem::{Kind, Problem},
    route::{IfMatch, Method},
};

/// As often as it is tried, where others change the record all the time.
const TRIES: usize = 10;

impl Asked<'_> {
    /// Whether the record is still as the caller has read it.
    ///
    /// # Errors
    /// No `If-Match`, or one that names other versions.
    pub fn matched(&self, etag: &str) -> Result<(), Problem> {
        match self.matched_if_sent(etag)? {
            true => Ok(()),
            false => {
                let detail = "send If-Match with the ETag of the record as you have read it";
                Err(Problem::new(Kind::Unconditional, detail))
            }
        }
    }

    /// Whether the caller names versions, or says that there has to be one; the record's is among them.
    ///
    /// # Errors
    /// An `If-Match` that names other versions.
    pub fn matched_if_sent(&self, etag: &str) -> Result<bool, Problem> {
        match self.if_match() {
            None => Ok(false),
            Some(sent) if sent == "*" => Ok(true),
            Some(sent) if sent.split(',').any(|one| one.trim() == etag) => Ok(true),
            Some(_) => Err(changed().header(header::ETAG, etag)),
        }
    }

    /// Whether an `If-Match` names versions: only then has the record to be as it was read until something is done to it.
    pub fn names_versions(&self) -> bool {
        self.if_match().is_some_and(|sent| sent != "*")
    }

    /// For a record that is not there.
    ///
    /// # Errors
    /// Any `If-Match`.
    pub fn unmatched(&self) -> Result<(), Problem> {
        self.if_match().map_or(Ok(()), |_| Err(changed()))
    }

    /// For an address whose answers name no version: none can be the one that was sent.
    ///
    /// # Errors
    /// An `If-Match` that names versions.
    pub fn unversioned(&self) -> Result<(), Problem> {
        let is_judged = self.route.if_match != IfMatch::Ignored || self.route.method == Method::Get;
        match self.if_match() {
            Some(sent) if !is_judged && sent != "*" => {
                let detail = "what is at this address has no ETag: leave If-Match out, or send *";
                Err(Problem::new(Kind::Changed, detail))
            }
            _ => Ok(()),
        }
    }

    /// All that was sent, as one line. What is no text matches nothing.
    fn if_match(&self) -> Option<String> {
        let lines = self.call.request.headers().get_all(header::IF_MATCH);
        let lines: Vec<_> = lines
            .map(|line| line.to_str().unwrap_or_default().trim())
            .collect();
        (!lines.is_empty()).then(|| lines.join(","))
    }
}

/// Somebody else has changed the record since it was read.
fn changed() -> Problem {
    let detail = "read the record again, and send the ETag that comes with it";
    Problem::new(Kind::Changed, detail)
}

/// Does something to a record as `attempt` reads it: once more where somebody else was faster. An `If-Match` that names a
/// version is refused then, and `*` is met by the next one.
///
/// # Errors
/// Those of `attempt`.
pub async fn as_read(
    attempt: impl AsyncFn() -> Result<Answer, Problem>,
) -> Result<Answer, Problem> {
    for _ in 1..TRIES {
        match attempt().await {
            Err(problem) if problem.is_contended => {}
            done => return done,
        }
    }
    attempt().await
}
