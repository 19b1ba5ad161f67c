//! The status lists of the issuer: documents that are published, counted, pushed, and go wrong.

use std::{collections::HashMap, time::Duration};

use http::{Request, Response};
use latchkey_jose::SigningKey;
use latchkey_protocol::status::{StatusList, Width};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{BEGIN, Fault, ISSUER, Issuer, answer, claims, sign_as};

/// Below it all lists lie; itself, it names them.
pub const LISTS: &str = "/status-lists";

/// The one that tokens name here.
pub const LIST: &str = "https://id.example/status-lists/1";

#[derive(Default)]
pub struct Lists {
    documents: HashMap<String, Vec<u8>>,
    is_advertised: bool,
    waits: bool,
    fault: Option<(String, Fault)>,
    question_fault: Option<Fault>,
    coding: Option<String>,
    has_one_tag: bool,
    forgets_tags: bool,
    fetches: usize,
    questions: usize,
    /// Rises with each change that is told.
    version: watch::Sender<u64>,
}

impl Lists {
    pub fn advertise(&self, metadata: &mut Value) {
        if self.is_advertised {
            metadata["status_list_aggregation_endpoint"] = json!(format!("{ISSUER}{LISTS}"));
        }
    }

    pub fn fault(&self, path: &str) -> Option<Fault> {
        if path == LISTS && self.question_fault.is_some() {
            return self.question_fault.clone();
        }
        let (of, fault) = self.fault.as_ref()?;
        path.starts_with(of.as_str()).then(|| fault.clone())
    }
}

impl Issuer {
    /// Says in its metadata that there are lists, and answers questions for changes as soon as there is one.
    pub fn pushes(&self) {
        self.advertises();
        self.0.lock().unwrap().lists.waits = true;
    }

    /// Says in its metadata that there are lists.
    pub fn advertises(&self) {
        self.0.lock().unwrap().lists.is_advertised = true;
    }

    pub fn advertises_no_more(&self) {
        self.0.lock().unwrap().lists.is_advertised = false;
    }

    pub fn publish_list(&self, token: &str) {
        self.publish_list_at(LIST, token);
    }

    pub fn publish_list_at(&self, uri: &str, token: impl AsRef<[u8]>) {
        self.publish_silently(uri, token);
        let state = self.0.lock().unwrap();
        state.lists.version.send_modify(|version| *version += 1);
    }

    /// Without telling those who ask for changes.
    pub fn publish_silently(&self, uri: &str, token: impl AsRef<[u8]>) {
        let path = uri.strip_prefix(ISSUER).unwrap().to_owned();
        let mut state = self.0.lock().unwrap();
        state.lists.documents.insert(path, token.as_ref().to_vec());
    }

    /// What lies there goes wrong; keys do not.
    pub fn lists_fail(&self, path: &str, fault: impl Into<Option<Fault>>) {
        let fault = fault.into().map(|fault| (path.to_owned(), fault));
        self.0.lock().unwrap().lists.fault = fault;
    }

    /// Who asks for changes is not told of any more.
    pub fn questions_fail(&self, fault: Fault) {
        self.0.lock().unwrap().lists.question_fault = Some(fault);
    }

    /// What lies between takes the tags away that are asked with, and passes on that the issuer waits.
    pub fn forgets_tags_of_questions(&self) {
        self.0.lock().unwrap().lists.forgets_tags = true;
    }

    /// Its tags tell no list from the next one.
    pub fn tags_all_lists_alike(&self) {
        self.0.lock().unwrap().lists.has_one_tag = true;
    }

    /// Says of its lists that they are coded so, whatever they are.
    pub fn codes_lists(&self, coding: &str) {
        self.0.lock().unwrap().lists.coding = Some(coding.to_owned());
    }

    /// How often a list was asked for.
    pub fn list_fetches(&self) -> usize {
        self.0.lock().unwrap().lists.fetches
    }

    /// How often somebody asked for changes.
    pub fn questions(&self) -> usize {
        self.0.lock().unwrap().lists.questions
    }

    pub(super) async fn answer_of_lists(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let text = |name: &str| {
            request
                .headers()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        let (path, etag) = (request.uri().path(), text("If-None-Match"));
        if path == LISTS {
            return self.name_lists(etag, text("Prefer")).await;
        }
        assert_eq!(
            text("Accept").as_deref(),
            Some("application/statuslist+jwt")
        );
        assert_eq!(text("Accept-Encoding").as_deref(), Some("gzip"));
        // What lies between must not add its time.
        assert_eq!(text("Cache-Control").as_deref(), Some("no-cache"));
        let mut state = self.0.lock().unwrap();
        state.lists.fetches += 1;
        let Some(body) = state.lists.documents.get(path) else {
            return answer(404, Vec::new());
        };
        let sum = |sum: u64, byte: &u8| sum.wrapping_mul(31) + u64::from(*byte);
        let own = match state.lists.has_one_tag {
            true => "\"one\"".to_owned(),
            false => format!("\"{}\"", body.iter().fold(7, sum)),
        };
        let same = etag.as_ref() == Some(&own);
        let mut builder = Response::builder()
            .status(if same { 304 } else { 200 })
            .header("ETag", own);
        if let Some(coding) = &state.lists.coding {
            builder = builder.header("Content-Encoding", coding);
        }
        let body = if same { Vec::new() } else { body.clone() };
        builder.body(body).unwrap()
    }

    async fn name_lists(&self, etag: Option<String>, prefer: Option<String>) -> Response<Vec<u8>> {
        let (mut version, waits, etag) = {
            let lists = &mut self.0.lock().unwrap().lists;
            lists.questions += 1;
            let etag = etag.filter(|_| !lists.forgets_tags);
            (lists.version.subscribe(), lists.waits, etag)
        };
        let tag = |version: u64| format!("\"v{version}\"");
        let wait = prefer.and_then(|prefer| prefer.strip_prefix("wait=")?.parse().ok());
        if waits && let (Some(known), Some(wait)) = (&etag, wait) {
            let other = version.wait_for(|version| tag(*version) != *known);
            let _ = tokio::time::timeout(Duration::from_secs(wait), other).await;
        }
        let own = tag(*version.borrow());
        let same = etag.as_ref() == Some(&own);
        let mut builder = Response::builder().status(if same { 304 } else { 200 });
        if waits {
            builder = builder.header("Preference-Applied", "wait");
        }
        let body = json!({ "status_lists": [LIST] }).to_string().into_bytes();
        builder
            .header("ETag", own)
            .body(if same { Vec::new() } else { body })
            .unwrap()
    }
}

/// The claims of a good token, with its place in the list.
pub fn with_status(idx: u64) -> Value {
    with_status_at(LIST, json!(idx))
}

pub fn with_status_at(uri: &str, idx: Value) -> Value {
    let mut claims = claims();
    claims["status"] = json!({ "status_list": { "idx": idx, "uri": uri } });
    claims
}

/// A list of 64 tokens, of which these ended.
pub fn lst(ended: &[u64]) -> String {
    let mut list = StatusList::of_bytes(Width::One, vec![0; 8]);
    ended.iter().for_each(|idx| list.set(*idx, 1));
    list.lst()
}

/// The claims of a good list.
pub fn list_claims(ended: &[u64]) -> Value {
    json!({
        "iss": ISSUER, "sub": LIST, "iat": BEGIN, "exp": BEGIN + 60, "ttl": 5,
        "status_list": { "bits": 1, "lst": lst(ended) },
    })
}

/// Those with one of another value.
pub fn list_with(name: &str, value: Value) -> Value {
    let mut claims = list_claims(&[]);
    claims[name] = value;
    claims
}

pub fn list_token(key: &SigningKey, ended: &[u64]) -> String {
    sign_list(key, &list_claims(ended))
}

/// Made so many seconds after the first, and good for as long.
pub fn list_token_at(key: &SigningKey, ended: &[u64], seconds: i64) -> String {
    let mut claims = list_claims(ended);
    claims["iat"] = json!(BEGIN + seconds);
    claims["exp"] = json!(BEGIN + seconds + 60);
    sign_list(key, &claims)
}

pub fn sign_list(key: &SigningKey, claims: &Value) -> String {
    sign_as(key, "statuslist+jwt", claims)
}
