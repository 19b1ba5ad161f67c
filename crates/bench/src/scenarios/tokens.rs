//! What the token endpoint is asked for, and sign-ins that fail.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anyhow::Result;
use futures_util::future::try_join_all;

use super::{World, poisoned};
use crate::{
    Load, Measurement,
    client::post,
    drive::{Spent, block_on},
    server::USERS,
    steps::{basic, code, credentials, exchange_form, login, login_as, text},
};

/// Codes made in one session before any is spent: the server keeps 20, and the sign-in took one.
const CODES_OF_A_SESSION: usize = 15;

impl World {
    pub fn client_credentials(&self, load: &Load) -> Result<Measurement> {
        let request = post("/token", &basic("bench"), "grant_type=client_credentials");
        self.drive(load, async |c, n| {
            self.check(n, &c.send(&request).await?.expect(200)?.json()?)
        })
    }

    /// Each connection is a browser of its own, with a session.
    pub fn code_flow(&self, load: &Load) -> Result<Measurement> {
        let browsers: Result<Vec<_>> = (0..load.connections)
            .map(|n| self.signed_in(USERS[n % USERS.len()]))
            .collect();
        let (browsers, authorization) = (browsers?, basic("bench"));
        self.drive(load, async |c, n| {
            c.cookies.clone_from(&browsers[n % browsers.len()]);
            let form = exchange_form(&code(c, "bench").await?);
            let request = post("/token", &authorization, &form);
            self.check(n, &c.send(&request).await?.expect(200)?.json()?)
        })
    }

    pub fn refresh_beside_logins(&mut self, load: &Load) -> Result<Measurement> {
        let (stop, target) = (AtomicBool::new(false), self.target.clone());
        let one = async |n| {
            let mut c = target.connect(n).await?;
            while !stop.load(Ordering::Relaxed) {
                login(&mut c, "bench").await?;
            }
            anyhow::Ok(())
        };
        std::thread::scope(|scope| {
            let logins = scope.spawn(|| block_on(try_join_all((0..8).map(one))));
            let measured = self.refresh(load);
            stop.store(true, Ordering::Relaxed);
            let ended = logins.join();
            ended.map_err(|_| anyhow::anyhow!("the logins panicked"))??;
            measured
        })
    }

    /// Each connection rotates a family of its own.
    pub fn refresh(&mut self, load: &Load) -> Result<Measurement> {
        let families: Vec<_> = std::mem::take(&mut self.refresh)
            .into_iter()
            .map(tokio::sync::Mutex::new)
            .collect();
        let authorization = basic("bench");
        let measured = self.drive(load, async |c, n| {
            let mut token = families[n % load.connections].lock().await;
            let form = format!("grant_type=refresh_token&refresh_token={token}");
            let tokens = c
                .send(&post("/token", &authorization, &form))
                .await?
                .expect(200)?
                .json()?;
            *token = text(&tokens, "refresh_token")?;
            self.check(n, &tokens)
        });
        self.refresh = families
            .into_iter()
            .map(tokio::sync::Mutex::into_inner)
            .collect();
        measured
    }

    /// Each from an address of its own, and fewer than a name may fail from anywhere: it is not the lockout that is measured.
    pub fn wrong(&self, load: &Load, username: &str) -> Result<Measurement> {
        let left = AtomicUsize::new(90 / load.runs);
        self.drive(
            &Load {
                connections: 1,
                ..*load
            },
            async |_, n| {
                if left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    })
                    .is_err()
                {
                    return Err(Spent.into());
                }
                let mut c = self
                    .target
                    .connect_from([127, 1, 0, u8::try_from(n)?].into())
                    .await?;
                credentials(&mut c, "bench", username, "wrong")
                    .await?
                    .expect(401)?;
                Ok(())
            },
        )
    }

    /// The cookies of a user who is signed in.
    fn signed_in(&self, username: &str) -> Result<Vec<(String, String)>> {
        block_on(async {
            let mut c = self.target.connect(0).await?;
            login_as(&mut c, "bench", username).await?;
            Ok(c.cookies)
        })
    }

    /// Codes are made beforehand, as many as can be spent in the time.
    pub fn exchange(&self, load: &Load) -> Result<Measurement> {
        let (codes, browsers) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let begun = AtomicUsize::new(0);
        self.drive(load, async |c, _| {
            let waiting = browsers.lock().map_err(|_| poisoned())?.pop();
            let left = match waiting {
                Some((cookies, left)) => {
                    c.cookies = cookies;
                    left
                }
                None => {
                    // In turn, so that nobody has so many sessions that the oldest end.
                    let username = USERS[begun.fetch_add(1, Ordering::Relaxed) % USERS.len()];
                    login_as(c, "bench", username)
                        .await
                        .map(|_| CODES_OF_A_SESSION)?
                }
            };
            let made = code(c, "bench").await?;
            codes.lock().map_err(|_| poisoned())?.push(made);
            if left > 1 {
                browsers
                    .lock()
                    .map_err(|_| poisoned())?
                    .push((c.cookies.clone(), left - 1));
            }
            Ok(())
        })?;
        let authorization = basic("bench");
        self.drive(load, async |c, n| {
            let Some(code) = codes.lock().ok().and_then(|mut codes| codes.pop()) else {
                return Err(Spent.into());
            };
            self.check(
                n,
                &c.send(&post("/token", &authorization, &exchange_form(&code)))
                    .await?
                    .expect(200)?
                    .json()?,
            )
        })
    }
}
