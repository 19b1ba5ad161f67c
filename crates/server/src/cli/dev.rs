//! `latchkey dev`: its ports, and what it begins with.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct DevOptions {
    /// Keep everything in this folder; else it is in memory, and gone when the program ends.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Begin with the users and clients of this JSON file, instead of admin, alice and bob; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Port of the provider, whose issuer is http://localhost:PORT then. 0 takes one that is free, and says which as --json
    /// does.
    #[arg(long)]
    pub port: Option<u16>,
    /// Once it answers, say where everything is, and who may sign in, in one line of JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Without the demo apps, the single-page app, the demo APIs and the providers beside.
    #[arg(long)]
    pub no_demo: bool,
    /// Port of the demo app; 0 takes a free one, as it does by itself with --port 0.
    #[arg(long, default_value_t = 8081, default_value_if("port", "0", "0"))]
    pub app_port: u16,
    /// Port of the second demo app.
    #[arg(long, default_value_t = 8083, default_value_if("port", "0", "0"))]
    pub second_app_port: u16,
    /// Port of the single-page app and its stopwatch.
    #[arg(long, default_value_t = 8084, default_value_if("port", "0", "0"))]
    pub spa_port: u16,
    /// Port of the demo API.
    #[arg(long, default_value_t = 8082, default_value_if("port", "0", "0"))]
    pub api_port: u16,
    /// Port of the second instance of the demo API.
    #[arg(long, default_value_t = 8085, default_value_if("port", "0", "0"))]
    pub second_api_port: u16,
    /// Port of the second Latchkey, whose users can sign in too.
    #[arg(long, default_value_t = 8086, default_value_if("port", "0", "0"))]
    pub other_port: u16,
    /// Port of the stand-in for Kakao.
    #[arg(long, default_value_t = 8087, default_value_if("port", "0", "0"))]
    pub stand_in_port: u16,
}
