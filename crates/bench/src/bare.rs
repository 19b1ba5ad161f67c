//! A bare actix-web that takes the whole request and answers given bytes: what a read could cost at least.

use std::{
    path::Path,
    process::{Child, Command},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};

use crate::{
    Load, Measurement, drive,
    server::{self, Target},
};

pub const PORT: u16 = 18090;

/// Answers the file's bytes at every address.
pub fn serve(file: &Path) -> Result<()> {
    let body = web::Bytes::from(std::fs::read(file)?);
    actix_web::rt::System::new().block_on(async move {
        HttpServer::new(move || {
            let body = body.clone();
            App::new().default_service(web::to(move |request: web::Bytes| {
                let body = body.clone();
                async move {
                    std::hint::black_box(request);
                    HttpResponse::Ok()
                        .insert_header(("Cache-Control", "public, max-age=15"))
                        .insert_header(("ETag", "\"0123456789abcdef01234567\""))
                        .insert_header(("Access-Control-Allow-Origin", "*"))
                        .content_type("application/json")
                        .body(body)
                }
            }))
        })
        .workers(2)
        .bind(("127.0.0.1", PORT))?
        .run()
        .await?;
        Ok(())
    })
}

pub struct Bare {
    child: Child,
    target: Target,
    request: Vec<u8>,
    _file: tempfile::NamedTempFile,
}

impl Bare {
    pub fn start(request: &[u8], body: &[u8], cores: &str) -> Result<Self> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), body)?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", cores])
            .arg(std::env::current_exe()?)
            .arg("--bare")
            .arg(file.path());
        let child = command.spawn().context(server::TASKSET)?;
        server::ready(PORT, "/")?;
        let target = Target::one(PORT, child.id());
        Ok(Self {
            child,
            target,
            request: request.to_vec(),
            _file: file,
        })
    }

    pub fn target(&self) -> Target {
        self.target.clone()
    }

    pub fn measure(&self, load: &Load) -> Result<Measurement> {
        drive::drive(&self.target, load, async |c, _| {
            c.send(&self.request).await?.expect(200).map(|_| ())
        })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        server::end(&mut self.child);
    }
}
