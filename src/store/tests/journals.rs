//! Journals: whatever happens to their bytes, nothing is read from them that was not written.

use proptest::prelude::*;

use super::{
    super::journal::{
        Content, Note,
        frame::{HEAD, Head, encode},
        scan::{Scanned, scan},
    },
    *,
};

/// A frame as it is read: kind, id, number, content.
type Read = (Kind, u8, u64, Vec<u8>);

fn frames() -> impl Strategy<Value = Vec<Read>> {
    let kind = prop::sample::select(vec![
        Kind::Record,
        Kind::Tree,
        Kind::Pack,
        Kind::Last,
        Kind::Stamp,
        Kind::Out,
    ]);
    let content = prop::collection::vec(
        prop::sample::select(vec![0x1e, b'\n', b' ', b'r', b'0']),
        0..40,
    );
    prop::collection::vec((kind, any::<u8>(), any::<u64>(), content), 1..12)
}

fn written(frames: &[Read]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, id, number, content) in frames {
        encode(*kind, &Digest([*id; 32]), *number, content, &mut bytes);
    }
    bytes
}

fn read(bytes: &[u8]) -> (Vec<Read>, Scanned) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal");
    fs::write(&path, bytes).unwrap();
    let mut all = Vec::new();
    let scanned = scan(
        &fs::File::open(path).unwrap(),
        0,
        true,
        &mut |head, _, content| {
            all.push((head.kind, head.id.0[0], head.number, content.to_vec()));
        },
    );
    (all, scanned.unwrap())
}

proptest! {
    #[test]
    fn frames_read_back_as_they_were_written(frames in frames()) {
        let bytes = written(&frames);
        let (read, scanned) = read(&bytes);
        prop_assert_eq!(read, frames);
        let whole = Scanned { end: bytes.len() as u64, is_damaged: false };
        prop_assert_eq!(scanned, whole);
    }

    #[test]
    fn a_journal_that_was_cut_off_has_the_frames_before_the_cut(frames in frames(), cut in any::<prop::sample::Index>()) {
        let bytes = written(&frames);
        let cut = cut.index(bytes.len());
        let (read, scanned) = read(&bytes[..cut]);
        prop_assert_eq!(&read[..], &frames[..read.len()]);
        prop_assert!(!scanned.is_damaged);
        prop_assert_eq!(scanned.end, written(&read).len() as u64);
        prop_assert!(written(&frames[..(read.len() + 1).min(frames.len())]).len() > cut || read == frames);
    }

    #[test]
    fn a_wrong_byte_costs_its_frame_and_no_other(frames in frames(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = written(&frames);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let (read, scanned) = read(&bytes);
        let hit = (0..frames.len()).find(|it| written(&frames[..=*it]).len() > at).unwrap();
        let mut rest = frames.clone();
        rest.remove(hit);
        prop_assert_eq!(read, rest);
        prop_assert_eq!(scanned.is_damaged, hit + 1 < frames.len());
    }

    #[test]
    fn nonsense_between_frames_costs_none(frames in frames(), at in any::<prop::sample::Index>(), nonsense in prop::collection::vec(any::<u8>(), 1..300)) {
        let at = at.index(frames.len());
        let bytes = [written(&frames[..at]), nonsense, written(&frames[at..])].concat();
        let (read, scanned) = read(&bytes);
        prop_assert_eq!(read, frames);
        prop_assert!(scanned.is_damaged);
    }
}

#[test]
fn a_head_has_the_size_that_it_says() {
    let mut bytes = Vec::new();
    encode(Kind::Pack, &Digest([7; 32]), 3, b"content", &mut bytes);
    let head = Head::parse(bytes.first_chunk().unwrap()).unwrap();
    assert_eq!(head.size(), bytes.len() as u64);
    assert_eq!(&bytes[HEAD..HEAD + 7], b"content");
    assert!(head.fits(b"content") && !head.fits(b"Content"));
}

#[test]
fn what_another_process_writes_is_seen_from_its_first_moment() {
    let place = Place::new();
    let folder = place.store.layout.journals();
    let readers: Vec<Store> = (0..3).map(|_| place.reopened()).collect();
    for reader in &readers {
        assert!(reader.record_keys().unwrap().is_empty());
    }
    // It is made, but neither locked nor written to: as it is for a moment.
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("new");
    fs::write(&path, "").unwrap();
    assert!(readers[0].record_keys().unwrap().is_empty());
    let lock = fs::File::options().append(true).open(&path).unwrap();
    lock.lock().unwrap();
    for seed in 1..5 {
        let record = Record {
            key: key(seed),
            parts: parts(seed),
            outputs: indexmap::IndexMap::new(),
            outs: indexmap::IndexMap::new(),
            observed: seen("fit"),
        };
        let mut bytes = Vec::new();
        let json = serde_json::to_vec(&record).unwrap();
        encode(Kind::Record, &key(seed).0, seed, &json, &mut bytes);
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        std::io::Write::write_all(&mut &lock, half).unwrap();
        assert_eq!(readers[1].record_keys().unwrap().len() as u64, seed - 1);
        std::io::Write::write_all(&mut &lock, rest).unwrap();
        for reader in &readers {
            reader.with_fresh_contents(|_| ()).unwrap();
            assert_eq!(reader.find_record(&key(seed)).unwrap(), record);
        }
        assert_eq!(place.store.quarantined().unwrap(), 0);
    }
}

#[test]
fn many_journals_become_one_that_says_the_same() {
    let place = Place::new();
    let (mut records, stages) = (Vec::new(), ["a", "b", "c"]);
    for seed in 0..40 {
        let store = place.reopened();
        let stage = stages[seed as usize % 3];
        records.push(make(&store, stage, seed, &[("x", &seed.to_string())]));
    }
    place.reopened().revoke(Kind::Record, key(5).0);
    let live = place.reopened();
    records.push(make(&live, "live", 100, &[("x", "100")]));
    assert!(journals(&place.store).len() > 40);
    let before = place.reopened();
    assert_fresh(&before, &key(1));
    place.store.flush().unwrap();
    assert_eq!(journals(&place.store).len(), 2, "and the live one");
    for store in [&before, &place.store, &place.reopened()] {
        for record in records.iter().filter(|it| it.key != key(5)) {
            assert_eq!(&assert_fresh(store, &record.key), record);
        }
        assert_eq!(stale(store, &key(5)), "");
        for (stage, seed) in [("a", 39), ("b", 37), ("c", 38), ("live", 100)] {
            assert_eq!(store.last_record(stage).unwrap().key, key(seed), "{stage}");
        }
    }
    make(&live, "live", 101, &[("x", "101")]);
    assert_fresh(&before, &key(101));
    assert_eq!(place.reopened().verify(&mut |_, _| {}).unwrap().damage, []);
}

#[test]
fn what_was_said_last_counts_whoever_said_it() {
    let place = Place::new();
    let stores: Vec<Store> = (0..4).map(|_| place.reopened()).collect();
    let id = Digest([1; 32]);
    for round in 0..20_u32 {
        for (at, store) in stores.iter().enumerate() {
            let text = format!("{round} {at}");
            let note = Note::new(Kind::Pack, id, text.clone());
            store.append(vec![note]).unwrap();
            for reader in [&place.reopened(), &stores[(at + 1) % 4]] {
                reader.with_fresh_contents(|_| ()).unwrap();
                let Content::Whole(content) = reader.content(Kind::Pack, &id).unwrap() else {
                    panic!("{text}")
                };
                assert_eq!(String::from_utf8(content).unwrap(), text);
            }
        }
    }
}

#[test]
fn a_journal_that_somebody_removed_is_not_written_to_any_more() {
    let place = Place::new();
    place.make("fit", 1, &[("a", "1")]);
    removal::remove_tree(&place.store.layout.journals()).unwrap();
    place.make("fit", 2, &[("a", "2")]);
    assert_fresh(&place.reopened(), &key(2));
}

#[test]
fn what_is_taken_back_late_spares_what_was_made_since() {
    let place = Place::new();
    make(&place.store, "a", 1, &[("x", "1")]);
    let slow = place.reopened();
    assert_fresh(&slow, &key(1));
    // Held back, and written at the end.
    slow.revoke(Kind::Record, key(1).0);
    assert_eq!(stale(&slow, &key(1)), "");
    assert_fresh(&place.reopened(), &key(1));
    let record = make(&place.reopened(), "a", 1, &[("x", "1")]);
    assert_eq!(assert_fresh(&slow, &key(1)), record);
    slow.flush().unwrap();
    for store in [&slow, &place.store, &place.reopened()] {
        assert_eq!(assert_fresh(store, &key(1)), record);
    }
    // Without anything new it is gone for all.
    let slow = place.reopened();
    slow.revoke(Kind::Record, key(1).0);
    slow.flush().unwrap();
    for store in [&slow, &place.store, &place.reopened()] {
        assert_eq!(stale(store, &key(1)), "");
    }
}

#[test]
fn more_journals_than_can_be_open_become_few() {
    let place = Place::new();
    for seed in 0..450 {
        let store = place.reopened();
        store.note(super::super::journal::Note::new(
            Kind::Last,
            key(seed).0,
            format!("stage-{seed}"),
        ));
        store.write_notes();
    }
    assert!(journals(&place.store).len() >= 450);
    place.store.flush().unwrap();
    assert_eq!(journals(&place.store).len(), 1);
    for seed in [0, 200, 449] {
        let last = place
            .store
            .with_contents(|it| it.last(&format!("stage-{seed}")));
        assert_eq!(last.unwrap(), Some(key(seed)));
    }
}
