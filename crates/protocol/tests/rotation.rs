//! When keys rotate by themselves.

use latchkey_protocol::{
    SigningAlgorithm, Timestamp,
    rotation::{NextKey, Rotation, StoredKey},
};

const DAY: i64 = 86_400;

fn key(kid: &str, activates_at: i64, retires_at: Option<i64>) -> StoredKey {
    StoredKey {
        algorithm: SigningAlgorithm::Rs256,
        kid: kid.into(),
        sealed: Some("x".into()),
        created_at: Timestamp::from_seconds(activates_at),
        activates_at: Timestamp::from_seconds(activates_at),
        retires_at: retires_at.map(Timestamp::from_seconds),
    }
}

#[test]
fn the_next_key_is_announced_so_early_that_the_newest_signs_for_its_time() {
    let rotation = Rotation {
        after: 90 * DAY,
        announce: 3600,
    };
    let one = [key("a", 0, None)];
    let start = 90 * DAY - 3600;
    for (now, due) in [
        (-7200, None),
        (0, None),
        (start - 1, None),
        (
            start,
            Some(NextKey {
                predecessor: Some("a"),
                activates_at: Timestamp::from_seconds(90 * DAY),
            }),
        ),
        (
            400 * DAY,
            Some(NextKey {
                predecessor: Some("a"),
                activates_at: Timestamp::from_seconds(400 * DAY + 3600),
            }),
        ),
    ] {
        assert_eq!(
            rotation.due(&one, Timestamp::from_seconds(now)),
            due,
            "{now}"
        );
    }
    // Announced, and it counts from when it signs.
    let two = [key("a", 0, Some(104 * DAY)), key("b", 90 * DAY, None)];
    assert_eq!(rotation.due(&two, Timestamp::from_seconds(start)), None);
    assert_eq!(
        rotation.due(&two, Timestamp::from_seconds(180 * DAY - 3601)),
        None
    );
    assert_eq!(
        rotation
            .due(&two, Timestamp::from_seconds(180 * DAY - 3600))
            .and_then(|due| due.predecessor),
        Some("b")
    );
    assert_eq!(
        Rotation {
            after: 0,
            announce: 3600
        }
        .due(&one, Timestamp::from_seconds(4000 * DAY)),
        None,
        "0: never"
    );
}

#[test]
fn where_no_key_goes_on_signing_the_next_one_is_made_whatever_is_set() {
    for after in [0, 90 * DAY] {
        let rotation = Rotation {
            after,
            announce: 3600,
        };
        // The successor was announced and retired: the old key signs meanwhile.
        let retired = [key("a", 0, Some(14 * DAY)), key("b", 3600, Some(10))];
        assert_eq!(
            rotation.due(&retired, Timestamp::from_seconds(10)),
            Some(NextKey {
                predecessor: None,
                activates_at: Timestamp::from_seconds(3610)
            })
        );
        // Nobody signs that long: at once.
        assert_eq!(
            rotation.due(&retired, Timestamp::from_seconds(14 * DAY - 3600)),
            Some(NextKey {
                predecessor: None,
                activates_at: Timestamp::from_seconds(14 * DAY - 3600)
            })
        );
        assert_eq!(
            rotation.due(&retired, Timestamp::from_seconds(20 * DAY)),
            Some(NextKey {
                predecessor: None,
                activates_at: Timestamp::from_seconds(20 * DAY)
            })
        );
        assert_eq!(
            rotation.due(&[], Timestamp::from_seconds(10)),
            None,
            "the first key is made at the start"
        );
    }
}

#[test]
fn a_key_of_the_far_future_does_not_stop_the_rotation() {
    let rotation = Rotation {
        after: 90 * DAY,
        announce: 3600,
    };
    // Made while the clock was a year ahead; the one before it signs again.
    let ahead = [key("a", 0, Some(470 * DAY)), key("b", 456 * DAY, None)];
    let due = rotation.due(&ahead, Timestamp::from_seconds(91 * DAY));
    assert_eq!(
        due,
        Some(NextKey {
            predecessor: Some("b"),
            activates_at: Timestamp::from_seconds(91 * DAY + 3600)
        })
    );
    let settled = [
        key("a", 0, Some(470 * DAY)),
        key("b", 456 * DAY, Some(91 * DAY)),
        key("c", 91 * DAY + 3600, None),
    ];
    assert_eq!(
        rotation.due(&settled, Timestamp::from_seconds(92 * DAY)),
        None
    );
    // A day behind is waited for, and a clock behind every key is itself the fault.
    assert_eq!(
        rotation.due(&ahead, Timestamp::from_seconds(455 * DAY)),
        None
    );
    assert_eq!(
        rotation.due(
            &[key("a", 456 * DAY, None)],
            Timestamp::from_seconds(91 * DAY)
        ),
        None
    );
    assert_eq!(rotation.due(&ahead, Timestamp::from_seconds(-DAY)), None);
}
