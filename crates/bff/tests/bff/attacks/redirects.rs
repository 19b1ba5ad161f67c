//! Redirects of an API.

use super::world;

#[actix_web::test]
async fn a_redirect_of_an_api_is_not_followed_and_leads_nowhere_else() {
    let world = world().await;
    let browser = world.signed_in().await;
    let api = &world.api.address;
    for (location, expected) in [
        ("/v1/orders/8?a%3Db".to_owned(), "/api/orders/8?a=b"),
        (format!("{api}/v1/orders/8"), "/api/orders/8"),
        ("8".into(), "/api/orders/8"),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let path = format!("/api/orders/7?status={status}&set=location:{location}");
            let told = browser.get(&path).await;
            assert_eq!(
                (told.status, told.header("location")),
                (status, expected),
                "{location}"
            );
        }
    }
    for location in [
        "https://evil.example/",
        "//evil.example/",
        "/admin",
        "/v1/ordersx",
        "../admin",
        "/v1/orders/../../admin",
        "/\\evil.example",
        "http://127.0.0.1:1/v1/orders/8",
        "javascript:alert(1)",
    ] {
        let told = browser
            .get(&format!("/api/orders/7?status=302&set=location:{location}"))
            .await;
        assert_eq!(
            (told.status, told.header("location")),
            (502, ""),
            "{location}"
        );
    }
    let count = world.api.seen().len();
    assert_eq!(count, 3 * 5 + 9, "each call once");
    // What was made was made, wherever it is said to be.
    let path = "/api/orders?status=201&set=location:https://evil.example/8";
    let told = browser.get(path).await;
    assert_eq!((told.status, told.header("location")), (201, ""));
    world.stop().await;
}
