//! What is tried again, how often, and what an address may say.

use super::*;

#[test]
fn pauses_grow_to_a_bound_and_are_not_in_step() {
    for (failures, longest) in [
        (1, 50),
        (2, 100),
        (3, 200),
        (6, 1600),
        (7, 2000),
        (40, 2000),
        (u32::MAX, 2000),
    ] {
        let longest = Duration::from_millis(longest);
        let paused = pause(failures);
        assert!(
            paused <= longest && paused >= longest / 2,
            "{failures}: {paused:?}"
        );
    }
    let different = (0..20)
        .map(|_| pause(7))
        .collect::<std::collections::BTreeSet<_>>();
    assert!(different.len() > 1, "{different:?}");
}

#[test]
fn limits_of_the_address_are_kept() {
    let plain = limited("postgres://u@h/db");
    assert!(
        plain.starts_with("postgres://u@h/db?connect_timeout=3&keepalives_idle=10"),
        "{plain}"
    );
    let given = limited("postgres://u@h/db?connect_timeout=30");
    assert!(
        given.contains("connect_timeout=30&keepalives") && !given.contains("connect_timeout=3&"),
        "{given}"
    );
}

#[test]
fn a_question_mark_in_a_password_begins_no_parameters() {
    for (address, joint) in [
        ("postgres://u:p?w@h/db", '?'),
        ("postgres://u:connect_timeout=1@h/db", '?'),
        ("postgres://u:p@h/connect_timeout", '?'),
        ("postgres://u:p?w@h/db?sslmode=require", '&'),
        ("postgres://u:p?w@h?sslmode=require", '&'),
        ("postgres:///db?host=/run&user=a@b", '&'),
    ] {
        assert_eq!(
            limited(address),
            limited("").replacen('?', &format!("{address}{joint}"), 1)
        );
    }
}

/// A statement that finds its connection broken each time.
struct Breaking {
    asked: Instant,
    abandoned: bool,
    runs: std::sync::Arc<AtomicUsize>,
}

impl Task for Breaking {
    fn asked(&self) -> Instant {
        self.asked
    }
    fn is_abandoned(&self) -> bool {
        self.abandoned
    }
    fn run(&mut self, _: &mut AnyConnection) -> TaskOutcome {
        self.runs.fetch_add(1, Ordering::Relaxed);
        TaskOutcome::Undone
    }
    fn tell(self: Box<Self>, _: Result<(), String>) {}
    fn refuse(self: Box<Self>, _: StoreError) {}
}

#[test]
fn work_is_not_repeated_once_its_caller_has_gone_on() {
    let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") else {
        // The conformance suite says so, or fails where a PostgreSQL is required.
        return;
    };
    let link = Link::new(&server);
    for (age, abandoned, expected) in [(0, false, RUNS), (0, true, 1), (11, false, 1)] {
        let runs = std::sync::Arc::new(AtomicUsize::new(0));
        let asked = Instant::now() - Duration::from_secs(age);
        let mut connection = connect(&server).ok();
        run(
            &link,
            &mut connection,
            Box::new(Breaking {
                asked,
                abandoned,
                runs: runs.clone(),
            }),
        );
        assert_eq!(runs.load(Ordering::Relaxed), expected, "{age} {abandoned}");
    }
}

#[test]
fn while_nobody_answers_one_tries_and_the_others_are_told_in_time() {
    let link = Link::new("postgres://u@127.0.0.1:1/none");
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let patience = Duration::from_millis(400);
                assert!(link.connection(Instant::now() + patience).is_none());
            });
        }
    });
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    // 25 to 50, 50 to 100, 100 to 200, 200 to 400 ms apart: not one try for each of the sixteen.
    assert!(
        (2..=6).contains(&link.lock().failures),
        "{}",
        link.lock().failures
    );
}
