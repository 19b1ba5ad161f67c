//! The figures of the overview.

use latchkey_protocol::tally::Counted;

use super::*;

#[test]
fn the_overview_has_the_figures_that_the_console_draws() {
    on_both(async |h| {
        let caller = ops(&h, "ops", "latchkey.read").await;
        h.tokens(&h.browser()).await;
        let other = h.browser();
        let (at, page) = other.page(other.begin(&[]).await).await;
        other.act_as("alice", "wrong");
        assert_eq!(other.login(&at, &page.text).await.status, 401);
        let (store, clock) = (&*h.store, &*h.app.provider.clock);
        let figures = async |caller: &Ops<'_>, path: &str| {
            let got = caller.get(path).await;
            assert_eq!(got.status, 200, "{got:?}");
            got.json
        };
        let seen = figures(&caller, "/overview").await;
        let counts = |seen: &Value| {
            let of = |name| seen[name].as_i64().unwrap();
            [of("sign_ins"), of("failed_sign_ins"), of("tokens")]
        };
        // The token of the caller was issued, too.
        assert_eq!(counts(&seen), [1, 1, 2], "before they are added up");
        latchkey_server::tally::add(&h.app.ui.tally, store, clock).await;
        assert_eq!(h.app.ui.tally.so_far(Counted::Tokens), 0);
        let seen = figures(&caller, "/overview?period=day").await;
        assert_eq!(counts(&seen), [1, 1, 2], "and after that");
        assert_eq!(
            (&seen["period"], &seen["active_sessions"]),
            (&json!("day"), &json!(1))
        );
        let spans = seen["spans"].as_array().unwrap();
        assert_eq!(spans.len(), 24);
        assert_eq!(
            (&spans[23]["tokens"], &spans[22]["tokens"]),
            (&json!(2), &json!(0))
        );
        assert_eq!(spans[23]["sessions"], 1);
        let begin = |at: usize| spans[at]["begin"].as_i64().unwrap();
        assert_eq!((begin(23) - begin(22), begin(0) % 3600), (3600, 0));
        h.pass(25 * 3600);
        let caller = caller.again().await;
        assert_eq!(figures(&caller, "/overview").await["sign_ins"], 0);
        for (period, spans) in [("week", 28), ("month", 30)] {
            let seen = figures(&caller, &format!("/overview?period={period}")).await;
            assert_eq!(seen["sign_ins"], 1, "{period}");
            assert_eq!(seen["spans"].as_array().unwrap().len(), spans);
        }
        let refused = caller.get("/overview?period=year").await;
        is_problem(&refused, 400, "parameter-invalid");
        assert_eq!(named(&refused), ["period"]);
    });
}
