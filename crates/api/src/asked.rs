//! A call that may be made: what stands in its address, its headers and its body.

use std::collections::HashMap;

use actix_web::{HttpRequest, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_operations::{Actor, Caller, Operations};
use latchkey_protocol::{
    ClientId, Params, Timestamp, audit::FrontEnd, client::Client, page::Page, paths, uri,
};
use latchkey_ui::{
    Ui,
    call::{Call, request_id},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Api,
    answer::Answer,
    problem::{Kind, Problem},
    route::Route,
};

/// Records of one piece of a list, unless the call says how many.
const USUAL: i64 = 50;
/// The most.
pub const MOST: i64 = 200;
/// The longest cursor, and the longest part of an address, in bytes.
const LONGEST: usize = 1024;

/// A call by a client that may make it.
pub struct Asked<'a> {
    pub ui: &'a web::Data<Ui>,
    pub api: &'a Api,
    pub call: Call<'a>,
    pub client: Client,
    pub route: &'static Route,
    pub body: &'a [u8],
    query: Params,
    parts: HashMap<String, String>,
}

/// A list, piece by piece.
#[derive(Serialize)]
struct Piece<V> {
    items: Vec<V>,
    next: Option<String>,
}

impl<'a> Asked<'a> {
    /// Reads the address.
    ///
    /// # Errors
    /// Parameters that are unknown, repeated or malformed; an address that names nothing.
    pub fn new(
        (ui, api): (&'a web::Data<Ui>, &'a Api),
        call: Call<'a>,
        client: Client,
        route: &'static Route,
        body: &'a [u8],
    ) -> Result<Self, Problem> {
        Ok(Self {
            ui,
            api,
            query: query(call.request, route)?,
            parts: parts(call.request)?,
            call,
            client,
            route,
            body,
        })
    }

    /// Who calls, for the audit log.
    pub fn caller(&self) -> Caller {
        Caller {
            actor: Actor::Client {
                id: self.client.id.clone(),
            },
            front_end: FrontEnd::Api,
            address: Some(self.call.address),
            request_id: Some(request_id(self.call.request)).filter(|id| !id.is_empty()),
        }
    }

    /// What can be done, by this client from this address.
    pub fn operations(&self) -> Operations<'a> {
        Operations {
            store: &*self.ui.store,
            entropy: &*self.ui.entropy,
            caller: self.caller(),
            now: self.call.now,
        }
    }

    /// A part of the address, as the route names it.
    pub fn part(&self, name: &str) -> &str {
        self.parts.get(name).map_or("", String::as_str)
    }

    /// A part of the address that is a client's id.
    pub fn client_id(&self) -> ClientId {
        ClientId::new(self.part("client_id"))
    }

    /// A parameter of the address.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.optional(name)
    }

    /// A parameter of the address that is read as something else than a text.
    ///
    /// # Errors
    /// A value that is none.
    pub fn read<T>(
        &self,
        name: &str,
        fix: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let given = self.parameter(name);
        let wrong = |value: &str| Problem::parameter(name, format!("{value:?} is none"), fix);
        given
            .map(|value| read(value).ok_or_else(|| wrong(value)))
            .transpose()
    }

    /// A parameter of the address that is a moment, in seconds since 1970.
    ///
    /// # Errors
    /// A value that is none.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.read(name, "a number of seconds since 1970", |text| {
            let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
            seconds.map(Timestamp::from_seconds)
        })
    }

    /// The address of a record under this API.
    pub fn at(&self, path: &str) -> String {
        self.call.realm.at(&format!("{}{path}", paths::API_V1))
    }

    /// Which piece of a list, with one more than is shown: it says whether there is a next one.
    ///
    /// # Errors
    /// A limit out of its range, a cursor that is none.
    pub fn page<C: DeserializeOwned>(&self) -> Result<Page<C>, Problem> {
        let fits = |text: &str| {
            let limit: i64 = text.parse().ok()?;
            (1..=MOST).contains(&limit).then_some(limit)
        };
        let limit = self.read("limit", "a number from 1 to 200", fits)?;
        let fix = "send `next` of the piece before as it came, with the same parameters";
        Ok(Page {
            after: self.read("cursor", fix, cursor)?,
            limit: limit.unwrap_or(USUAL) + 1,
        })
    }

    /// The piece, and where the next one begins.
    ///
    /// # Errors
    /// What cannot be written as JSON.
    pub fn listed<R, V: Serialize, C: Serialize>(
        &self,
        page: &Page<C>,
        mut records: Vec<R>,
        place: impl Fn(&R) -> C,
        shown: impl Fn(R) -> V,
    ) -> Result<Answer, Problem> {
        let most = usize::try_from(page.limit - 1).unwrap_or_default();
        let more = records.len() > most;
        records.truncate(most);
        let last = records.last().filter(|_| more).map(&place);
        self.piece(records.into_iter().map(shown).collect(), last.as_ref())
    }

    /// A piece, and the place after which the next one begins.
    ///
    /// # Errors
    /// What cannot be written as JSON.
    pub fn piece<V: Serialize>(
        &self,
        items: Vec<V>,
        last: Option<&impl Serialize>,
    ) -> Result<Answer, Problem> {
        let next = last.map(|place| {
            let place = serde_json::to_vec(place).unwrap_or_default();
            URL_SAFE_NO_PAD.encode(place)
        });
        let link = next.as_deref().map(|next| self.with_cursor(next));
        Ok(Answer::ok(&Piece { items, next })?.next(link))
    }

    /// This address with another cursor.
    fn with_cursor(&self, next: &str) -> String {
        let others = self.query.pairs().filter(|(name, _)| *name != "cursor");
        let query: Vec<_> = others.chain([("cursor", next)]).collect();
        let base = self.call.realm.issuer.base();
        let path = self.call.request.path();
        let path = path.strip_prefix(base).unwrap_or(path);
        uri::with_query(&self.call.realm.at(path), &query)
    }
}

fn cursor<C: DeserializeOwned>(text: &str) -> Option<C> {
    let bytes = Some(text).filter(|text| text.len() <= LONGEST)?;
    let place = URL_SAFE_NO_PAD.decode(bytes).ok()?;
    // A text of it goes into a comparison, and PostgreSQL has no NUL.
    let has_nul = String::from_utf8_lossy(&place).contains("\\u0000");
    (!has_nul).then(|| serde_json::from_slice(&place).ok())?
}

fn query(request: &HttpRequest, route: &Route) -> Result<Params, Problem> {
    let query = Params::parse(request.query_string().as_bytes());
    query.sound().map_err(|refused| {
        let detail = refused.detail;
        Problem::new(
            Kind::Parameter,
            format!("{}: expected {}", detail.received, detail.expected),
        )
    })?;
    let is_known = |name: &str| route.parameters().any(|known| known.name == name);
    if let Some((name, _)) = query.pairs().find(|(name, _)| !is_known(name)) {
        let known: Vec<_> = route.parameters().map(|known| known.name).collect();
        let fix = match known.as_slice() {
            [] => "leave it out".to_owned(),
            known => format!("leave it out, or use one of {}", known.join(", ")),
        };
        return Err(Problem::parameter(name, "there is no such parameter", fix));
    }
    if let Some((name, _)) = query.pairs().find(|(_, value)| value.is_empty()) {
        return Err(Problem::parameter(name, "it is empty", "leave it out"));
    }
    Ok(query)
}

/// The parts of the address, decoded once.
fn parts(request: &HttpRequest) -> Result<HashMap<String, String>, Problem> {
    let missing = || Problem::new(Kind::Missing, "there is nothing at this address");
    let mut parts = HashMap::new();
    for (name, _) in request.match_info().iter() {
        let encoded = request.match_info().get(name).unwrap_or_default();
        let text = unescape(encoded).ok_or_else(missing)?;
        let fits = !text.is_empty() && text.len() <= LONGEST && !text.contains('\0');
        if !fits {
            return Err(missing());
        }
        parts.insert(name.to_owned(), text);
    }
    Ok(parts)
}

/// What the router has left encoded, as a slash (RFC 3986 2.1).
fn unescape(encoded: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        decoded.push(match byte {
            b'%' => u8::try_from(digit()? * 16 + digit()?).ok()?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}
