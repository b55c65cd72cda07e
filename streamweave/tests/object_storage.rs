//! Checkpoints in a store of objects: `cargo test -p streamweave --features object-store --test object_storage`.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use streamweave::Error;
use streamweave::checkpoint::{Archive, CheckpointError, Checkpoints, ObjectStorage, Storage};
use streamweave::prelude::*;

const ROWS: u64 = 4_000;

fn storage(store: &Arc<dyn ObjectStore>) -> ObjectStorage {
    ObjectStorage::new(Arc::clone(store), "graphs/sums").expect("a thread")
}

/// Sums the rows up by key; the row `fails` panics.
fn sums(storage: ObjectStorage, fails: Option<u64>) -> Result<Vec<u64>, Error> {
    let name = storage.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        graph! {
            #![durable = exactly_once]
            rows = from_iter(0..ROWS);
            counted = count();
            counts = collect();
            rows -> map(|row| {
                assert!(Some(row) != fails, "row {row} fails");
                row
            }) -> key_by(|row| row % 7) -> counted -> map(|counted| counted.value) -> counts;
        }
        .batch(64)
        .checkpoints(Checkpoints::in_storage(storage, name).every(1.micros()).in_place())
        .run()
        .await
        .map(|outcome| outcome.counts)
    })
}

/// Fails, goes on, and ends as if it had not failed.
fn a_run_is_restored(store: &Arc<dyn ObjectStore>) {
    for fails in [1_000, 1_001, 3_000] {
        let failed = sums(storage(store), Some(fails)).expect_err("the row fails");
        assert!(failed.to_string().contains(&format!("row {fails} fails")), "{failed}");
    }
    let expected: Vec<u64> = (0..ROWS).map(|row| row / 7 + 1).collect();
    assert_eq!(sums(storage(store), None).expect("nothing fails"), expected);
    let mut archive = Archive::in_storage(storage(store), "a test").expect("it can be read");
    let checkpoints = archive.checkpoints().expect("they can be read");
    assert_eq!(checkpoints.len(), 3, "so many are kept");
    assert!(checkpoints[0].number > 20, "rows come in many batches: {}", checkpoints[0].number);
    checkpoints.iter().for_each(|checkpoint| archive.verify(checkpoint).expect("it is whole"));
}

#[test]
fn h5_a_run_is_restored_from_objects_in_memory() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    a_run_is_restored(&store);
}

#[test]
fn h5_a_run_is_restored_from_objects_in_files() {
    let path = std::env::temp_dir().join(format!("streamweave-objects-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a temporary directory");
    let files = LocalFileSystem::new_with_prefix(&path).expect("it is there");
    let store: Arc<dyn ObjectStore> = Arc::new(files);
    a_run_is_restored(&store);
    let left: Vec<_> = std::fs::read_dir(path.join("graphs/sums")).expect("it is there").collect();
    assert_eq!(left.len(), 2, "the folders, and no lock: {left:?}");
    std::fs::remove_dir_all(&path).expect("it is there");
}

#[test]
fn h5_an_object_is_there_once_it_is_published_and_not_before() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let storage = storage(&store);
    // Large enough for several parts.
    for size in [10, 20 << 20] {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let name = format!("segments/{size}");
        let mut object = storage.create(&name).expect("it can be written");
        object.write_all(&bytes).expect("it can be written");
        assert!(storage.list("segments").expect("it can be read").iter().all(|known| !name.ends_with(known)));
        drop(object);
        assert!(storage.read(&name).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound));
        let mut object = storage.create(&name).expect("it can be written");
        bytes.chunks(1 << 20).for_each(|chunk| object.write_all(chunk).expect("it can be written"));
        object.publish().expect("it can be written");
        assert!(storage.read(&name).expect("it is there") == bytes);
    }
    assert_eq!(storage.list("segments").expect("it can be read").len(), 2);
    storage.remove("segments/10").expect("it is there");
    storage.remove("segments/10").expect("it need not be");
    assert_eq!(storage.list("segments").expect("it can be read"), [(20 << 20).to_string()]);
}

#[test]
fn a_lock_keeps_others_out_until_it_is_removed_or_its_owner_comes_again() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut first = storage(&store).owned_by("worker-1");
    assert!(first.lock().expect("it can be written"));
    let refused = sums(storage(&store), None).expect_err("it is locked");
    let Error::Checkpoint(why) = &refused else { panic!("{refused}") };
    assert!(matches!(**why, CheckpointError::Locked { .. }), "{refused}");
    assert!(!storage(&store).owned_by("worker-10").lock().expect("it can be read"));

    // The first one was killed, it seems: it is started again.
    let mut again = storage(&store).owned_by("worker-1");
    assert!(again.lock().expect("it can be written"));
    let published =
        |storage: &ObjectStorage| storage.create("segments/1").and_then(|object| object.publish());
    let error = published(&first).expect_err("it is not its own").to_string();
    assert!(error.contains("taken over by `worker-1`"), "{error}");
    published(&again).expect("it is its own");
    drop(first);
    published(&again).expect("it is its own still");

    let mut by_hand = storage(&store);
    assert!(!by_hand.lock().expect("it can be read"));
    by_hand.unlock().expect("it can be removed");
    assert!(by_hand.lock().expect("it can be written"));
    let error = published(&again).expect_err("it is not its own").to_string();
    assert!(error.contains("taken over by `process"), "{error}");
    drop(by_hand);
    assert!(storage(&store).lock().expect("nobody has it"));
}
