//! Without a PostgreSQL its half of the tests is skipped aloud; where one is required, that fails.

use std::process::{Command, Output};

fn quick_test(required: bool) -> Output {
    let mut tests = Command::new(std::env::current_exe().unwrap());
    tests
        .args([
            "--exact",
            "database_away::while_the_database_is_away_a_caller_waits_a_moment",
        ])
        .env_remove("LATCHKEY_TEST_POSTGRES")
        .env_remove("LATCHKEY_REQUIRE_POSTGRES");
    if required {
        tests.env("LATCHKEY_REQUIRE_POSTGRES", "1");
    }
    tests.output().unwrap()
}

#[test]
fn tests_without_postgresql_say_that_they_are_skipped_unless_it_is_required() {
    let skipped = quick_test(false);
    let said = String::from_utf8_lossy(&skipped.stderr);
    assert!(
        skipped.status.success() && said.contains("SKIPPED: no PostgreSQL"),
        "{said}"
    );
    assert!(String::from_utf8_lossy(&skipped.stdout).contains("1 passed"));
    assert!(!quick_test(true).status.success());
}
