//! How metadata and keys are fetched: bounded in time and size, and without redirects.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderMap, Request, Response, StatusCode, header};

/// What one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer, in bytes.
const MOST: usize = 1024 * 1024;

/// Calls the issuer. [`HttpClient`] is one; bring your own for a proxy, or in tests.
///
/// It must not follow redirects: whoever can redirect the address of the keys can choose the keys.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Sends `request`, and returns the whole answer, of whatever status.
    ///
    /// # Errors
    /// [`FetchError`] when there is no answer.
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError>;
}

/// Why there is no answer, for the owner's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(String);

impl FetchError {
    /// Says why.
    pub fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// A [`Fetch`] with the bounds that hold for each.
#[derive(Clone)]
pub(crate) struct Client(pub Arc<dyn Fetch>);

/// A document, or that it is the one whose ETag was sent.
pub(crate) enum Fetched {
    Document {
        body: Vec<u8>,
        headers: HeaderMap,
    },
    /// 304 (RFC 9110 15.4.5).
    Same {
        headers: HeaderMap,
    },
    /// 404: there is no such document.
    Absent,
}

impl Client {
    pub async fn get(&self, address: &str, etag: Option<&str>) -> Result<Fetched, FetchError> {
        let mut request = Request::get(address).header(header::ACCEPT, "application/json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let request = request.body(Vec::new()).map_err(FetchError::new)?;
        let (head, body) = self.send(address, request).await?.into_parts();
        match head.status {
            StatusCode::OK => Ok(Fetched::Document {
                body,
                headers: head.headers,
            }),
            StatusCode::NOT_MODIFIED if etag.is_some() => Ok(Fetched::Same {
                headers: head.headers,
            }),
            StatusCode::NOT_FOUND => Ok(Fetched::Absent),
            other => Err(unexpected(address, other)),
        }
    }

    /// Sends a form, and returns the body of the answer.
    pub async fn post(
        &self,
        address: &str,
        authorization: &str,
        form: String,
    ) -> Result<Vec<u8>, FetchError> {
        let request = Request::post(address)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(form.into_bytes()).map_err(FetchError::new)?;
        let (head, body) = self.send(address, request).await?.into_parts();
        match head.status {
            StatusCode::OK => Ok(body),
            other => Err(unexpected(address, other)),
        }
    }

    async fn send(
        &self,
        address: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, FetchError> {
        let named = |why: &dyn std::fmt::Display| FetchError(format!("{address}: {why}"));
        let answer = tokio::time::timeout(PATIENCE, self.0.fetch(request)).await;
        let answer = answer
            .map_err(|_| named(&"no whole answer within 5 s"))?
            .map_err(|error| named(&error))?;
        if answer.body().len() > MOST {
            return Err(named(&"the answer is longer than 1 MiB"));
        }
        Ok(answer)
    }
}

fn unexpected(address: &str, status: StatusCode) -> FetchError {
    FetchError(format!("{address}: the answer is {status}"))
}

/// The HTTP client that comes with the crate: TLS by rustls, no redirects, no proxy from the environment.
#[cfg(feature = "http-client")]
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

#[cfg(feature = "http-client")]
impl HttpClient {
    /// One that trusts the public certificate authorities.
    ///
    /// # Errors
    /// [`FetchError`] when TLS cannot be set up.
    pub fn new() -> Result<Self, FetchError> {
        Self::build(reqwest::Client::builder())
    }

    /// One that trusts the certificate authorities of a PEM file too, such as that of a company.
    ///
    /// # Errors
    /// [`FetchError`] when the file has no readable certificate.
    pub fn trusting(pem: &[u8]) -> Result<Self, FetchError> {
        let authorities = reqwest::Certificate::from_pem_bundle(pem).map_err(FetchError::new)?;
        if authorities.is_empty() {
            return Err(FetchError::new("the file has no certificate in PEM"));
        }
        let client = reqwest::Client::builder();
        Self::build(
            authorities
                .into_iter()
                .fold(client, reqwest::ClientBuilder::add_root_certificate),
        )
    }

    fn build(client: reqwest::ClientBuilder) -> Result<Self, FetchError> {
        let built = client
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build();
        Ok(Self(built.map_err(FetchError::new)?))
    }
}

#[cfg(feature = "http-client")]
#[async_trait]
impl Fetch for HttpClient {
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let request = reqwest::Request::try_from(request).map_err(FetchError::new)?;
        let mut answer = self.0.execute(request).await.map_err(whole)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            *headers = answer.headers().clone();
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(whole)? {
            if body.len() + piece.len() > MOST {
                return Err(FetchError::new("the answer is longer than 1 MiB"));
            }
            body.extend_from_slice(&piece);
        }
        response.body(body).map_err(FetchError::new)
    }
}

/// With what caused it: the error alone does not say "connection refused".
#[cfg(feature = "http-client")]
fn whole(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    FetchError(text)
}
