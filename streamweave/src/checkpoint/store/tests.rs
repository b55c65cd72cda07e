use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::storage::LocalDirectory;
use super::*;
use crate::state::keyed_log::{self, Merged};
use crate::state::{Chance, KEY_GROUPS};
use crate::time::ProcessingTime;

type Naive = BTreeMap<Vec<u8>, Vec<u8>>;

/// A directory that is there as long as a test.
struct Folder(PathBuf);

impl Folder {
    fn of(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("streamweave-store-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    fn store(&self) -> Store {
        let storage = LocalDirectory::new(&self.0);
        let name = storage.to_string();
        Store::open(Box::new(storage), name, 3).expect("nobody else uses it")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn part(field: &str, content: Content, bytes: Vec<u8>) -> Part {
    let (node, field, type_name) = ("node".to_owned(), field.to_owned(), "a type".to_owned());
    Part { node, field, type_name, content, entries: 0, bytes }
}

fn log(field: &str, full: bool, sorted: bool, bytes: Vec<u8>) -> Part {
    part(field, Content::Log { full, sorted, begins: full && sorted }, bytes)
}

fn publish(store: &mut Store, full: bool) -> Manifest {
    let manifest = Manifest {
        number: store.next_number(),
        kind: Kind::Periodic,
        graph: None,
        nodes: BTreeSet::new(),
        ended: BTreeSet::new(),
        maps: ["one", "other"].map(|field| ("node".to_owned(), field.to_owned())).into(),
        batches: 0,
        cut_at: ProcessingTime::MIN,
        key_groups: KEY_GROUPS,
        segments: Vec::new(),
    };
    let number = store.publish(manifest, full).expect("it can be written").number;
    store.manifests[&number].clone()
}

/// What the maps of a checkpoint have in them.
fn contents(store: &Store, manifest: &Manifest) -> BTreeMap<String, Naive> {
    let loading = store.load(manifest).expect("it is whole");
    let mut contents = BTreeMap::new();
    for (head, pieces) in loading.fields().filter(|(head, _)| head.field != "value") {
        let mut merged = Merged::default();
        for (content, bytes) in pieces {
            let Content::Log { full, .. } = content else { panic!("a log") };
            merged.add(full, bytes).expect("records");
        }
        let entries = merged.entries().map(|(key, value)| (key.to_vec(), value.to_vec()));
        contents.insert(head.field, entries.collect());
    }
    contents
}

fn key(chance: &mut Chance, keys: usize) -> Vec<u8> {
    format!("{:b}", chance.below(keys)).into_bytes()
}

/// All entries, in sorted parts; the first is full.
fn write_all(store: &mut Store, field: &str, naive: &Naive, chance: &mut Chance) {
    let (mut full, mut bytes) = (true, Vec::new());
    for (key, value) in naive {
        keyed_log::append(key, Some(value), &mut bytes);
        if chance.below(9) == 0 {
            store.write(&log(field, full, true, std::mem::take(&mut bytes))).expect("it can be written");
            full = false;
        }
    }
    store.write(&log(field, full, true, bytes)).expect("it can be written");
}

/// Changes, in the order in which they come.
fn write_changes(store: &mut Store, field: &str, naive: &mut Naive, chance: &mut Chance) {
    for _ in 0..chance.below(40) {
        let mut bytes = Vec::new();
        for _ in 0..chance.below(60) {
            let key = key(chance, 3_000);
            let value = (chance.below(4) > 0).then(|| vec![chance.below(256) as u8; chance.below(900)]);
            keyed_log::append(&key, value.as_deref(), &mut bytes);
            match value {
                Some(value) => drop(naive.insert(key, value)),
                None => drop(naive.remove(&key)),
            }
        }
        let changes = log(field, false, false, bytes);
        if chance.below(20) == 0 {
            // As it was before logs were sorted.
            if let Some(sorter) = store.sorter.take() {
                let mut open = store.open.take().expect("it was begun");
                sorter.end(&mut |part: &Part| store.write_to(&mut open, part)).expect("it can be written");
                store.open = Some(open);
            }
            let mut open = store.open.take().unwrap_or_else(|| store.begin_segment().expect("a segment"));
            store.write_to(&mut open, &changes).expect("it can be written");
            store.open = Some(open);
        } else {
            store.write(&changes).expect("it can be written");
        }
    }
}

#[test]
fn logs_are_merged_to_what_was_written() {
    let folder = Folder::of("merged");
    for seed in 0..6 {
        let mut chance = Chance(seed);
        let mut store = folder.store();
        // Many runs in each segment.
        store.run = 1 << chance.below(18);
        let mut naive: BTreeMap<String, Naive> = BTreeMap::new();
        let mut merges = 0;
        for at in 0..40 {
            let full = at == 0 || chance.below(25) == 0;
            for field in ["one", "other"] {
                let naive = naive.entry(field.to_owned()).or_default();
                if full || chance.below(25) == 0 {
                    write_all(&mut store, field, naive, &mut chance);
                }
                write_changes(&mut store, field, naive, &mut chance);
            }
            store.write(&part("value", Content::Value, vec![7; 3])).expect("it can be written");
            let manifest = publish(&mut store, full);
            assert_eq!(contents(&store, &manifest), naive, "seed {seed}, checkpoint {at}");
            let segments = store.chain.len();
            store.tidy().expect("segments can be merged");
            if store.chain.len() < segments {
                merges += 1;
                let merged = Manifest { segments: store.chain.clone(), ..manifest };
                assert_eq!(contents(&store, &merged), naive, "seed {seed}, merged behind checkpoint {at}");
            }
        }
        assert!(merges >= 2, "{merges}");
    }
}

/// A store with a large log that is sorted and eight that together are as large; the last checkpoint, and bytes in all.
fn with_large_logs(folder: &Folder) -> (Store, Manifest, u64) {
    let mut store = folder.store();
    let mut write = |full, sorted, keys: &mut dyn Iterator<Item = u64>| {
        let (mut is_first, mut bytes) = (full, Vec::new());
        let mut keys = keys.peekable();
        while let Some(key) = keys.next() {
            keyed_log::append(&key.to_be_bytes(), Some(&[key as u8; 90]), &mut bytes);
            if bytes.len() > 50_000 || keys.peek().is_none() {
                let part = log("one", std::mem::take(&mut is_first), sorted, std::mem::take(&mut bytes));
                store.write(&part).expect("it can be written");
            }
        }
        publish(&mut store, full)
    };
    let mut last = write(true, true, &mut (0..200_000).map(|key| key * 2));
    for at in 0..8 {
        // Each key is there once, and in no order.
        last = write(false, false, &mut (0..25_000).map(|key| (key * 7_919 % 25_000 * 8 + at) * 2 + 1));
    }
    let bytes = store.chain.iter().map(|segment| segment.length).sum();
    (store, last, bytes)
}

/// A quarter of a megabyte for a run, four for all.
const BUFFERS: u64 = 6 << 20;

#[test]
fn large_logs_are_merged_in_a_fraction_of_their_size() {
    let folder = Folder::of("large");
    let (mut store, last, bytes) = with_large_logs(&folder);
    assert!(bytes > 38 << 20, "{bytes}");
    let peak = allocation_counter::measure(|| store.tidy().expect("segments can be merged")).bytes_max;
    assert!(store.chain[0].length > 38 << 20, "the large ones were merged");
    assert!(peak < BUFFERS, "{peak} of {bytes} bytes");
    let merged = Manifest { segments: store.chain.clone(), ..last };
    let contents = &contents(&store, &merged)["one"];
    assert!(
        contents
            .keys()
            .map(|key| key[..].try_into().expect("eight bytes"))
            .map(u64::from_be_bytes)
            .eq(0..400_000)
    );
}

#[test]
fn a_log_is_sorted_in_memory_for_a_run() {
    let folder = Folder::of("sorted");
    let (mut store, ..) = with_large_logs(&folder);
    let peak = allocation_counter::measure(|| {
        let mut chance = Chance(1);
        for _ in 0..800 {
            let mut bytes = Vec::new();
            (0..500)
                .for_each(|_| keyed_log::append(&chance.draw().to_be_bytes(), Some(&[1; 90]), &mut bytes));
            store.write(&log("one", false, false, bytes)).expect("it can be written");
        }
        publish(&mut store, false);
    });
    // A vector that grows has twice as much as is in it.
    assert!(peak.bytes_max < 3 * RUN as u64, "{peak:?}");
}

#[test]
fn h5_a_log_that_is_damaged_is_not_merged() {
    let folder = Folder::of("damaged");
    let (mut store, last, _) = with_large_logs(&folder);
    flip(&folder.0.join(&store.chain[1].name), 1_000_000);
    let manifest = Manifest { number: store.next_number(), ..last };
    store.tidy().expect("the next checkpoint tells");
    assert_eq!(store.chain.len(), 9);
    let error = store.publish(manifest, false).expect_err("a byte is another");
    assert!(matches!(error, CheckpointError::Damaged { damage: Damage::Checksum, .. }), "{error}");
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = std::fs::read(path).expect("it is there");
    bytes[byte] ^= 1;
    std::fs::write(path, bytes).expect("it can be written");
}

#[cfg(feature = "lsm")]
mod large_map {
    use super::*;
    use crate::state::{Fields, LargeMap};

    /// A checkpoint of so many keys, as a `LargeMap` saves them; loaded, they are a few in memory.
    fn saved(folder: &Folder, keys: u64) -> Store {
        let mut store = folder.store();
        let mut map: LargeMap<u64, String> = LargeMap::holding(1_000);
        for round in 1..3 {
            (0..keys / round).for_each(|key| drop(map.insert(key, format!("{round} {key:80}"))));
            let mut saving =
                crate::state::Saving { full: round == 1, number: round, budget: 4096, ..Default::default() };
            fields(&mut Fields::cut(&mut saving), &mut map);
            loop {
                saving.parts.drain(..).for_each(|part| store.write(&part).expect("it can be written"));
                if saving.unfinished.is_empty() {
                    break;
                }
                saving = crate::state::Saving { budget: 4096, ..Default::default() };
                fields(&mut Fields::slice(&mut saving), &mut map);
            }
            publish(&mut store, round == 1);
        }
        store
    }

    fn fields(fields: &mut Fields<'_>, map: &mut LargeMap<u64, String>) {
        try_fields(fields, map).expect("the same type");
    }

    fn try_fields(
        fields: &mut Fields<'_>,
        map: &mut LargeMap<u64, String>,
    ) -> Result<(), crate::state::Mismatch> {
        fields.inside("node", |fields| fields.nested("one", map))
    }

    #[test]
    fn what_is_larger_than_memory_is_restored_piece_by_piece() {
        let folder = Folder::of("restored");
        let keys = 100_000;
        let mut store = saved(&folder, keys);
        let bytes: u64 = store.chain.iter().map(|segment| segment.length).sum();
        assert!(bytes > 12 << 20, "{bytes}");
        let mut found = None;
        let peak = allocation_counter::measure(|| found = store.restore(None).expect("it is whole"));
        assert!(peak.bytes_max < 3 << 20, "{peak:?} of {bytes} bytes");
        let (_, mut loading, _) = found.expect("it is there");
        let mut map = LargeMap::holding(1_000);
        fields(&mut Fields::load(&mut loading), &mut map);
        let mut next = 0;
        map.for_each(|key, value| {
            let round = if *key < keys / 2 { 2 } else { 1 };
            assert_eq!((*key, value), (next, &format!("{round} {key:80}")));
            next += 1;
        });
        assert_eq!((next, map.len() as u64), (keys, keys));
    }

    #[test]
    fn h5_a_flipped_byte_is_found_before_anything_is_loaded() {
        let folder = Folder::of("flipped");
        let mut store = saved(&folder, 40_000);
        let mut chance = Chance(1);
        for segment in store.chain.clone() {
            assert!(segment.length > SMALL);
            for _ in 0..20 {
                let byte = chance.below(segment.length as usize);
                flip(&folder.0.join(&segment.name), byte);
                let restored = store.restore(None);
                let refused = matches!(restored, Err(CheckpointError::Damaged { .. }));
                let fell_back = matches!(&restored, Ok(Some((manifest, ..))) if manifest.number == 1);
                assert!(refused || fell_back, "{segment:?}, byte {byte}");
                flip(&folder.0.join(&segment.name), byte);
            }
        }
    }

    #[test]
    fn h5_a_byte_that_is_flipped_before_it_is_loaded_is_found() {
        let folder = Folder::of("flipped-late");
        let mut store = saved(&folder, 40_000);
        let (_, mut loading, _) = store.restore(None).expect("it is whole").expect("it is there");
        flip(&folder.0.join(&store.chain[0].name), 1_000_000);
        let mut map = LargeMap::holding(1_000);
        let mismatch = try_fields(&mut Fields::load(&mut loading), &mut map).expect_err("a byte is another");
        assert!(mismatch.to_string().contains("checksum"), "{mismatch}");
        let why = loading.why_unread().expect("it could not be read");
        let why = why.downcast::<CheckpointError>().expect("what the storage says");
        assert!(matches!(*why, CheckpointError::Damaged { damage: Damage::Checksum, .. }), "{why}");
    }
}
