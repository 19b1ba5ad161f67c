//! The queue of signatures: turns, halves, deadlines.

use latchkey_protocol::ClientId;
use std::sync::mpsc;

use super::*;

/// One thread, kept busy until the sender is used.
async fn busy() -> (
    Arc<Signing>,
    mpsc::Sender<()>,
    tokio::task::JoinHandle<Result<(), Busy>>,
) {
    let signing = Arc::new(Signing::new(1));
    let (go_on, wait) = mpsc::channel();
    let (began, begun) = oneshot::channel();
    let first = signing.clone();
    // Somebody seems to be waiting, so that nothing is signed on the caller's thread.
    signing.0.ahead.fetch_add(1, Ordering::Relaxed);
    let held = tokio::spawn(async move {
        let work = move || {
            let _begun = began.send(());
            let _ended = wait.recv();
        };
        first.run(&ClientId::new("app"), 1, work).await
    });
    begun.await.expect("the first job began");
    (signing, go_on, held)
}

#[tokio::test]
async fn what_would_wait_too_long_is_refused_at_once() {
    let (signing, go_on, held) = busy().await;
    let other = signing.clone();
    let waiting =
        tokio::spawn(async move { other.run(&ClientId::new("app"), 10_000, || ()).await });
    while !signing.is_full() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        signing.run(&ClientId::new("app"), 1, || ()).await,
        Err(Busy)
    );
    go_on.send(()).expect("the thread waits");
    assert_eq!(
        (held.await.expect("joined"), waiting.await.expect("joined")),
        (Ok(()), Ok(()))
    );
}

#[tokio::test]
async fn nothing_is_signed_for_who_has_gone() {
    let (signing, go_on, held) = busy().await;
    let (made, signed) = mpsc::channel();
    let gone = signing.clone();
    let sender = made.clone();
    let gone = tokio::spawn(async move {
        gone.run(&ClientId::new("app"), 1, move || sender.send("gone"))
            .await
    });
    while signing.0.lock().jobs.is_empty() {
        tokio::task::yield_now().await;
    }
    gone.abort();
    let there = signing.clone();
    let there = tokio::spawn(async move {
        there
            .run(&ClientId::new("app"), 1, move || made.send("there"))
            .await
    });
    drop(gone.await);
    go_on.send(()).expect("the thread waits");
    there
        .await
        .expect("joined")
        .expect("not busy")
        .expect("sent");
    held.await.expect("joined").expect("not busy");
    assert_eq!(signed.iter().collect::<Vec<_>>(), ["there"]);
}

#[tokio::test]
async fn what_has_waited_too_long_is_refused_when_its_turn_comes() {
    let (signing, go_on, held) = busy().await;
    let late = signing.clone();
    let late = tokio::spawn(async move { late.run(&ClientId::new("app"), 1, || ()).await });
    while signing.0.lock().jobs.is_empty() {
        tokio::task::yield_now().await;
    }
    std::thread::sleep(STALE + Duration::from_millis(50));
    go_on.send(()).expect("the thread waits");
    assert_eq!(late.await.expect("joined"), Err(Busy));
    held.await.expect("joined").expect("not busy");
}

#[tokio::test]
async fn a_lone_caller_is_served_where_it_is() {
    let signing = Signing::new(1);
    let here = std::thread::current().id();
    assert_eq!(
        signing
            .run(&ClientId::new("app"), 1, || std::thread::current().id())
            .await,
        Ok(here)
    );
}

#[tokio::test]
async fn one_client_has_no_more_than_half_of_what_may_wait() {
    let (signing, go_on, held) = busy().await;
    let run = |client: &'static str| {
        let signing = signing.clone();
        tokio::spawn(async move { signing.run(&ClientId::new(client), 25, || ()).await })
    };
    let greedy: Vec<_> = (0..100).map(|_| run("greedy")).collect();
    while greedy.iter().filter(|job| job.is_finished()).count() + signing.0.lock().jobs.len()
        < greedy.len()
    {
        tokio::task::yield_now().await;
    }
    assert!(!signing.is_full(), "there is room for others");
    assert!(
        signing.is_full_for(|| Some(ClientId::new("greedy")))
            && !signing.is_full_for(|| Some(ClientId::new("other")))
    );
    let other = run("other");
    tokio::task::yield_now().await;
    go_on.send(()).expect("the thread waits");
    assert_eq!(other.await.expect("joined"), Ok(()));
    let mut served = 0;
    for job in greedy {
        served += usize::from(job.await.expect("joined").is_ok());
    }
    // 0.35 s of 0.4 ms each.
    assert_eq!(served, 35);
    held.await.expect("joined").expect("not busy");
    assert!(signing.0.lock().waiting.is_empty());
}

#[tokio::test]
async fn a_panic_where_the_caller_is_leaves_nothing_ahead() {
    let signing = Arc::new(Signing::new(1));
    let panicking = signing.clone();
    let ended = tokio::spawn(async move {
        panicking
            .run(&ClientId::new("app"), 1, || panic!("in a signature"))
            .await
    });
    assert!(ended.await.is_err());
    assert_eq!(signing.0.ahead.load(Ordering::Relaxed), 0);
}
