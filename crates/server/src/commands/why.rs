use anyhow::{Result, bail};
use latchkey_protocol::{Reason, reason::pasted_reference};
use serde_json::json;

use super::{At, print::say, utc};

pub async fn run(at: At, pasted: String, json: bool) -> Result<()> {
    let reference = pasted_reference(&pasted);
    let Some(kept) = at.store.refusal(&reference).await? else {
        bail!(
            "no refusal has the reference {reference} (they are kept for seven days; under a flood some are only in the log)"
        );
    };
    let Some(reason) = Reason::ALL.iter().find(|r| r.name() == kept.reason) else {
        bail!(
            "the refusal {reference} was {}, which this version does not know",
            kept.reason
        );
    };
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
