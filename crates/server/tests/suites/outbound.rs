//! Calls out: the settings decide where they may go.

use std::time::Duration;

use latchkey_protocol::outbound::{OutboundError, OutboundMethod, OutboundRequest};

use crate::support::{Harness, Kind, on};

/// Calls the harness itself, which is on a loopback address.
async fn called(h: &Harness) -> Result<u16, OutboundError> {
    let url = h.at("/healthz");
    let request = OutboundRequest {
        url: &url,
        method: OutboundMethod::Get,
        deadline: Duration::from_secs(10),
        longest_answer: 100,
    };
    let answer = h.app.outbound.call(request).await?;
    assert_eq!(answer.body.unwrap(), b"ok\n");
    Ok(answer.status)
}

#[test]
fn a_private_address_is_called_only_where_a_setting_allows_it() {
    on(Kind::Sqlite, &[], &|h| async move {
        let refused = called(&h).await;
        assert!(matches!(refused, Err(OutboundError::Forbidden(_))));
    });
    let elsewhere = [("LATCHKEY_OUTBOUND__ALLOW", "10.0.0.0/8, ::1")];
    on(Kind::Sqlite, &elsewhere, &|h| async move {
        let refused = called(&h).await;
        assert!(matches!(refused, Err(OutboundError::Forbidden(_))));
    });
    let here = [("LATCHKEY_OUTBOUND__ALLOW", "10.0.0.0/8, 127.0.0.1")];
    on(Kind::Sqlite, &here, &|h| async move {
        assert_eq!(called(&h).await, Ok(200));
    });
}
