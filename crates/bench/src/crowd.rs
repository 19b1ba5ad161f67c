//! More callers than can be served: what is still done for those who wait, and for those who ask for little.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use futures_util::future::join_all;
use tokio::time::{sleep, sleep_until, timeout};

use crate::{
    Load,
    client::{Connection, get, post},
    drive::{block_on, drive},
    server::Target,
    steps::{basic, login},
};

/// As long as a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Until a crowd has come to its steady state.
const WARM_UP: Duration = Duration::from_secs(2);

/// What a crowd got.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicUsize,
    refused: AtomicUsize,
    given_up: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    fn counts(&self) -> [usize; 4] {
        [&self.answered, &self.refused, &self.given_up, &self.failed]
            .map(|n| n.load(Ordering::Relaxed))
    }

    fn add(&self, status: Result<u16, ()>) {
        let counter = match status {
            Ok(200) => &self.answered,
            Ok(503 | 429) => &self.refused,
            Ok(_) | Err(()) => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn token_request() -> Vec<u8> {
    post("/token", &basic("bench"), "grant_type=client_credentials")
}

/// Runs all scenarios.
pub fn run(target: &Target, load: &Load, callers: usize) -> Result<()> {
    raise_descriptors()?;
    for _ in 0..load.runs {
        overload(target, load, callers)?;
    }
    bystanders(target, load, "nobody", |_| Ok(()))?;
    for connections in [512, 2000] {
        let name = format!("{connections} connections asking for tokens");
        bystanders(target, load, &name, |stop| {
            block_on(token_flood(target, connections, stop))
        })?;
    }
    bystanders(target, load, "32 browsers signing in", |stop| {
        block_on(login_flood(target, 32, stop))
    })?;
    at_once(target, 2000)
}

/// Twice the capacity, from callers that give up after a second and try again.
fn overload(target: &Target, load: &Load, callers: usize) -> Result<()> {
    let request = token_request();
    let capacity = drive(
        target,
        &Load {
            connections: 32,
            spin: false,
            ..*load
        },
        async |c, _| c.send(&request).await?.expect(200).map(|_| ()),
    )?;
    let period = Duration::from_secs_f64(callers as f64 / (2.0 * capacity.per_second));
    let (tally, measured) = (Tally::default(), Duration::from_secs(load.seconds));
    let (before, after, cpu) = block_on(async {
        let until = Instant::now() + WARM_UP + measured;
        let crowd = join_all((0..callers).map(|n| {
            caller(
                target,
                &request,
                period.mul_f64(n as f64 / callers as f64),
                period,
                until,
                &tally,
            )
        }));
        let watch = async {
            sleep(WARM_UP).await;
            let (before, cpu) = (tally.counts(), target.cpu_seconds());
            sleep(measured).await;
            (before, tally.counts(), target.cpu_seconds() - cpu)
        };
        Ok(tokio::join!(crowd, watch).1)
    })?;
    let rate = |n: usize| (after[n] - before[n]) as f64 / measured.as_secs_f64();
    let goodput = rate(0);
    println!(
        "overload: capacity {:.0}/s ({:.0} per CPU-s); twice that from {callers} callers who wait 1 s: answered {goodput:.0}/s, \
         goodput {:.2} ({:.2} per CPU-s), refused {:.0}/s, given up {:.0}/s, failed {:.0}/s",
        capacity.per_second,
        capacity.per_cpu_second,
        goodput / capacity.per_second,
        (after[0] - before[0]) as f64 / cpu.max(0.01) / capacity.per_cpu_second,
        rate(1),
        rate(2),
        rate(3)
    );
    Ok(())
}

/// One caller: a request in each period, and again at once when no answer came in time.
async fn caller(
    target: &Target,
    request: &[u8],
    phase: Duration,
    period: Duration,
    until: Instant,
    tally: &Tally,
) {
    let mut connection = None;
    let mut next = Instant::now() + phase;
    while next < until {
        sleep_until(next.into()).await;
        while Instant::now() < until {
            let asked = timeout(PATIENCE, async {
                let mut c = match connection.take() {
                    Some(c) => c,
                    None => target.connect(0).await?,
                };
                let answer = c.send(request).await?;
                anyhow::Ok((c, answer.status))
            });
            match asked.await {
                Ok(Ok((c, status))) => {
                    connection = Some(c);
                    tally.add(Ok(status));
                    break;
                }
                Ok(Err(_)) => {
                    tally.add(Err(()));
                    break;
                }
                Err(_) => tally.given_up.fetch_add(1, Ordering::Relaxed),
            };
        }
        next = (next + period).max(Instant::now());
    }
}

/// Asks again at once, whatever came.
async fn token_flood(target: &Target, connections: usize, stop: &AtomicBool) -> Result<()> {
    let request = token_request();
    let one = async |n| {
        let mut c = target.connect(n).await?;
        while !stop.load(Ordering::Relaxed) {
            c.send(&request).await?;
        }
        anyhow::Ok(())
    };
    join_all((0..connections).map(one))
        .await
        .into_iter()
        .collect()
}

async fn login_flood(target: &Target, connections: usize, stop: &AtomicBool) -> Result<()> {
    let one = async |n| {
        while !stop.load(Ordering::Relaxed) {
            let mut c = target.connect(n).await?;
            // Busy is an answer too.
            let _refused = login(&mut c, "bench").await;
        }
        anyhow::Ok(())
    };
    join_all((0..connections).map(one))
        .await
        .into_iter()
        .collect()
}

/// What the key set on a kept connection, and health on a new one each time, take beside a flood.
fn bystanders(
    target: &Target,
    load: &Load,
    name: &str,
    flood: impl FnOnce(&AtomicBool) -> Result<()> + Send,
) -> Result<()> {
    let stop = AtomicBool::new(false);
    let (mut keys, mut health) = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            // Whoever measures is not to wait for those who flood.
            let _priority = rustix::process::nice(10);
            flood(&stop)
        });
        let measured = block_on(async {
            sleep(WARM_UP).await;
            let until = Instant::now() + Duration::from_secs(load.seconds);
            Ok(tokio::join!(
                ask_for_keys(target, until),
                ask_for_health(target, until)
            ))
        });
        stop.store(true, Ordering::Relaxed);
        flooding
            .join()
            .map_err(|_| anyhow::anyhow!("the flood panicked"))??;
        let (keys, health) = measured?;
        anyhow::Ok((keys?, health?))
    })?;
    println!(
        "beside {name}: /jwks.json {}, /healthz {}",
        spread(&mut keys),
        spread(&mut health)
    );
    Ok(())
}

async fn ask_for_keys(target: &Target, until: Instant) -> Result<Vec<Duration>> {
    let mut c = target.connect(0).await?;
    let mut times = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        c.send(&get("/jwks.json", "")).await?.expect(200)?;
        times.push(begun.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    Ok(times)
}

async fn ask_for_health(target: &Target, until: Instant) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let begun = Instant::now();
        target
            .connect(0)
            .await?
            .send(&get("/healthz", ""))
            .await?
            .expect(200)?;
        times.push(begun.elapsed());
        sleep(Duration::from_millis(10)).await;
    }
    Ok(times)
}

/// That many connections in the same moment, each with one request.
fn at_once(target: &Target, connections: usize) -> Result<()> {
    let request = get("/jwks.json", "");
    let one = async |n| {
        let begun = Instant::now();
        let mut c: Connection = target.connect(n).await?;
        let connected = begun.elapsed();
        c.send(&request).await?.expect(200)?;
        anyhow::Ok((connected, begun.elapsed()))
    };
    let times: Result<Vec<_>> = block_on(async {
        join_all((0..connections).map(one))
            .await
            .into_iter()
            .collect()
    });
    let (mut connected, mut answered): (Vec<_>, Vec<_>) = times?.into_iter().unzip();
    println!(
        "{connections} connections at once: connected {}, answered {}",
        spread(&mut connected),
        spread(&mut answered)
    );
    Ok(())
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    let at = |percent: usize| {
        times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
    };
    let ms = |d: Option<&Duration>| d.map_or(f64::NAN, |d| d.as_secs_f64() * 1000.0);
    format!(
        "p50 {:.1} p99 {:.1} max {:.1} ms",
        ms(at(50)),
        ms(at(99)),
        ms(times.last())
    )
}

fn raise_descriptors() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    ensure!(
        limit.maximum.is_none_or(|most| most > 5000),
        "the hard limit of open descriptors is too low: {limit:?}"
    );
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?)
}
