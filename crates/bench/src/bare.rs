//! A bare actix-web that answers given bytes: what a read could cost at least.

use std::{path::Path, process::Command};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;

use crate::{Measured, Options, client, scenarios, server};

const PORT: u16 = 18081;

/// Answers the file's bytes at every address.
pub fn serve(file: &Path) -> Result<()> {
    let body = web::Bytes::from(std::fs::read(file)?);
    actix_web::rt::System::new().block_on(async move {
        HttpServer::new(move || {
            let body = body.clone();
            App::new().route(
                "/",
                web::get().to(move || {
                    let body = body.clone();
                    async move {
                        HttpResponse::Ok()
                            .insert_header(("Cache-Control", "public, max-age=15"))
                            .insert_header(("ETag", "\"0123456789abcdef01234567\""))
                            .insert_header(("Access-Control-Allow-Origin", "*"))
                            .content_type("application/json")
                            .body(body)
                    }
                }),
            )
        })
        .workers(2)
        .bind(("127.0.0.1", PORT))?
        .run()
        .await?;
        Ok(())
    })
}

pub async fn measure(bytes: &[u8], options: &Options) -> Result<Measured> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), bytes)?;
    let mut child = Command::new("taskset")
        .args(["-c", &options.cores])
        .arg(std::env::current_exe()?)
        .arg("--bare")
        .arg(file.path())
        .spawn()?;
    server::ready(PORT, "/")?;
    let mut runs = Vec::new();
    for _ in 0..options.runs {
        let request = client::get("/", "");
        runs.push(
            scenarios::drive(PORT, child.id(), options, async |c, _| c.send(&request).await?.expect(200).map(|_| ()))
                .await?,
        );
    }
    child.kill()?;
    child.wait()?;
    runs.sort_by(|a, b| a.per_cpu_second.total_cmp(&b.per_cpu_second));
    Ok(runs[runs.len() / 2].clone())
}
