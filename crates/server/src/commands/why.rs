//! `latchkey why`: explains a refusal by its reference.

use anyhow::Result;
use latchkey_operations::ExplainedRefusal;
use serde_json::json;

use super::{
    at::At,
    print::{say, utc},
};

pub async fn run(at: At, pasted: String, json: bool) -> Result<()> {
    let ExplainedRefusal { kept, reason } = at.operations().refusal(&pasted).await?;
    let refusal = reason.refusal();
    if json {
        say!(
            "{}",
            json!({
                "reference": kept.reference, "at": kept.at, "reason": kept.reason, "error": refusal.code.0, "endpoint": kept.endpoint,
                "client_id": kept.client_id, "request_id": kept.request_id, "checked": refusal.checked,
                "expected": kept.expected, "received": kept.received, "fix": refusal.fix,
            })
        );
        return Ok(());
    }
    say!("{} at {}, {}", reason.name(), utc(kept.at), kept.endpoint);
    let line = |name: &str, text: &str| {
        if !text.is_empty() {
            say!("  {name:<9} {text}");
        }
    };
    line("client", kept.client_id.as_deref().unwrap_or_default());
    line("request", &kept.request_id);
    line("checked", refusal.checked);
    line("expected", &kept.expected);
    line("received", &kept.received);
    line("said", &format!("{} - {}", refusal.code.0, refusal.public));
    line("fix", refusal.fix);
    Ok(())
}
