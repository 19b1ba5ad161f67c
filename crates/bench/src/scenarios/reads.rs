//! UserInfo, introspection, revocation: the endpoints that answer about tokens, or end them.

use std::sync::Mutex;

use anyhow::{Result, ensure};

use super::{World, poisoned};
use crate::{
    Load, Measurement,
    client::post,
    drive::Spent,
    steps::{basic, text},
};

impl World {
    pub fn read_userinfo(&self, load: &Load) -> Result<Measurement> {
        let requests: Vec<_> = self.access.iter().map(|t| self.ask_userinfo(t)).collect();
        self.drive(load, async |c, n| {
            let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
            ensure!(answer.body == self.userinfo, "another answer");
            Ok(())
        })
    }

    pub fn introspect(&self, load: &Load) -> Result<Measurement> {
        let tokens = self.access.iter();
        let requests: Vec<_> = tokens.map(|t| self.ask_introspection(t)).collect();
        self.drive(load, async |c, n| {
            let answer = c.send(&requests[n % requests.len()]).await?.expect(200)?;
            let is_active = answer.body.windows(13).any(|w| w == b"\"active\":true");
            ensure!(is_active, "not active");
            Ok(())
        })
    }

    /// Each access token once; they are made beforehand, as many as in twice the time.
    pub fn revoke(&self, load: &Load) -> Result<Measurement> {
        let authorization = basic("bench");
        let request = post("/token", &authorization, "grant_type=client_credentials");
        let made = Mutex::new(Vec::new());
        let making = Load {
            seconds: load.seconds * 2,
            ..*load
        };
        self.drive(&making, async |c, _| {
            let tokens = c.send(&request).await?.expect(200)?.json()?;
            let token = text(&tokens, "access_token")?;
            made.lock().map_err(|_| poisoned())?.push(token);
            Ok(())
        })?;
        self.drive(load, async |c, _| {
            let token = made.lock().map_err(|_| poisoned())?.pop();
            let form = format!("token={}", token.ok_or(Spent)?);
            let request = post("/revoke", &authorization, &form);
            c.send(&request).await?.expect(200).map(|_| ())
        })
    }
}
