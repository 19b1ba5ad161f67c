//! Status lists: what they weigh on the wire, and how long a list takes to be made when something changed, and when nothing did.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use rand::seq::SliceRandom;
use serde_json::Value;

use crate::{
    client::{Connection, get},
    drive::block_on,
    server::{Server, Target},
};

/// Entries of a list, and of a row of what ended.
const ENTRIES: u32 = 1 << 20;
const OF_A_ROW: usize = 16;
/// Rows that are inserted at once.
const AT_ONCE: usize = 2_000;
/// How long the server may take to see what was inserted.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// The first list, past those that the server itself draws from.
const FIRST: u32 = 1_000;

/// So many live tokens, in lists, of which so many percent ended.
const CASES: [(u32, u32); 5] = [(1, 0), (1, 1), (1, 10), (1, 50), (10, 10)];

/// Prints a line for each case.
pub fn run(server: &Server) -> Result<()> {
    println!(
        "{:>12} {:>6} {:>6} {:>12} {:>12} {:>14} {:>14} {:>14}",
        "live tokens",
        "ended",
        "lists",
        "gzip bytes",
        "plain bytes",
        "made, list ms",
        "made, all ms",
        "unchanged ms"
    );
    let mut first = FIRST;
    for (lists, percent) in CASES {
        insert(server, first..first + lists, percent)?;
        let target = server.target();
        let measured = block_on(measure(&target, first..first + lists))?;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "{:>12} {:>5}% {lists:>6} {:>12} {:>12} {:>14.1} {:>14.1} {:>14.2}",
            u64::from(lists) * u64::from(ENTRIES),
            percent,
            measured.zipped,
            measured.plain,
            ms(measured.longest),
            ms(measured.made),
            ms(measured.unchanged)
        );
        first += lists;
    }
    Ok(())
}

/// Full lists, and what ended of them, behind the server's back.
#[allow(clippy::disallowed_methods)]
fn insert(server: &Server, lists: std::ops::Range<u32>, percent: u32) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let until = now + 3_600;
    let database = server.database();
    let bytes = |hex: &str| match database.url.starts_with("postgres") {
        true => format!("'\\x{hex}'"),
        false => format!("x'{hex}'"),
    };
    for list in lists {
        let mut places: Vec<u32> = (0..ENTRIES).collect();
        let ended = ENTRIES as usize / 100 * percent as usize;
        let (ended, _) = places.partial_shuffle(&mut rand::thread_rng(), ended);
        let rows: Vec<String> = ended
            .chunks(OF_A_ROW)
            .map(|row| {
                let hex: String = row
                    .iter()
                    .map(|idx| format!("{list:08x}{idx:08x}{until:08x}"))
                    .collect();
                format!("({until}, {})", bytes(&hex))
            })
            .collect();
        for rows in rows.chunks(AT_ONCE) {
            let rows = rows.join(",");
            database.script(&format!(
                "INSERT INTO ended_tokens (until_at, entries) VALUES {rows};"
            ))?;
        }
        // Last, so that the list appears with all that ended.
        database.script(&format!(
            "INSERT INTO status_lists (list, taken, leased_at, live_until) VALUES ({list}, {ENTRIES}, {now}, {until});"
        ))?;
    }
    Ok(())
}

/// Of all lists of a case.
struct Measured {
    zipped: usize,
    plain: usize,
    /// Of the first answers, compressed, signed and compressed again.
    made: Duration,
    longest: Duration,
    /// Of the second ones.
    unchanged: Duration,
}

async fn measure(target: &Target, lists: std::ops::Range<u32>) -> Result<Measured> {
    let mut c = target.connect(0).await?;
    let began = Instant::now();
    while !are_named(&mut c, lists.clone()).await? {
        ensure!(
            began.elapsed() < GIVEN_UP,
            "the server does not see the lists"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut measured = Measured {
        zipped: 0,
        plain: 0,
        made: Duration::ZERO,
        longest: Duration::ZERO,
        unchanged: Duration::ZERO,
    };
    for list in lists.clone() {
        let (size, took) = fetch(&mut c, list, true).await?;
        measured.zipped += size;
        measured.made += took;
        measured.longest = measured.longest.max(took);
    }
    for list in lists {
        measured.unchanged += fetch(&mut c, list, true).await?.1;
        measured.plain += fetch(&mut c, list, false).await?.0;
    }
    Ok(measured)
}

async fn are_named(c: &mut Connection, lists: std::ops::Range<u32>) -> Result<bool> {
    let named: Value = c
        .send(&get("/status-lists", ""))
        .await?
        .expect(200)?
        .json()?;
    let named = named["status_lists"].as_array().context("status_lists")?;
    let number = |uri: &Value| uri.as_str()?.rsplit('/').next()?.parse().ok();
    let named: BTreeSet<u32> = named.iter().filter_map(number).collect();
    Ok(lists.into_iter().all(|list| named.contains(&list)))
}

/// The bytes of a list, and how long they took.
async fn fetch(c: &mut Connection, list: u32, zipped: bool) -> Result<(usize, Duration)> {
    let encoding = match zipped {
        true => "Accept-Encoding: gzip\r\n",
        false => "",
    };
    let request = format!("GET /status-lists/{list} HTTP/1.1\r\nHost: b\r\n{encoding}\r\n");
    let began = Instant::now();
    let answer = c.send(request.as_bytes()).await?.expect(200)?;
    Ok((answer.body.len(), began.elapsed()))
}
