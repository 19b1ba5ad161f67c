//! The examples of the draft: chapter 4, and appendix C with lists of 2^20 entries.

use latchkey_protocol::status::{ListFault, StatusList, Width};

const MOST: usize = 1 << 20;

const LARGE_ONE: &str = "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADje\
     lAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb";

const LARGE_TWO: &str = "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEB5WwIAAAAAAA\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAID0ugQAAAAA\
     AAAAAAAAAAAAQG12SgAAAAAAAAAAAAAAAAAAAAAAAAAAAOCSIQEAAAAAAAAAAAAAAAAAAAAAAAD8ExIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAwJEuAQAAAAAAAAAAAAAAAAAAAAAAAMB9SwIAAAAAAAAAAAAAAAAAAACoYUoAAAAAAAAAAAAAAEBqH81gAQw";

const LARGE_FOUR: &str = "eNrt0EENgDAQADAIHwImkIIEJEwCUpCEBBQRHOy35Li1EjoOQGabAgAAAAAAAAAAAAAAAAAAACC1SQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAAAABADrsCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AADoxaEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI\
     IoCgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACArpwKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAGhqVkAzlwIAAAAAiGVRAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABx3AoAgLpVAQAAAAAAAAAAAAAAwM89rwMAAAAAAAAAAA\
     jsA9xMBMA";

/// 4.1 and 4.2: the entry 0 is the least significant bit of the first byte.
#[test]
fn the_small_lists_are_read() {
    let one = StatusList::read(1, "eNrbuRgAAhcBXQ", MOST).unwrap();
    assert_eq!(one.bytes(), [0xb9, 0xa3]);
    let statuses: Vec<u8> = (0..16).filter_map(|at| one.get(at)).collect();
    assert_eq!(statuses, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
    let two = StatusList::read(2, "eNo76fITAAPfAgc", MOST).unwrap();
    assert_eq!(two.bytes(), [0xc9, 0x44, 0xf9]);
    let statuses: Vec<u8> = (0..12).filter_map(|at| two.get(at)).collect();
    assert_eq!(statuses, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
    assert_eq!((one.get(16), two.get(12)), (None, None));
}

/// Appendix C.
#[test]
fn the_large_lists_are_read() {
    let one = [
        0, 1993, 25460, 159_495, 495_669, 554_353, 645_645, 723_232, 854_545, 934_534, 1_000_345,
    ];
    let two = [1, 2, 1, 3, 1, 1, 2, 1, 1, 2, 3];
    let four = [
        0, 1993, 35460, 459_495, 595_669, 754_353, 845_645, 923_232, 924_445, 934_534, 1_004_534,
        1_000_345, 1_030_203, 1_030_204, 1_030_205,
    ];
    for (bits, lst, places, statuses) in [
        (1, LARGE_ONE, &one[..], [1; 11].to_vec()),
        (2, LARGE_TWO, &one[..], two.to_vec()),
        (4, LARGE_FOUR, &four[..], (1..=15).collect()),
    ] {
        let list = StatusList::read(bits, lst, MOST).unwrap();
        let mut expected: Vec<(u64, u8)> = places.iter().copied().zip(statuses).collect();
        expected.sort_unstable();
        let noted = (0..1 << 20).map(|at| (at, list.get(at).unwrap()));
        let noted: Vec<(u64, u8)> = noted.filter(|(_, status)| *status != 0).collect();
        assert_eq!(noted, expected, "{bits}");
        assert_eq!(list.get(1 << 20), None);
    }
}

/// Other programs compress otherwise; what they read is the same.
#[test]
fn what_is_written_is_read_again() {
    for (bits, width) in [
        (1, Width::One),
        (2, Width::Two),
        (4, Width::Four),
        (8, Width::Eight),
    ] {
        assert_eq!(Width::of(bits), Ok(width));
        let mut list = StatusList::of_bytes(width, vec![0; 1000]);
        let (entries, most) = (8000 / bits, u8::MAX >> (8 - bits));
        let status = |at: u64| u8::try_from(at * 7 % (u64::from(most) + 1)).unwrap();
        for at in 0..entries {
            list.set(at, most);
            list.set(at, status(at));
        }
        list.set(entries, 1);
        let again = StatusList::read(bits, &list.lst(), 1000).unwrap();
        assert_eq!(again, list);
        assert!((0..entries).all(|at| again.get(at) == Some(status(at))));
        assert_eq!((again.get(entries), again.get(u64::MAX)), (None, None));
        assert_eq!(u64::from(again.width().bits()), bits);
        assert_eq!(again.into_bytes(), list.bytes());
    }
}

#[test]
fn other_widths_are_refused() {
    for bits in [0, 3, 5, 6, 7, 9, 16, 256 + 1, u64::MAX] {
        let read = StatusList::read(bits, "eNrbuRgAAhcBXQ", MOST);
        assert_eq!(read, Err(ListFault::Bits), "{bits}");
    }
}
