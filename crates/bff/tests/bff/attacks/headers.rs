//! Headers that a script would like to reach the API, or an API the browser.

use reqwest::Method;

use super::world;
use crate::support::*;

#[actix_web::test]
async fn nothing_but_what_is_listed_reaches_the_api() {
    let world = world().await;
    let browser = world.signed_in().await;
    let sent = [
        ("Authorization", "Bearer of-the-attacker"),
        ("Forwarded", "for=10.0.0.1"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Real-IP", "10.0.0.1"),
        ("X-Original-URL", "/admin"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Latchkey-User", "admin"),
        ("Proxy-Authorization", "Basic YTpi"),
        ("TE", "trailers"),
        ("Trailer", "X-Secret"),
        ("Keep-Alive", "timeout=600"),
        ("X-Anything", "else"),
    ];
    let request = browser
        .request(Method::GET, "/api/me")
        .header("X-Tenant", "blue");
    let request = sent.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let told = browser
        .send(request.header("Accept", "application/json"))
        .await;
    assert_eq!(told.status, 200, "{told:?}");
    let headers = told.json["headers"].as_object().unwrap();
    assert_eq!(
        headers["authorization"],
        serde_json::json!(["Bearer access-2"])
    );
    assert_eq!(headers["x-tenant"][0], "blue");
    let mut names: Vec<_> = headers.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "host", "x-tenant"]);
    assert_eq!(
        headers["host"][0],
        world.api.address.strip_prefix("http://").unwrap()
    );
    world.stop().await;
}

/// RFC 9110 7.6.1: what `Connection` names is of the connection; it cannot take the token away either.
#[actix_web::test]
async fn connection_names_no_header_of_the_api_away() {
    let world = world().await;
    let browser = world.signed_in().await;
    let mut raw = Raw::open(&world.origin).await;
    let begin = head(&browser, "GET /api/me HTTP/1.1");
    raw.write(format!(
        "{begin}Connection: close, authorization, x-tenant\r\n\r\n"
    ))
    .await;
    let told = raw.rest().await;
    assert!(
        told.starts_with("HTTP/1.1 200 ") && told.contains("Bearer access-2"),
        "{told}"
    );
    world.stop().await;
}

#[actix_web::test]
async fn line_breaks_and_garbage_in_headers_are_refused_or_stay_where_they_are() {
    let world = world().await;
    let browser = world.signed_in().await;
    for line in [
        "X-Tenant: a\r\n b",
        "X-Tenant: a\nX-Injected: b\n",
        "X-Tenant : a",
        "X Tenant: a",
        ": a",
        "X-Tenant\0: a",
        "X-Tenant: a\0b",
        "X-Tenant: a\rX-Injected: b",
    ] {
        let mut raw = Raw::open(&world.origin).await;
        let begin = head(&browser, "GET /api/me HTTP/1.1");
        raw.write(format!("{begin}{line}\r\nConnection: close\r\n\r\n"))
            .await;
        let told = raw.rest().await;
        let is_refused = told.is_empty() || told.starts_with("HTTP/1.1 400 ");
        assert!(
            is_refused || !told.contains("x-injected"),
            "{line:?}: {told}"
        );
    }
    assert!(
        world
            .api
            .seen()
            .iter()
            .all(|seen| seen["headers"].get("x-injected").is_none())
    );
    let mut raw = Raw::open(&world.origin).await;
    let begin = head(&browser, "GET /api/me HTTP/1.1");
    raw.write(format!("{begin}X-Tenant: {}\r\n\r\n", "x".repeat(300_000)))
        .await;
    assert!(!raw.rest().await.contains(" 200 "), "a head without end");
    world.stop().await;
}

#[actix_web::test]
async fn an_api_sets_no_cookie_and_no_rule_of_the_app_and_says_nothing_of_the_session() {
    let world = world().await;
    let browser = world.signed_in().await;
    let cookie = browser.cookie();
    let path = "/api/x?set=set-cookie:__Host-latchkey-bff%3Dplanted;Path%3D/;Secure&set=set-cookie:a%3Db&set=clear-site-data:%22*%22\
        &set=latchkey-session:ended&set=access-control-allow-origin:*&set=access-control-allow-credentials:true\
        &set=strict-transport-security:max-age%3D0&set=x-accel-redirect:/etc/passwd&set=x-sendfile:/etc/passwd&set=refresh:0;url%3D/\
        &set=service-worker-allowed:/&set=alt-svc:h2&set=www-authenticate:Basic&set=keep-alive:timeout%3D1\
        &set=content-security-policy:default-src%20*&set=x-shown:yes&set=proxy-authenticate:Basic&set=upgrade:h2c";
    let told = browser.get(path).await;
    assert_eq!(
        (told.status, told.header("x-shown")),
        (200, "yes"),
        "{told:?}"
    );
    let mut names: Vec<_> = told.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "cache-control",
            "content-length",
            "content-security-policy",
            "content-type",
            "date",
            "x-content-type-options",
            "x-shown"
        ]
    );
    assert!(
        told.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    assert_eq!(browser.cookie(), cookie);
    world.stop().await;
}
