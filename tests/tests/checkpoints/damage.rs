//! Files that are damaged or missing, and disks that are full (rule H5).

use super::*;

#[test]
fn h5_torn_flipped_and_missing_files_fall_back() {
    let world = crashed_at(230, |kept| kept.keep(3));
    let manifests = manifests(&world);
    assert!(manifests.len() >= 3);
    let expected = booked(&rows());
    let newest = manifests.last().expect("there are three");
    let segment = world.storage().names().into_iter().rfind(|name| name.ends_with(".segment"));
    for name in [newest, &segment.expect("there are some")] {
        let length = world.storage().bytes(name).expect("it is there").len();
        for bytes in [0, 1, 5, 6, 9, length / 2, length - 1] {
            let torn = copied(&world);
            torn.storage().tear(name, bytes);
            assert_eq!(gone_on(&torn).expect("an older one is whole"), expected, "{name} cut to {bytes}");
        }
        let lost = copied(&world);
        lost.storage().lose(name);
        assert_eq!(gone_on(&lost).expect("an older one is whole"), expected, "{name} lost");
    }
}

#[test]
fn h5_any_flipped_byte_is_an_error_or_changes_nothing() {
    let world = crashed_at(90, |kept| kept.keep(2));
    let expected = booked(&rows());
    let (mut right, mut refused) = (0, 0);
    for name in world.storage().names() {
        for byte in 0..world.storage().bytes(&name).expect("it is there").len() {
            let flipped = copied(&world);
            flipped.storage().flip(&name, byte * 8 + byte % 8);
            match gone_on_with(&flipped, kept(&flipped).on_demand()) {
                Ok(found) => {
                    assert_eq!(found, expected, "{name}, byte {byte}");
                    right += 1;
                }
                Err(CheckpointError::Damaged { .. }) => refused += 1,
                Err(error) => panic!("{name}, byte {byte}: {error}"),
            }
        }
    }
    println!("{right} right, {refused} refused");
    assert!(right > 500 && refused > 100);
}

#[test]
fn h5_where_every_checkpoint_is_damaged_nothing_begins_anew() {
    let world = crashed_at(180, |kept| kept);
    for manifest in manifests(&world) {
        world.storage().tear(&manifest, 20);
    }
    let error = gone_on(&world).expect_err("there is none that is whole");
    assert!(matches!(error, CheckpointError::Damaged { damage: Damage::Checksum, .. }), "{error}");
}

#[test]
fn h5_a_manifest_of_a_newer_version_is_refused() {
    let world = crashed_at(180, |kept| kept);
    let newest = manifests(&world).pop().expect("there are some");
    let mut bytes = world.storage().bytes(&newest).expect("it is there");
    bytes[5] += 1;
    world.storage().put(&newest, bytes);
    let error = gone_on(&world).expect_err("it is from the future");
    assert!(
        matches!(error, CheckpointError::Damaged { damage: Damage::Newer { version: 2 }, .. }),
        "{error}"
    );
}

#[test]
fn h5_so_many_checkpoints_are_kept_and_their_segments() {
    for keep in 1..=4 {
        let world = crashed_at(260, |kept| kept.keep(keep));
        // One more, where it crashed before the oldest was removed.
        assert!((keep..=keep + 1).contains(&manifests(&world).len()));
        // Each of them, and not only the last, can be gone on from.
        while let Some(newest) = manifests(&world).pop() {
            assert_eq!(gone_on(&copied(&world)).expect("it is whole"), booked(&rows()));
            world.storage().lose(&newest);
        }
    }
}

#[test]
fn h5_what_was_fallen_back_behind_is_removed_and_its_number_not_used_again() {
    let world = crashed_at(230, |kept| kept.keep(3));
    let newest = manifests(&world).pop().expect("there are some");
    world.storage().tear(&newest, 30);
    let published = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&published);
    let checkpoints = kept(&world).observed_by(move |published| {
        noted
            .lock()
            .expect("nobody panics in here")
            .push(format!("checkpoints/{:010}.manifest", published.number));
    });
    let lived = world.run(accounts!(&world).checkpoints(checkpoints), 5);
    assert!(matches!(lived, Lived::Ended(_)));
    let published = published.lock().expect("nobody panics in here");
    assert!(!published.is_empty() && published.iter().all(|name| *name > newest));
    assert!(!manifests(&world).contains(&newest));
}

#[test]
fn h5_failed_checkpoints_do_not_fail_the_graph_until_there_are_too_many() {
    // Each attempt fails at its first write.
    for (failing, survives) in [(2, true), (3, false)] {
        let world = World::new(1);
        world.storage().fail_next(failing);
        let lived = world.run(accounts!(&world).checkpoints(kept(&world).tolerate_failures(2)), 1);
        match lived {
            Lived::Ended(result) if survives => assert_eq!(result.balances, booked(&rows())),
            Lived::Failed(Error::Checkpoint(error)) if !survives => {
                assert!(matches!(*error, CheckpointError::Failing { failures: 3, .. }), "{error}");
                assert_eq!(
                    error.to_string(),
                    "3 checkpoints in a row could not be taken; the last because of: cannot write \
                     `segments/0000000003.segment` in `simulated`: simulated failure of the storage"
                );
            }
            _ => panic!("{failing} failures"),
        }
    }
}

#[test]
fn h5_the_last_checkpoint_is_tried_again_like_any_other() {
    let world = World::new(1);
    world.storage().fail_next(2);
    let checkpoints = kept(&world).on_demand().tolerate_failures(2);
    let lived = world.run(accounts!(&world).checkpoints(checkpoints), 1);
    assert!(matches!(lived, Lived::Ended(_)));
    assert_eq!(manifests(&world).len(), 1);
}

#[test]
fn h5_a_full_disk_is_told_and_the_graph_goes_on_once_there_is_room() {
    let world = crashed_at(180, |kept| kept);
    let used: usize =
        world.storage().names().iter().filter_map(|name| Some(world.storage().bytes(name)?.len())).sum();
    world.storage().limit(Some(used + 10));
    let error = gone_on(&world).expect_err("nothing can be written");
    let CheckpointError::Failing { failures: 4, last } = error else { panic!("{error}") };
    let CheckpointError::Storage { source, .. } = *last else { panic!("{last}") };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    world.restart();
    world.storage().limit(None);
    assert_eq!(gone_on(&world).expect("there is room"), booked(&rows()));
}

#[test]
fn h5_a_segment_that_is_damaged_while_the_graph_runs_is_not_built_upon() {
    let world = World::new(1);
    let storage = world.storage();
    let damaged = Cell::new(false);
    let handle = world.storage();
    let damaged = std::sync::atomic::AtomicBool::new(damaged.get());
    // The first segment goes bad; the ninth checkpoint merges, and finds it.
    let checkpoints = kept(&world).every(1.micros()).observed_by(move |published| {
        if published.number == 2 && !damaged.swap(true, std::sync::atomic::Ordering::Relaxed) {
            handle.flip("segments/0000000001.segment", 80);
        }
    });
    world.crash_at(600);
    let lived = world.run(accounts!(&world).batch(1).checkpoints(checkpoints), 1);
    assert!(matches!(lived, Lived::Crashed));
    assert!(manifests(&world).pop().is_some_and(|last| *last > *"checkpoints/0000000012.manifest"));
    assert!(storage.bytes("segments/0000000001.segment").is_none(), "it is not needed any more");
    world.restart();
    assert_eq!(gone_on(&world).expect("the last one holds everything again"), booked(&rows()));
}

#[test]
fn two_graphs_on_one_state_are_refused() {
    let directory = std::env::temp_dir().join(format!("streamweave-two-graphs-{}", std::process::id()));
    let (tap, world) = (Tap::default(), World::new(1));
    macro_rules! graph {
        () => {
            streamweave::prelude::graph! {
                #![durable = exactly_once]
                numbers = tapped(&tap);
                numbers -> out;
                out = transactions(&world, "out");
            }
            .checkpoints(Checkpoints::in_directory(&directory))
        };
    }
    on_runtime(async {
        let running = graph!().spawn();
        settled(&running).await;
        let error = graph!().run().await.expect_err("another has it");
        assert_eq!(
            error.to_string(),
            format!(
                "`{}` is in use: another graph keeps its checkpoints there; give each graph a directory of its own",
                directory.display()
            )
        );
        running.abort();
        assert!(running.await.is_err());
        // The first is gone, and so is its lock.
        tap.open(1, true);
        graph!().run().await.expect("nobody else has it");
    });
    std::fs::remove_dir_all(directory).expect("it was made");
}

#[test]
fn a_directory_that_cannot_be_written_is_told_before_the_first_row() {
    let file = std::env::temp_dir().join(format!("streamweave-no-directory-{}", std::process::id()));
    std::fs::write(&file, "a file").expect("a temporary file");
    let world = World::new(1);
    let checkpoints = Checkpoints::in_directory(file.join("state")).in_place();
    let lived = world.run(accounts!(&world).checkpoints(checkpoints), 1);
    let Lived::Failed(Error::Checkpoint(error)) = lived else { panic!("it is no directory") };
    let expected = format!("cannot lock `LOCK` in `{}`", file.join("state").display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    std::fs::remove_file(file).expect("it was made");
}

#[test]
fn objects_of_a_directory_are_there_once_they_are_published() {
    let directory = std::env::temp_dir().join(format!("streamweave-objects-{}", std::process::id()));
    let storage = LocalDirectory::new(directory.join("some").join("where"));
    let mut object = storage.create("folder/a").expect("it can be made");
    object.write_all(b"1").expect("it can be written");
    assert_eq!(storage.list("folder").expect("it can be read"), Vec::<String>::new());
    assert!(storage.read("folder/a").is_err());
    object.publish().expect("it can be renamed");
    drop(storage.create("folder/b").expect("it can be made"));
    assert_eq!(storage.list("folder").expect("it can be read"), ["a"]);
    assert_eq!(storage.read("folder/a").expect("it is there"), b"1");
    std::fs::remove_dir_all(directory).expect("it was made");
}
