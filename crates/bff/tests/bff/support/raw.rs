//! A connection on which a test writes byte for byte.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Browser;

pub struct Raw(TcpStream);

impl Raw {
    pub async fn open(origin: &str) -> Self {
        let address = origin.strip_prefix("http://").unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Whether it was taken.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// All that comes until `enough`, or nothing more for two seconds.
    pub async fn read_until(&mut self, enough: impl Fn(&str) -> bool) -> String {
        let mut all = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if enough(&text) {
                return text;
            }
            let mut piece = [0; 4096];
            let read = tokio::time::timeout(Duration::from_secs(2), self.0.read(&mut piece)).await;
            match read {
                Ok(Ok(count)) if count > 0 => all.extend_from_slice(&piece[..count]),
                _ => return text,
            }
        }
    }

    /// All until it is closed, or nothing more for two seconds.
    pub async fn rest(&mut self) -> String {
        self.read_until(|_| false).await
    }

    /// Whether it is closed within the time.
    pub async fn is_closed_within(&mut self, time: Duration) -> bool {
        let closed = async {
            let mut piece = [0; 4096];
            while self.0.read(&mut piece).await.is_ok_and(|count| count > 0) {}
        };
        tokio::time::timeout(time, closed).await.is_ok()
    }
}

/// The lines of a call's head that a script of the app would send, without the empty one.
pub fn head(browser: &Browser, line: &str) -> String {
    let host = browser.origin.strip_prefix("http://").unwrap();
    let origin = &browser.origin;
    format!(
        "{line}\r\nHost: {host}\r\nCookie: __Host-latchkey-bff={}\r\nX-Latchkey-BFF: 1\r\nOrigin: {origin}\r\n",
        browser.cookie()
    )
}
