//! Logout tokens on their way, and what became of them, the newest first; sending one again.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use latchkey_protocol::{
    ClientId, Params, StoreError, UserId,
    deliveries::{Again, DeliveryState, ReceiptFilter, ReceiptsOf},
    names::Login,
    page::Page,
    uri,
};
use latchkey_ui::{failure::Failure, render::render};

use super::{
    confirm::{self, Question},
    problem::refusal,
    receipt::ReceiptRow,
};
use crate::{
    layout::{Frame, Section, cut},
    shell::word,
    visit::Visit,
};

/// Deliveries on a page.
const LIMIT: i64 = 50;
/// In the address of what is sent again: all dead letters.
const DEAD: &str = "dead";

#[derive(Template)]
#[template(path = "console/deliveries.html")]
struct Deliveries<'a> {
    frame: Frame<'a>,
    asked: Asked<'a>,
    receipts: Vec<ReceiptRow>,
    is_first: bool,
    next: Option<String>,
}

/// What the address asks for.
struct Asked<'a> {
    state: &'static str,
    client: &'a str,
    user: &'a str,
    filter: ReceiptFilter,
    is_user_unknown: bool,
}

impl<'a> Asked<'a> {
    async fn new(visit: &Visit<'_>, query: &'a Params) -> Result<Self, StoreError> {
        let typed = |name| query.optional(name).unwrap_or_default().trim();
        let (client, user) = (typed("client"), typed("user"));
        let state = DeliveryState::from_name(typed("state"));
        let store = &visit.ui().store;
        let owner: Option<UserId> = match user {
            "" => None,
            user => store.user_by_login(&Login::new(user)).await?.map(|u| u.id),
        };
        Ok(Self {
            state: state.map(DeliveryState::name).unwrap_or_default(),
            client,
            user,
            is_user_unknown: !user.is_empty() && owner.is_none(),
            filter: ReceiptFilter {
                state,
                client: Some(ClientId::new(client)).filter(|_| !client.is_empty()),
                user: owner,
                newest_first: true,
            },
        })
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("state", self.state),
            ("client", self.client),
            ("user", self.user),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// The command that lists the same.
    fn command(&self) -> String {
        let mut command = "latchkey delivery list".to_owned();
        for (option, value) in self.named() {
            command.push_str(&format!(" --{option} {}", word(value)));
        }
        command
    }

    /// The address of what comes after a number.
    fn after(&self, base: &str, last: i64) -> String {
        let after = last.to_string();
        let query: Vec<_> = self.named().chain([("after", after.as_str())]).collect();
        uri::with_query(&format!("{base}/admin/deliveries"), &query)
    }
}

/// `GET /admin/deliveries`.
pub async fn list(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let query = visit.arrival.query();
    query.sound()?;
    let asked = Asked::new(visit, &query).await?;
    let after = query.optional("after").and_then(|after| after.parse().ok());
    let page = Page {
        after,
        // One more than is shown says whether there is a next page.
        limit: LIMIT + 1,
    };
    let of = ReceiptsOf::Filtered(&asked.filter);
    let mut listed = match asked.is_user_unknown {
        true => Vec::new(),
        false => visit.ui().store.receipts(of, &page).await?,
    };
    let goes_on = cut(&mut listed, LIMIT);
    let last = listed.last().filter(|_| goes_on);
    let page = Deliveries {
        frame: Frame::new(visit, Section::Deliveries),
        next: last.map(|last| asked.after(visit.arrival.base(), last.id)),
        receipts: listed
            .into_iter()
            .map(|receipt| ReceiptRow::new(receipt, false))
            .collect(),
        is_first: after.is_none(),
        asked,
    };
    Ok(render(&page, StatusCode::OK, false))
}

/// Title, text and command of what is sent again.
fn texts(id: &str) -> (&'static str, &'static str, String) {
    if id == DEAD {
        let command = "latchkey delivery retry --dead".to_owned();
        return (
            "console-retry-dead-title",
            "console-retry-dead-text",
            command,
        );
    }
    let command = format!("latchkey delivery retry {}", word(id));
    ("console-retry-title", "console-retry-text", command)
}

fn question(visit: &Visit<'_>, problem: Option<String>) -> HttpResponse {
    let (title, text, command) = texts(visit.part("id"));
    let asked = Question {
        title,
        text,
        whom: visit.part("id"),
        press: "console-retry",
        is_dangerous: false,
        back: "/admin/deliveries",
        command,
        problem,
        section: Section::Deliveries,
    };
    confirm::page(visit, &asked)
}

/// `GET /admin/deliveries/{id}/retry`.
pub async fn ask_retry(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    Ok(question(visit, None))
}

/// `POST /admin/deliveries/{id}/retry`.
pub async fn retry(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let what = match visit.part("id") {
        DEAD => Again::Dead,
        // No delivery has a number below 1.
        id => Again::One(id.parse().unwrap_or(0)),
    };
    let sent = visit.operations().retry_deliveries(what).await;
    match (sent, what) {
        (Ok(0), Again::One(_)) => {
            let busy = visit.arrival.words().say("console-retry-busy");
            Ok(question(visit, Some(busy)))
        }
        (Ok(_), Again::Dead) => Ok(visit.arrival.go("/admin/deliveries?done=sent-again")),
        (Ok(_), Again::One(id)) => {
            // To where its receipt is seen to come.
            let receipt = visit.ui().store.receipt(id).await?;
            let at = receipt.map_or("/admin/deliveries".to_owned(), |receipt| {
                format!("/admin/sessions/{}", receipt.end.session_id)
            });
            Ok(visit.arrival.go(&format!("{at}?done=sent-again")))
        }
        (Err(error), _) => Ok(question(visit, Some(refusal(visit, error)?))),
    }
}
