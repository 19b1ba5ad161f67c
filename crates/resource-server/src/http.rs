//! How metadata and keys are fetched: bounded in time and size, and without redirects.

use std::{io::Read, sync::Arc, time::Duration};

use async_trait::async_trait;
use flate2::read::GzDecoder;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{self, HeaderName},
    request,
};

/// What one answer may take, beside the time that it was asked to wait (`Prefer`).
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer, in MiB.
const MOST: usize = 1;

/// The longest status list: what is compressed badly, and then base64url twice.
const MOST_OF_A_LIST: usize = 2;

/// The media type of status list tokens (draft-ietf-oauth-status-list-21 8.2).
const STATUS_LIST: &str = "application/statuslist+jwt";

/// RFC 7240.
const PREFER: HeaderName = HeaderName::from_static("prefer");

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
        let request = Request::get(address).header(header::ACCEPT, "application/json");
        self.document(address, request, etag).await
    }

    /// A status list, as it is now: what lies between keeps it for seconds, and a revocation would wait for that too.
    pub async fn list(&self, address: &str, etag: Option<&str>) -> Result<Fetched, FetchError> {
        let request = Request::get(address)
            .header(header::ACCEPT, STATUS_LIST)
            .header(header::ACCEPT_ENCODING, "gzip")
            .header(header::CACHE_CONTROL, "no-cache");
        match self.document(address, request, etag).await? {
            Fetched::Document { body, headers } => Ok(Fetched::Document {
                body: unzipped(body, &headers)
                    .map_err(|why| FetchError(format!("{address}: {why}")))?,
                headers,
            }),
            other => Ok(other),
        }
    }

    /// A document, as soon as it is another one than that with the ETag, or `wait` seconds later (RFC 7240 4.3).
    pub async fn next(
        &self,
        address: &str,
        etag: Option<&str>,
        wait: u64,
    ) -> Result<Fetched, FetchError> {
        let request = Request::get(address)
            .header(header::ACCEPT, "application/json")
            .header(header::CACHE_CONTROL, "no-cache")
            .header(PREFER, format!("wait={wait}"));
        self.document(address, request, etag).await
    }

    async fn document(
        &self,
        address: &str,
        mut request: request::Builder,
        etag: Option<&str>,
    ) -> Result<Fetched, FetchError> {
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
        let bounds = Bounds::of(request.headers());
        let answer = tokio::time::timeout(bounds.time, self.0.fetch(request)).await;
        let answer = answer
            .map_err(|_| named(&format!("no whole answer within {:?}", bounds.time)))?
            .map_err(|error| named(&error))?;
        bounds
            .check(answer.body().len())
            .map_err(|why| named(&why))?;
        Ok(answer)
    }
}

/// What the answer to a request may take, which depends on what was asked for.
struct Bounds {
    time: Duration,
    mebibytes: usize,
}

impl Bounds {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let wait = text(PREFER).and_then(|preference| preference.strip_prefix("wait="));
        let wait = wait.and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        let is_list = text(header::ACCEPT) == Some(STATUS_LIST);
        Self {
            time: PATIENCE + Duration::from_secs(wait),
            mebibytes: if is_list { MOST_OF_A_LIST } else { MOST },
        }
    }

    fn check(&self, length: usize) -> Result<(), FetchError> {
        if length > self.mebibytes * 1024 * 1024 {
            let most = self.mebibytes;
            return Err(FetchError(format!("the answer is longer than {most} MiB")));
        }
        Ok(())
    }
}

/// Undoes `Content-Encoding: gzip` (RFC 9110 8.4.1.3), with the bound that holds for what is not compressed.
fn unzipped(body: Vec<u8>, headers: &HeaderMap) -> Result<Vec<u8>, FetchError> {
    match headers.get(header::CONTENT_ENCODING) {
        None => Ok(body),
        Some(coding) if coding.as_bytes().eq_ignore_ascii_case(b"gzip") => {
            let most = MOST_OF_A_LIST * 1024 * 1024;
            let mut bytes = Vec::new();
            let read = GzDecoder::new(&*body)
                .take(most as u64 + 1)
                .read_to_end(&mut bytes);
            read.map_err(|_| FetchError::new("the answer is not compressed as it says"))?;
            if bytes.len() > most {
                return Err(FetchError::new("the answer is too large when inflated"));
            }
            Ok(bytes)
        }
        Some(_) => Err(FetchError::new(
            "the answer has an encoding nobody asked for",
        )),
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
            .connect_timeout(PATIENCE)
            .build();
        Ok(Self(built.map_err(FetchError::new)?))
    }
}

#[cfg(feature = "http-client")]
#[async_trait]
impl Fetch for HttpClient {
    async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let bounds = Bounds::of(request.headers());
        let mut request = reqwest::Request::try_from(request).map_err(FetchError::new)?;
        *request.timeout_mut() = Some(bounds.time);
        let mut answer = self.0.execute(request).await.map_err(whole)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            *headers = answer.headers().clone();
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(whole)? {
            bounds.check(body.len() + piece.len())?;
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// A thousand times as long as it came.
    #[test]
    fn what_is_zipped_is_as_long_as_there_is_room_for_and_no_longer() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        let unzip = |length: usize| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&vec![b'a'; length]).unwrap();
            let zipped = encoder.finish().unwrap();
            unzipped(zipped, &headers).map(|bytes| bytes.len())
        };
        let most = MOST_OF_A_LIST * 1024 * 1024;
        assert_eq!(unzip(most), Ok(most));
        assert!(
            unzip(most + 1)
                .unwrap_err()
                .to_string()
                .contains("too large")
        );
        assert!(unzip(10 * most).is_err());
    }
}
