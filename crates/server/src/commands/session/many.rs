//! The end of all sessions of a client, or of all there are, and who has heard of it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use latchkey_operations::{
    Operations,
    bulk_ends::{PIECES, WAITING_AT_MOST},
};
use latchkey_protocol::{
    ClientId, Clock,
    bulk_end::BulkEnd,
    deliveries::{DeliveryState, Receipt, ReceiptFilter, ReceiptsOf},
    page::Page,
};
use serde_json::{Value, json};

use crate::{
    commands::{
        at::At,
        delivery::answered,
        print::{done, printable, say},
        progress::Progress,
    },
    wiring::SystemClock,
};

/// Between two pieces, so that the server's own writes come between.
const PAUSE: Duration = Duration::from_millis(10);
/// Between two looks whether there is room for more logout tokens.
const ROOM: Duration = Duration::from_secs(1);
/// Between two looks whether clients have taken them.
const LOOKED_EVERY: Duration = Duration::from_millis(200);
/// Receipts that are read at once.
const PIECE: i64 = 500;
/// Clients that are named in one sentence.
const NAMED: usize = 5;

/// Of a client, or all. It counts as soon as it has begun; a server that runs helps, and goes on where this one is killed.
/// `wait`: for the receipts of all, so long at most.
pub async fn end(
    at: &At,
    client: Option<String>,
    wait: Option<Duration>,
    json: bool,
) -> Result<()> {
    let after = newest(at).await?;
    let limit = wait.map(Limit::from_now);
    let end = finish(at, begin(at, client.as_deref()).await?, limit).await?;
    let mut sentence = format!("ended {} sessions", end.ended);
    if let Some(id) = &client {
        sentence = format!("{sentence} with {id}");
    }
    let answer = json!({ "ended": end.ended, "client_id": client });
    let Some(limit) = limit else {
        done(json, &answer, &sentence);
        return Ok(());
    };
    if !json {
        say!("{sentence}");
    }
    let cause = end.cause().text();
    Receipts { after, cause }
        .wait(at, answer, limit, json)
        .await
}

/// How long all of it may take.
#[derive(Clone, Copy)]
struct Limit {
    most: Duration,
    until: Instant,
}

impl Limit {
    fn from_now(most: Duration) -> Self {
        let until = Instant::now() + most;
        Self { most, until }
    }

    fn is_over(self) -> bool {
        Instant::now() >= self.until
    }
}

async fn begin(at: &At, client: Option<&str>) -> Result<BulkEnd> {
    let operations = at.operations();
    Ok(match client {
        Some(id) => {
            let id = ClientId::new(id);
            operations.end_client_sessions(&id, None).await?
        }
        None => operations.end_all_sessions().await?,
    })
}

/// At this moment, which is not that of the beginning.
fn now(at: &At) -> Operations<'_> {
    Operations {
        now: SystemClock.now(),
        ..at.operations()
    }
}

/// Ends one session after another, until it is over.
///
/// # Errors
/// When there is no room for more logout tokens until then.
async fn finish(at: &At, begun: BulkEnd, limit: Option<Limit>) -> Result<BulkEnd> {
    let (mut end, mut progress) = (begun, Progress::new());
    for piece in 0.. {
        if end.done_at.is_some() {
            break;
        }
        if piece % PIECES == 0 {
            wait_for_room(at, &end, limit, &mut progress).await?;
        }
        let next = now(at).continue_bulk_end(end.id).await?;
        end = next.context("the end of these sessions is gone from the database")?;
        progress.say(|| format!("{} sessions ended", end.ended));
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(end)
}

async fn wait_for_room(
    at: &At,
    end: &BulkEnd,
    limit: Option<Limit>,
    progress: &mut Progress,
) -> Result<()> {
    while !now(at).make_room_for_logout_tokens(WAITING_AT_MOST).await? {
        if limit.is_some_and(Limit::is_over) {
            bail!(
                "all sessions count as ended, but too many logout tokens wait: those of {} sessions are in the queue; a server that runs goes on with it",
                end.ended
            );
        }
        progress.say(|| {
            format!(
                "{} sessions ended; the others count as ended, and apps hear of them as soon as there is room for more logout tokens",
                end.ended
            )
        });
        actix_web::rt::time::sleep(ROOM).await;
    }
    Ok(())
}

/// The number of the newest delivery.
async fn newest(at: &At) -> Result<i64> {
    let filter = ReceiptFilter {
        newest_first: true,
        ..ReceiptFilter::default()
    };
    let of = ReceiptsOf::Filtered(&filter);
    let newest = at.operations().receipts(of, &Page::first(1)).await?;
    Ok(newest.first().map_or(0, |receipt| receipt.id))
}

/// The deliveries that come of an end of many sessions: those with higher numbers and its cause.
struct Receipts {
    after: i64,
    cause: &'static str,
}

/// What a client has heard.
#[derive(Default)]
struct Heard {
    taken: usize,
    missing: usize,
    /// To one that is missing.
    answer: String,
}

impl Heard {
    fn add(&mut self, receipt: &Receipt) {
        match receipt.state {
            DeliveryState::Delivered => self.taken += 1,
            DeliveryState::Waiting | DeliveryState::Dead => {
                self.missing += 1;
                self.answer = printable(answered(receipt));
            }
        }
    }

    fn all(&self) -> usize {
        self.taken + self.missing
    }
}

impl Receipts {
    /// Looks at those of a state, or at all, until `is_enough`.
    async fn each(
        &self,
        at: &At,
        state: Option<DeliveryState>,
        mut is_enough: impl FnMut(&Receipt) -> bool,
    ) -> Result<()> {
        let filter = ReceiptFilter {
            state,
            ..ReceiptFilter::default()
        };
        let (of, mut after) = (ReceiptsOf::Filtered(&filter), Some(self.after));
        while let Some(last) = after {
            let page = Page::after(last, PIECE);
            let found = at.operations().receipts(of, &page).await?;
            let mut theirs = found.iter().filter(|receipt| receipt.cause == self.cause);
            if theirs.any(&mut is_enough) {
                break;
            }
            after = found.last().map(|last| last.id);
        }
        Ok(())
    }

    /// One that waits.
    async fn waiting(&self, at: &At) -> Result<Option<Receipt>> {
        let mut first = None;
        let keep = |receipt: &Receipt| {
            first = Some(receipt.clone());
            true
        };
        self.each(at, Some(DeliveryState::Waiting), keep).await?;
        Ok(first)
    }

    /// What each client has heard.
    async fn heard(&self, at: &At) -> Result<BTreeMap<String, Heard>> {
        let mut heard: BTreeMap<String, Heard> = BTreeMap::new();
        let add = |receipt: &Receipt| {
            let client = receipt.client_id.to_string();
            heard.entry(client).or_default().add(receipt);
            false
        };
        self.each(at, None, add).await?;
        Ok(heard)
    }

    /// Waits for them, and says by clients who has taken theirs.
    ///
    /// # Errors
    /// When one is missing at the limit.
    async fn wait(&self, at: &At, mut answer: Value, limit: Limit, json: bool) -> Result<()> {
        let mut progress = Progress::new();
        while let Some(waiting) = self.waiting(at).await? {
            if limit.is_over() {
                break;
            }
            let (client, last) = (&waiting.client_id, answered(&waiting));
            let text = format!("waiting for receipts, such as that of {client} {last}");
            progress.say(|| printable(text));
            actix_web::rt::time::sleep(LOOKED_EVERY).await;
        }
        let heard = self.heard(at).await?;
        if json {
            answer["clients"] = heard.iter().map(shown).collect();
            say!("{answer}");
        }
        for (client, heard) in heard.iter().filter(|_| !json) {
            say!(
                "{client}: {} of {} logout tokens taken",
                heard.taken,
                heard.all()
            );
        }
        outcome(&heard, limit.most)
    }
}

fn shown((client, heard): (&String, &Heard)) -> Value {
    let answer = Some(&heard.answer).filter(|_| heard.missing > 0);
    json!({ "client_id": client, "taken": heard.taken, "missing": heard.missing, "last": answer })
}

fn outcome(heard: &BTreeMap<String, Heard>, most: Duration) -> Result<()> {
    let missing: Vec<_> = heard.iter().filter(|(_, h)| h.missing > 0).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let count: usize = missing.iter().map(|(_, h)| h.missing).sum();
    let all: usize = heard.values().map(Heard::all).sum();
    let named = |(client, heard): &(&String, &Heard)| format!("{client} ({})", heard.answer);
    let mut names: Vec<_> = missing.iter().take(NAMED).map(named).collect();
    if missing.len() > NAMED {
        names.push(format!("and {} more", missing.len() - NAMED));
    }
    bail!(
        "the sessions have ended, but {count} of {all} logout tokens were not taken within {} s: {}; see latchkey delivery list --client ID",
        most.as_secs(),
        names.join(", ")
    )
}
