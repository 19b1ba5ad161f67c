//! A small keep-alive HTTP client: a driver must cost less than what it drives.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    pub cookies: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// Where it sends the browser, on the same server.
    pub fn path(&self) -> Result<String> {
        let location = self.header("location").with_context(|| self.head.clone())?;
        let path = location
            .strip_prefix("http://")
            .and_then(|rest| rest.find('/').map(|at| &rest[at..]));
        Ok(path.unwrap_or(location).to_owned())
    }

    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status != status {
            bail!(
                "{} instead of {status}: {}\n{}",
                self.status,
                self.head,
                String::from_utf8_lossy(&self.body)
            );
        }
        Ok(self)
    }
}

impl Connection {
    pub async fn open(port: u16, from: Ipv4Addr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
            cookies: Vec::new(),
        })
    }

    pub async fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = std::str::from_utf8(&self.buffer[..end])?.to_owned();
        let status = head
            .get(9..12)
            .and_then(|s| s.parse().ok())
            .context("no status")?;
        let length = head
            .lines()
            .find_map(|l| {
                l.strip_prefix("content-length: ")
                    .or_else(|| l.strip_prefix("Content-Length: "))
            })
            .and_then(|l| l.parse::<usize>().ok())
            .unwrap_or(0);
        while self.buffer.len() < end + length {
            self.fill().await?;
        }
        Ok(Answer {
            status,
            head,
            body: self.buffer[end..end + length].to_vec(),
        })
    }

    async fn fill(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }

    /// As a browser: sends and keeps cookies.
    pub async fn browse(&mut self, method: &str, path: &str, form: Option<&str>) -> Result<Answer> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let body = form.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: b\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        let answer = self.send(request.as_bytes()).await?;
        self.keep_cookies(&answer);
        Ok(answer)
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for line in answer.head.lines().filter(|l| {
            l.get(..12)
                .is_some_and(|n| n.eq_ignore_ascii_case("set-cookie: "))
        }) {
            let line = &line[12..];
            if let Some((name, value)) = line.split(';').next().and_then(|c| c.split_once('=')) {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

pub fn post(path: &str, authorization: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: b\r\nAuthorization: {authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

pub fn get(path: &str, authorization: &str) -> Vec<u8> {
    let authorization = if authorization.is_empty() {
        String::new()
    } else {
        format!("Authorization: {authorization}\r\n")
    };
    format!("GET {path} HTTP/1.1\r\nHost: b\r\n{authorization}\r\n").into_bytes()
}
