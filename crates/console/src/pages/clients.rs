//! The list of clients.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    ClientId, Params,
    client::Client,
    client_list::{ClientCursor, ClientList, ClientSort},
    page::Page,
    uri,
};
use latchkey_ui::{failure::Failure, render::render};

use super::{client::kind, problem::failed};
use crate::{
    address,
    layout::{Frame, Section, cut, utc},
    visit::Visit,
};

/// Clients on a page.
const LIMIT: i64 = 50;

struct Row {
    path: String,
    id: String,
    name: String,
    /// The id of the word for it.
    kind: &'static str,
    is_enabled: bool,
    is_limited: bool,
    created: String,
}

impl Row {
    fn new(client: &Client) -> Self {
        Self {
            path: address::of_client(&client.id),
            id: client.id.to_string(),
            name: client.name().to_owned(),
            kind: kind(client),
            is_enabled: client.disabled_at.is_none(),
            is_limited: client.metadata.access.is_some(),
            created: utc(client.created_at),
        }
    }
}

#[derive(Template)]
#[template(path = "console/clients.html")]
struct Clients<'a> {
    frame: Frame<'a>,
    asked: ClientList,
    typed: &'a str,
    rows: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

impl Clients<'_> {
    /// The list in the order of a column: the other way round where it has that order already.
    fn sorted(&self, by: &str) -> String {
        let is_same = self.asked.sort().name() == by;
        let order = if is_same && !self.asked.is_descending {
            "desc"
        } else {
            "asc"
        };
        link(self.frame.base, self.typed, by, order, None)
    }

    /// For `aria-sort`; empty of a column that does not say the order.
    fn order(&self, by: &str) -> &'static str {
        match (self.asked.sort().name() == by, self.asked.is_descending) {
            (false, _) => "",
            (true, false) => "ascending",
            (true, true) => "descending",
        }
    }
}

fn link(base: &str, typed: &str, sort: &str, order: &str, after: Option<&str>) -> String {
    let mut query = vec![("sort", sort), ("order", order)];
    if !typed.is_empty() {
        query.push(("q", typed));
    }
    query.extend(after.map(|after| ("after", after)));
    uri::with_query(&format!("{base}/admin/clients"), &query)
}

/// What is asked for. What is no order is the first one.
fn asked(query: &Params, typed: &str) -> ClientList {
    let sort = query.optional("sort").and_then(ClientSort::parse);
    ClientList {
        begins: Some(typed.to_owned()).filter(|typed| !typed.is_empty()),
        sort: sort.unwrap_or_default(),
        is_descending: query.optional("order") == Some("desc"),
    }
}

/// `GET /admin/clients`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let typed = query.optional("q").unwrap_or_default().trim();
    let operations = visit.operations();
    if !typed.is_empty() && operations.client(&ClientId::new(typed)).await.is_ok() {
        return Ok(visit.arrival.go(&address::of_client(typed)));
    }
    let asked = asked(&query, typed);
    let after = query.optional("after");
    let after = after.and_then(|text| ClientCursor::parse(asked.sort(), text));
    let is_first = after.is_none();
    // One more than is shown says whether there is a next page.
    let page = Page {
        after,
        limit: LIMIT + 1,
    };
    let listed = operations.client_list(&asked, &page).await;
    let mut clients = listed.map_err(failed)?;
    let goes_on = cut(&mut clients, LIMIT);
    let last = clients.last().filter(|_| goes_on);
    let next = last.map(|last| {
        let order = if asked.is_descending { "desc" } else { "asc" };
        let (base, sort) = (visit.arrival.base(), asked.sort().name());
        let after = asked.cursor(last).text();
        link(base, typed, sort, order, Some(&after))
    });
    let page = Clients {
        frame: Frame::new(visit, Section::Clients),
        typed,
        rows: clients.iter().map(Row::new).collect(),
        asked,
        is_first,
        next,
    };
    Ok(render(&page, StatusCode::OK, false))
}
