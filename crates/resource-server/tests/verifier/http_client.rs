//! The HTTP client that comes with the crate, against real sockets: bounded in size, and without redirects.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::Request;
use latchkey_resource_server::{Fetch, HttpClient, Verifier};
use serde_json::json;

use super::support::{At, claims, rsa_key, sign};

/// Answers each request by its path, with what stands for `{origin}` put in; counts them.
fn serve(answer: impl Fn(&str, &str) -> Vec<u8> + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (own, count) = (origin.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            counted.fetch_add(1, Ordering::SeqCst);
            let path = head.split(' ').nth(1).unwrap_or_default();
            let _ = stream.write_all(&answer(path, &own));
        }
    });
    (origin, count)
}

fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").into()
}

#[tokio::test]
async fn keys_come_over_http() {
    let key = rsa_key();
    let keys = json!({ "keys": [key.public()] }).to_string();
    let (origin, _) = serve(move |path, origin| match path {
        "/jwks" => ok(&keys),
        _ => ok(&json!({ "issuer": origin, "jwks_uri": format!("{origin}/jwks") }).to_string()),
    });
    let api = Verifier::for_api(&origin, "https://api.example").clock(At::begin());
    let api = api.start().await.unwrap();
    let mut claims = claims();
    claims["iss"] = json!(origin);
    assert!(api.verify(&sign(&key, &claims)).await.is_ok());
}

async fn fetch(address: &str) -> Result<http::Response<Vec<u8>>, String> {
    let request = Request::get(address).body(Vec::new()).unwrap();
    let answer = HttpClient::new().unwrap().fetch(request).await;
    answer.map_err(|error| error.to_string())
}

/// Whoever can redirect the address of the keys could choose them.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (origin, count) = serve(|_, origin| {
        format!("HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {origin}/other\r\ncontent-length: 0\r\n\r\n").into()
    });
    let answer = fetch(&format!("{origin}/jwks")).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (origin, _) = serve(|_, _| {
        let mut endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
        endless.resize(4 * 1024 * 1024, b' ');
        endless
    });
    let error = fetch(&origin).await.unwrap_err();
    assert!(error.contains("1 MiB"), "{error}");
}

/// The owner reads what to look at.
#[tokio::test]
async fn an_error_names_its_cause() {
    let error = fetch("http://127.0.0.1:9/").await.unwrap_err();
    assert!(error.to_lowercase().contains("refused"), "{error}");
}

#[test]
fn a_file_without_certificates_is_no_authority() {
    for pem in [&b""[..], b"text"] {
        assert!(HttpClient::trusting(pem).is_err());
    }
}
