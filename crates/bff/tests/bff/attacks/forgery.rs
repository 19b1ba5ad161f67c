//! Calls that another site has the browser make, with its cookies.

use reqwest::Method;

use super::world;

#[actix_web::test]
async fn what_another_site_can_send_is_refused_before_anything_is_looked_up() {
    let world = world().await;
    let browser = world.signed_in().await;
    let own = world.origin.clone();
    let header = ("X-Latchkey-BFF", "1");
    let cases: &[(Method, &[(&str, &str)])] = &[
        // A link, a picture, a form, a script without CORS.
        (Method::GET, &[]),
        (
            Method::GET,
            &[
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Mode", "no-cors"),
            ],
        ),
        (
            Method::POST,
            &[
                ("Origin", "https://evil.example"),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ],
        ),
        (
            Method::POST,
            &[("Origin", "null"), ("Content-Type", "text/plain")],
        ),
        (Method::POST, &[("Origin", &own)]),
        // With the header, which only a script of ours can send, and yet from elsewhere.
        (Method::GET, &[header, ("Sec-Fetch-Site", "cross-site")]),
        (Method::GET, &[header, ("Sec-Fetch-Site", "same-site")]),
        (Method::GET, &[header, ("Sec-Fetch-Site", "none")]),
        (Method::GET, &[header, ("Origin", "https://evil.example")]),
        (Method::POST, &[header]),
        (Method::POST, &[header, ("Origin", "null")]),
        (Method::POST, &[header, ("Origin", "https://evil.example")]),
        (
            Method::POST,
            &[header, ("Origin", &own), ("Sec-Fetch-Site", "same-site")],
        ),
        (
            Method::POST,
            &[("X-Latchkey-BFF", "true"), ("Origin", &own)],
        ),
        (Method::POST, &[("X-Latchkey-BFF", ""), ("Origin", &own)]),
        // The question that a browser asks before a call across origins is answered with no permission.
        (
            Method::OPTIONS,
            &[
                ("Origin", "https://evil.example"),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "x-latchkey-bff"),
            ],
        ),
    ];
    for (method, headers) in cases {
        for path in ["/api/me", "/bff/user", "/bff/logout"] {
            let is_other = matches!(
                (path, method.as_str()),
                ("/bff/user", "POST" | "OPTIONS") | ("/bff/logout", "GET" | "OPTIONS")
            );
            if is_other {
                continue;
            }
            let request = browser.plain(method.clone(), path);
            let request = headers.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            });
            let answer = browser.send(request).await;
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}");
            assert_eq!(answer.header("access-control-allow-origin"), "");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    assert_eq!(world.api.seen().len(), 0);
    assert_eq!(browser.get("/bff/user").await.status, 200);
    world.stop().await;
}

/// By a link nobody is signed out: `GET /bff/logout` ends nothing, and the method that does is guarded.
#[actix_web::test]
async fn nobody_is_signed_out_by_another_site() {
    let world = world().await;
    let browser = world.signed_in().await;
    browser.go("/bff/logout").await;
    let request = browser.plain(Method::POST, "/bff/logout");
    let request = request.header("Origin", "https://evil.example");
    assert_eq!(browser.send(request).await.status, 403);
    assert_eq!(browser.get("/bff/user").await.status, 200);
    world.stop().await;
}
