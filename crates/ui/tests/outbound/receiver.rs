//! Something that listens on a loopback address.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub struct Receiver {
    pub port: u16,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Answers each connection by `answer`, once the request has been read.
    pub async fn start<F, R>(answer: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            heard: Arc::default(),
        };
        let (connections, heard) = (receiver.connections.clone(), receiver.heard.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let mut bytes = vec![0; 8192];
                let length = stream.read(&mut bytes).await.unwrap_or_default();
                bytes.truncate(length);
                heard
                    .lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&bytes).into());
                tokio::spawn(answer(stream));
            }
        });
        receiver
    }

    /// Answers with these bytes, then closes.
    pub async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _gone = stream.write_all(&answer).await;
                let _gone = stream.shutdown().await;
            }
        })
        .await
    }

    /// Says `first`, then `again` without end, `pause` between.
    pub async fn endless(
        first: &'static str,
        again: impl Into<Vec<u8>>,
        pause: std::time::Duration,
    ) -> (Self, Arc<AtomicUsize>) {
        let (again, said): (Arc<[u8]>, Arc<AtomicUsize>) = (again.into().into(), Arc::default());
        let counted = said.clone();
        let receiver = Self::start(move |mut stream| {
            let (again, counted) = (again.clone(), counted.clone());
            async move {
                let mut alive = stream.write_all(first.as_bytes()).await;
                while alive.is_ok() {
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    alive = stream.write_all(&again).await;
                    counted.fetch_add(again.len(), Ordering::SeqCst);
                }
            }
        })
        .await;
        (receiver, said)
    }

    pub fn url(&self) -> String {
        self.at("127.0.0.1")
    }

    pub fn at(&self, host: &str) -> String {
        format!("http://{host}:{}/out?a=%20b", self.port)
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests that came.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}
