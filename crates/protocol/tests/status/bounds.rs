//! What a list may be: bounded, whole, and nothing else.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_protocol::status::{ListFault, StatusList, Width, deflate, inflate};

fn read(compressed: &[u8], most: usize) -> Result<usize, ListFault> {
    let read = StatusList::read(1, &URL_SAFE_NO_PAD.encode(compressed), most);
    read.map(|list| list.bytes().len())
}

#[test]
fn a_list_is_as_large_as_there_is_room_for_and_no_larger() {
    let compressed = deflate(&[7; 100_000]);
    assert_eq!(read(&compressed, 100_000), Ok(100_000));
    assert_eq!(read(&compressed, 99_999), Err(ListFault::TooLarge));
    assert_eq!(read(&compressed, 0), Err(ListFault::TooLarge));
    assert_eq!(read(&deflate(&[]), 0), Ok(0));
}

/// A thousand times as large as it looks.
#[test]
fn a_bomb_takes_no_more_room_than_a_list() {
    let bomb = deflate(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100_000);
    assert_eq!(inflate(&bomb, 1 << 20), Err(ListFault::TooLarge));
}

#[test]
fn a_list_is_whole_and_alone() {
    let numbers: Vec<u8> = (0..50_000_u32).map(|n| (n * n % 251) as u8).collect();
    let compressed = deflate(&numbers);
    assert_eq!(inflate(&compressed, 50_000).as_deref(), Ok(&*numbers));
    for end in (0..compressed.len()).step_by(97) {
        let cut = inflate(&compressed[..end], 50_000);
        assert_eq!(cut, Err(ListFault::Compression), "{end}");
    }
    let without_checksum = &compressed[..compressed.len() - 4];
    let mut changed = compressed.clone();
    *changed.last_mut().unwrap() ^= 1;
    let longer = [&compressed[..], &[0]].concat();
    let twice = compressed.repeat(2);
    for bad in [without_checksum, &changed, &longer, &twice, b"text", &[]] {
        assert_eq!(inflate(bad, 50_000), Err(ListFault::Compression));
    }
}

/// RFC 4648 5, without padding (draft 4.2).
#[test]
fn other_encodings_are_refused() {
    for lst in ["eNrbuRgAAhcBXQ==", "eNrb+RgAAhcBXQ", "eNrb uRg", "e", "é"] {
        let read = StatusList::read(1, lst, 100);
        assert_eq!(read, Err(ListFault::Encoding), "{lst}");
    }
}

/// Nodes that know the same publish the same.
#[test]
fn the_same_list_is_the_same_text() {
    let list = || StatusList::of_bytes(Width::One, (0..=255).cycle().take(9999).collect());
    assert_eq!(list().lst(), list().lst());
}
