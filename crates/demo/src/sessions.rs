//! The browsers that a demo app knows, and the sign-outs that it has heard of. Bounded: the oldest are forgotten.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use latchkey_protocol::{
    Timestamp,
    received_logout::{MARGIN, ReceivedLogout},
};

use crate::visit::{Ended, EndedBy, Pending, Step, Tokens, Visit};

/// Browsers, ended sessions and logout tokens that are remembered at once, each.
const MOST: usize = 1000;

#[derive(Default)]
pub struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By what their cookie says.
    visits: HashMap<String, Visit>,
    /// Their ids, oldest first.
    order: VecDeque<String>,
    /// `sid` of sessions that have ended, oldest first: a sign-in that was under way then must not outlive them.
    ended: VecDeque<(String, Ended, Step)>,
    /// The logout tokens that were acted upon, and when they end.
    spent: VecDeque<(String, Timestamp)>,
    revision: u64,
}

impl Sessions {
    pub fn find(&self, id: &str) -> Option<Visit> {
        self.lock().visits.get(id).cloned()
    }

    /// A browser that begins a sign-in.
    pub fn begin(&self, id: String, visit: Visit) {
        self.lock().insert(id, visit);
    }

    /// The sign-in that this browser has begun: to be answered once.
    pub fn take_pending(&self, id: &str) -> Option<(Visit, Pending)> {
        let mut known = self.lock();
        let visit = known.visits.get_mut(id)?;
        let pending = visit.pending.take()?;
        Some((visit.clone(), pending))
    }

    /// Whether nothing came between the reading of `visit` and this writing, as a sign-out: else nothing is written.
    pub fn change(&self, id: &str, mut visit: Visit) -> bool {
        let mut known = self.lock();
        if !known.is_unchanged(id, &visit) {
            return false;
        }
        visit.revision = known.next();
        known.visits.insert(id.to_owned(), visit);
        true
    }

    /// Adds what a signed-in browser has done, whatever else it did meanwhile: the steps of `done`, and its tokens where
    /// the visit still has those that it `began` with. Of one that was signed out meanwhile nothing is kept.
    pub fn add(&self, id: &str, began: &Tokens, done: Visit) {
        let mut known = self.lock();
        let revision = known.next();
        let visit = known.visits.get_mut(id);
        let Some(visit) = visit.filter(|visit| visit.tokens.is_some()) else {
            return;
        };
        // A refresh that was quicker has newer tokens: a refresh token that was rotated must not come back.
        if visit.tokens.as_ref() == Some(began) {
            visit.tokens = done.tokens;
            visit.sid = done.sid;
            visit.name = done.name;
        }
        for step in done.steps {
            visit.show(step);
        }
        visit.problem = done.problem;
        visit.revision = revision;
    }

    /// Signs in under a new id, which nobody knew before. If the provider's session has ended meanwhile, that is what
    /// the visit says from the start. Whether it was written, as for [`Self::change`].
    pub fn sign_in(&self, id: &str, new: String, mut visit: Visit) -> bool {
        let mut known = self.lock();
        if !known.is_unchanged(id, &visit) {
            return false;
        }
        known.remove(id);
        let over = known.ended.iter().find(|(sid, ..)| *sid == visit.sid);
        if let Some((_, ended, heard)) = over {
            visit.end(*ended, heard.clone());
        }
        known.insert(new, visit);
        true
    }

    /// Ends what this browser has, if `sid` is its session at the provider. Whether it is.
    pub fn end_of_browser(&self, id: &str, sid: &str, ended: Ended, heard: Step) -> bool {
        let mut known = self.lock();
        let revision = known.next();
        match known.visits.get_mut(id).filter(|visit| visit.sid == sid) {
            Some(visit) => {
                visit.end(ended, heard);
                visit.revision = revision;
                true
            }
            None => false,
        }
    }

    /// Acts upon a logout token, and remembers it afterwards: ends the session of every browser that it is about, and of
    /// those whose sign-in is not finished. How many there are.
    ///
    /// # Errors
    /// When it was acted upon before (Back-Channel Logout 1.0 2.6 step 7).
    pub fn end_by(
        &self,
        token: &ReceivedLogout,
        at: Timestamp,
        heard: &Step,
    ) -> Result<usize, String> {
        let ended = Ended {
            by: EndedBy::BackChannel,
            at,
        };
        let mut known = self.lock();
        known.spent.retain(|(_, exp)| *exp + MARGIN > at);
        if known.spent.iter().any(|(jti, _)| *jti == token.jti) {
            return Err("this logout token came before".into());
        }
        let revision = known.next();
        let mut count = 0;
        for visit in known.visits.values_mut().filter(|v| v.is_named_by(token)) {
            visit.end(ended, heard.clone());
            visit.revision = revision;
            count += 1;
        }
        if let Some(sid) = token.sid.clone() {
            push(&mut known.ended, (sid, ended, heard.clone()));
        }
        push(&mut known.spent, (token.jti.clone(), token.exp));
        Ok(count)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn next(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    fn is_unchanged(&self, id: &str, read: &Visit) -> bool {
        let now = self.visits.get(id);
        now.is_some_and(|visit| visit.revision == read.revision)
    }

    fn insert(&mut self, id: String, mut visit: Visit) {
        visit.revision = self.next();
        while self.order.len() >= MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.visits.remove(&oldest);
            }
        }
        self.order.push_back(id.clone());
        self.visits.insert(id, visit);
    }

    fn remove(&mut self, id: &str) {
        self.visits.remove(id);
        self.order.retain(|known| known != id);
    }
}

fn push<T>(among: &mut VecDeque<T>, new: T) {
    if among.len() >= MOST {
        among.pop_front();
    }
    among.push_back(new);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::step;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn visit(sub: &str, sid: &str) -> Visit {
        Visit {
            tokens: Some(Tokens::default()),
            subject: sub.into(),
            sid: sid.into(),
            ..Visit::default()
        }
    }

    fn token(jti: &str, names: serde_json::Value) -> ReceivedLogout {
        let mut claims = json!({
            "iss": "i", "aud": "a", "iat": NOW, "exp": NOW + 120, "jti": jti,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        for (name, value) in names.as_object().unwrap() {
            claims[name] = value.clone();
        }
        ReceivedLogout::read(claims, "i", "a", NOW).unwrap()
    }

    fn told(sessions: &Sessions, token: &ReceivedLogout) -> Result<usize, String> {
        sessions.end_by(token, NOW, &step("told", "", String::new()))
    }

    fn is_signed_in(sessions: &Sessions, id: &str) -> bool {
        sessions.find(id).unwrap().tokens.is_some()
    }

    #[test]
    fn a_token_ends_the_session_that_it_names_in_every_browser_and_no_other() {
        let sessions = Sessions::default();
        for (id, sub, sid) in [
            ("b1", "alice", "s1"),
            ("b2", "alice", "s1"),
            ("b3", "alice", "s2"),
            ("b4", "bob", "s3"),
        ] {
            sessions.begin(id.into(), visit(sub, sid));
        }
        let one = token("1", json!({ "sid": "s1", "sub": "alice" }));
        assert_eq!(told(&sessions, &one), Ok(2));
        let signed_in = |id| is_signed_in(&sessions, id);
        assert_eq!(
            ["b1", "b2", "b3", "b4"].map(signed_in),
            [false, false, true, true]
        );
        let ended = sessions.find("b1").unwrap().ended.unwrap();
        assert_eq!((ended.by, ended.at), (EndedBy::BackChannel, NOW));
        // Of a session and a user that do not belong together nothing ends; without a session all of the user's do.
        assert_eq!(
            told(
                &sessions,
                &token("2", json!({ "sid": "s3", "sub": "alice" }))
            ),
            Ok(0)
        );
        assert_eq!(
            told(&sessions, &token("3", json!({ "sub": "alice" }))),
            Ok(3)
        );
        assert_eq!(["b3", "b4"].map(signed_in), [false, true]);
    }

    #[test]
    fn a_token_is_acted_upon_once() {
        let sessions = Sessions::default();
        let one = token("1", json!({ "sid": "s1" }));
        assert_eq!(told(&sessions, &one), Ok(0));
        assert!(told(&sessions, &one).is_err());
        assert_eq!(told(&sessions, &token("2", json!({ "sid": "s1" }))), Ok(0));
    }

    #[test]
    fn nothing_that_was_under_way_outlives_the_end() {
        let sessions = Sessions::default();
        sessions.begin("old".into(), visit("alice", "s0"));
        sessions.begin("begun".into(), Visit::default());
        let (refreshing, mut signing_in) = (
            sessions.find("old").unwrap(),
            sessions.find("begun").unwrap(),
        );
        told(&sessions, &token("1", json!({ "sid": "s0" }))).unwrap();
        told(&sessions, &token("2", json!({ "sid": "s1" }))).unwrap();
        // A refresh whose answer comes after the sign-out.
        assert!(!sessions.change("old", refreshing));
        assert!(!is_signed_in(&sessions, "old"));
        // A sign-in whose session ended between the code and the answer.
        (signing_in.sid, signing_in.tokens) = ("s1".into(), Some(Tokens::default()));
        assert!(sessions.sign_in("begun", "new".into(), signing_in));
        let there = sessions.find("new").unwrap();
        assert!(there.tokens.is_none() && there.ended.is_some());
        assert!(
            sessions.find("begun").is_none(),
            "the id from before the sign-in is worth nothing"
        );
    }

    fn with_access(tokens: &str) -> Option<Tokens> {
        let access = tokens.into();
        Some(Tokens {
            access,
            ..Tokens::default()
        })
    }

    /// A visit that was read before, and what came of a call that began then.
    fn called(before: &Visit, said: &'static str, tokens: &str) -> Visit {
        Visit {
            tokens: with_access(tokens),
            steps: vec![step(said, "", String::new())],
            ..before.clone()
        }
    }

    #[test]
    fn tokens_and_steps_of_calls_at_once_are_all_kept() {
        let sessions = Sessions::default();
        sessions.begin("b".into(), visit("alice", "s1"));
        let before = sessions.find("b").unwrap();
        let began = before.tokens.clone().unwrap();
        let add = |said, tokens| sessions.add("b", &began, called(&before, said, tokens));
        // Another call was done before the refresh, and one comes after it with the tokens from before.
        add("userinfo", "");
        add("refresh", "new");
        add("api", "");
        let now = sessions.find("b").unwrap();
        assert_eq!(now.tokens, with_access("new"));
        let titles: Vec<_> = now.steps.iter().map(|step| step.title).collect();
        assert_eq!(titles, ["userinfo", "refresh", "api"]);
        // A slow refresh brings no tokens back that were replaced.
        add("slow refresh", "old");
        assert_eq!(sessions.find("b").unwrap().tokens, with_access("new"));
        // After the end nothing comes back at all.
        told(&sessions, &token("1", json!({ "sid": "s1" }))).unwrap();
        let ended = sessions.find("b").unwrap();
        sessions.add("b", &with_access("new").unwrap(), called(&now, "late", "x"));
        let there = sessions.find("b").unwrap();
        assert_eq!((there.tokens, there.steps.len()), (None, ended.steps.len()));
    }

    #[test]
    fn a_sign_in_is_answered_once() {
        let sessions = Sessions::default();
        let pending = Pending {
            state: "s".into(),
            nonce: "n".into(),
            verifier: "v".into(),
        };
        let begun = Visit {
            pending: Some(pending),
            ..Visit::default()
        };
        sessions.begin("b".into(), begun);
        assert!(sessions.take_pending("b").is_some());
        assert!(sessions.take_pending("b").is_none());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let sessions = Sessions::default();
        for n in 0..=MOST {
            sessions.begin(n.to_string(), visit("alice", "s"));
            told(
                &sessions,
                &token(&n.to_string(), json!({ "sid": format!("other {n}") })),
            )
            .unwrap();
        }
        assert!(sessions.find("0").is_none() && sessions.find("1").is_some());
        let known = sessions.lock();
        let sizes = [
            known.visits.len(),
            known.order.len(),
            known.ended.len(),
            known.spent.len(),
        ];
        assert_eq!(sizes, [MOST; 4]);
    }

    #[test]
    fn a_frame_ends_the_session_of_its_own_browser_alone() {
        let sessions = Sessions::default();
        for id in ["mine", "other"] {
            sessions.begin(id.into(), visit("alice", "s1"));
        }
        let ended = Ended {
            by: EndedBy::FrontChannel,
            at: NOW,
        };
        let end =
            |sid| sessions.end_of_browser("mine", sid, ended, step("framed", "", String::new()));
        assert!(!end("s2"));
        assert!(is_signed_in(&sessions, "mine"));
        assert!(end("s1"));
        assert!(!is_signed_in(&sessions, "mine") && is_signed_in(&sessions, "other"));
        // Told again by the back channel, the page still says what was first.
        told(&sessions, &token("1", json!({ "sid": "s1" }))).unwrap();
        assert_eq!(sessions.find("mine").unwrap().ended, Some(ended));
    }
}
