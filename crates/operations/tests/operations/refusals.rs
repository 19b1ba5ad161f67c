//! Refusals, by their reference.

use latchkey_protocol::{Reason, observe::KeptRefusal};

use crate::support::*;

#[tokio::test]
async fn a_refusal_is_found_by_whatever_carried_its_reference() {
    let world = World::new();
    let kept = KeptRefusal {
        reference: "7K3M9Q2X".into(),
        at: NOW,
        reason: "CodeReplayed".into(),
        endpoint: "/token".into(),
        client_id: Some("app".into()),
        request_id: "r".into(),
        expected: "a code that is unused".into(),
        received: "one that was used".into(),
        share: String::new(),
        neighbourhood: None,
    };
    let newer = KeptRefusal {
        reference: "AAAAAAAA".into(),
        reason: "OfTomorrow".into(),
        ..kept.clone()
    };
    world.store.keep_refusal(&kept).await.unwrap();
    world.store.keep_refusal(&newer).await.unwrap();
    for pasted in ["7K3M9Q2X", " 7k3m9q2x", "Not granted. (ref 7K3M9Q2X)"] {
        let explained = world.operations().refusal(pasted).await.unwrap();
        assert_eq!(explained.reason, Reason::CodeReplayed, "{pasted}");
        assert_eq!(explained.kept.reference, kept.reference);
    }
    for (pasted, sentence) in [
        (
            "aaaaaaaa",
            "the refusal AAAAAAAA was OfTomorrow, which this version does not know",
        ),
        (
            "BBBBBBBB",
            "no refusal has the reference BBBBBBBB (they are kept for seven days; under a flood some are only in the log)",
        ),
    ] {
        let refused = world.operations().refusal(pasted).await.unwrap_err();
        assert_eq!(refused.to_string(), sentence);
    }
    assert_eq!(world.events().await, [], "reading leaves no event");
}
