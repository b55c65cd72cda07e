use std::collections::BTreeMap;

use super::super::fields::Fields;
use super::super::loading::Loading;
use super::super::{Chance, KEY_GROUPS, Map, State};
use super::*;

type Tested = LargeMap<u32, Vec<u8>>;

/// How many entries are in memory: few, so that most leave.
const HELD: usize = 60;

fn loading(parts: &[Part]) -> Loading {
    let mut loading = Loading::of_one();
    for part in parts {
        let file = loading.file(part.bytes.clone());
        loading.piece(part, file, 0..part.bytes.len());
    }
    loading
}

/// What the parts of checkpoints, one after the other, are loaded as.
fn loaded(parts: &[Part]) -> Tested {
    let mut map = LargeMap::holding(HELD);
    map.fields(&mut Fields::load(&mut loading(parts))).expect("the same type");
    map
}

fn entries(map: &mut Tested) -> Vec<(u32, Vec<u8>)> {
    let mut entries = Vec::new();
    map.for_each(|key, value| entries.push((*key, value.clone())));
    entries
}

fn expected(naive: &BTreeMap<u32, Vec<u8>>) -> Vec<(u32, Vec<u8>)> {
    naive.iter().map(|(key, value)| (*key, value.clone())).collect()
}

/// One change of many kinds.
fn change(map: &mut Tested, naive: &mut BTreeMap<u32, Vec<u8>>, chance: &mut Chance) {
    let key = chance.below(900) as u32;
    match chance.below(400) {
        0 => {
            let odd = chance.below(2) as u32;
            let mut seen = Vec::new();
            map.retain(|key, value| {
                seen.push(*key);
                if key % 5 == 0 {
                    value.push(1);
                }
                key % 3 != odd
            });
            assert!(seen.iter().eq(naive.keys()), "every key in order");
            naive.retain(|key, value| {
                if key % 5 == 0 {
                    value.push(1);
                }
                key % 3 != odd
            });
        }
        1 if chance.below(8) == 0 => {
            map.clear();
            naive.clear();
        }
        2 => assert_eq!(entries(map), expected(naive)),
        3..120 => assert_eq!(map.remove(&key), naive.remove(&key)),
        120..180 => {
            let byte = chance.below(256) as u8;
            let value = map.get_mut(&key);
            assert_eq!(value, naive.get_mut(&key));
            if let Some(value) = value {
                value.push(byte);
            }
            if let Some(value) = naive.get_mut(&key) {
                value.push(byte);
            }
        }
        _ => {
            let value = vec![7; chance.below(200)];
            assert_eq!(map.insert(key, value.clone()), naive.insert(key, value));
        }
    }
    let other = chance.below(900) as u32;
    assert_eq!(map.contains_key(&other), naive.contains_key(&other));
    assert_eq!(map.get(&key), naive.get(&key));
    assert_eq!((map.len(), map.is_empty()), (naive.len(), naive.is_empty()));
    assert!(map.in_memory() <= HELD);
}

fn cut(map: &mut Tested, full: bool, budget: usize) -> Saving {
    let mut saving = Saving { full, number: map.saved_as.number() + 1, budget, ..Saving::default() };
    map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
    saving
}

#[test]
fn what_is_cut_while_it_changes_and_leaves_memory_is_what_it_was_at_the_cut() {
    for seed in 0..5 {
        let mut chance = Chance(seed);
        let (mut map, mut naive) = (LargeMap::holding(HELD), BTreeMap::new());
        let mut parts: Vec<Part> = Vec::new();
        for at in 0..7 {
            for _ in 0..chance.below(600) {
                change(&mut map, &mut naive, &mut chance);
            }
            let before = expected(&naive);
            let full = at == 0 || chance.below(4) == 0;
            let mut saving = cut(&mut map, full, 1 + chance.below(40));
            let mut unfinished = !saving.unfinished.is_empty();
            parts.append(&mut saving.parts);
            while unfinished {
                for _ in 0..chance.below(30) {
                    change(&mut map, &mut naive, &mut chance);
                }
                let mut saving = Saving { budget: 1 + chance.below(40), ..Saving::default() };
                map.fields(&mut Fields::slice(&mut saving)).expect("nothing is loaded");
                unfinished = !saving.unfinished.is_empty();
                parts.append(&mut saving.parts);
            }
            let mut restored = loaded(&parts);
            assert_eq!(restored.len(), before.len(), "seed {seed}, cut {at}");
            assert_eq!(entries(&mut restored), before, "seed {seed}, cut {at}");
        }
        assert_eq!(entries(&mut map), expected(&naive));
    }
}

#[test]
fn what_goes_on_from_a_restore_is_saved_as_what_changed_since() {
    let mut chance = Chance(3);
    let (mut map, mut naive) = (LargeMap::holding(HELD), BTreeMap::new());
    let mut parts: Vec<Part> = Vec::new();
    for _ in 0..15 {
        (0..200).for_each(|_| change(&mut map, &mut naive, &mut chance));
        let full = parts.is_empty();
        parts.append(&mut cut(&mut map, full, usize::MAX).parts);
        map = loaded(&parts);
        assert_eq!(entries(&mut map), expected(&naive));
    }
}

#[test]
fn a_cut_that_failed_is_made_up_for_by_a_full_one() {
    let mut map: Tested = LargeMap::holding(HELD);
    (0..500).for_each(|key| drop(map.insert(key, vec![1])));
    assert!(!cut(&mut map, true, 10).unfinished.is_empty());
    map.insert(7, vec![2]);
    let saving = cut(&mut map, true, usize::MAX);
    assert!(saving.unfinished.is_empty());
    let mut restored = loaded(&saving.parts);
    assert_eq!((restored.len(), restored.get(&7)), (500, Some(&vec![2])));
}

#[test]
fn a_cut_of_everything_holds_nothing_of_what_is_written_while_it_is() {
    let mut map: Tested = LargeMap::holding(HELD);
    (0..500).for_each(|key| drop(map.insert(key, vec![1])));
    let before = entries(&mut map);
    let mut saving = cut(&mut map, true, 10);
    let mut parts = std::mem::take(&mut saving.parts);
    let mut held = 0;
    for round in 0..40 {
        (0..500).for_each(|key| drop(map.insert(key, vec![round])));
        held = map.scratch().flush();
    }
    assert!(held < 20, "{held}");
    let mut saving = Saving { budget: usize::MAX, ..Saving::default() };
    map.fields(&mut Fields::slice(&mut saving)).expect("nothing is loaded");
    assert!(saving.unfinished.is_empty());
    parts.append(&mut saving.parts);
    assert_eq!(entries(&mut loaded(&parts)), before);
}

#[test]
fn bytes_written_follow_the_change() {
    let mut map: Tested = LargeMap::holding(1_000);
    (0..20_000).for_each(|key| drop(map.insert(key, vec![1; 100])));
    let saved = |map: &mut Tested, full| {
        cut(map, full, usize::MAX).parts.iter().map(|part| part.bytes.len()).sum::<usize>()
    };
    assert!(saved(&mut map, true) > 2_000_000);
    assert_eq!(saved(&mut map, false), 0);
    (0..20_000).for_each(|key| assert!(map.get(&key).is_some()));
    assert_eq!(saved(&mut map, false), 0);
    (0..1_000).for_each(|key| map.get_mut(&(key * 17)).expect("it is there").push(2));
    let written = saved(&mut map, false);
    assert!((101_000..120_000).contains(&written), "{written}");
}

#[test]
fn what_a_map_has_saved_is_loaded_and_saved_anew() {
    let mut small: Map<u32, Vec<u8>> = (0..500).map(|key| (key, vec![1])).collect();
    let mut saving = Saving { full: true, budget: usize::MAX, ..Saving::default() };
    small.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
    let mut parts = saving.parts;
    let mut map = loaded(&parts);
    assert_eq!((map.len(), map.get(&499)), (500, Some(&vec![1])));
    map.remove(&0);
    // Nobody asks for everything: the graph does not know that the map is another.
    parts.append(&mut cut(&mut map, false, usize::MAX).parts);
    map.remove(&1);
    parts.append(&mut cut(&mut map, false, usize::MAX).parts);
    let mut restored = loaded(&parts);
    assert_eq!((restored.len(), restored.contains_key(&1), restored.get(&2)), (498, false, Some(&vec![1])));
    let mismatch = small.fields(&mut Fields::load(&mut loading(&parts))).expect_err("it is large");
    assert!(mismatch.to_string().contains("a `LargeMap`"), "{mismatch}");
}

#[test]
fn h9_each_key_goes_to_one_shard() {
    let mut map: Tested = LargeMap::holding(HELD);
    (0..1_000).for_each(|key| drop(map.insert(key, vec![1])));
    let parts = cut(&mut map, true, usize::MAX).parts;
    let mut seen = BTreeMap::new();
    for number in 0..3 {
        let mut shard: Tested = LargeMap::holding(HELD);
        let mut rescaled = Loading::rescaled([loading(&parts)], Shard::new(number, 3));
        shard.fields(&mut Fields::load(&mut rescaled)).expect("the same type");
        shard.for_each(|key, _| *seen.entry(*key).or_insert(0) += 1);
        assert!(shard.len() > 1_000 / usize::from(KEY_GROUPS));
    }
    assert_eq!((seen.len(), seen.values().max()), (1_000, Some(&1)));
}

#[test]
fn nothing_is_left_of_a_map_that_is_gone() {
    let given = std::env::temp_dir().join(format!("streamweave-large-map-given-{}", std::process::id()));
    let of_its_own = |map: &mut Tested| {
        (0..200).for_each(|key| drop(map.insert(key, vec![1; 1_000])));
        let _ = cut(map, true, 0);
        (0..200).for_each(|key| drop(map.insert(key, vec![2; 1_000])));
        map.scratch().directory().to_owned()
    };
    let mut map: Tested = LargeMap::holding(HELD);
    let path = of_its_own(&mut map);
    assert!(
        path.join("entries").exists() && path.join("changes").read_dir().is_ok_and(|all| all.count() > 0)
    );
    drop(map);
    assert!(!path.exists());

    // What a crash leaves behind is no part of the next.
    for folder in ["entries", "changes"] {
        std::fs::create_dir_all(given.join(folder)).expect("it can be written to");
        std::fs::write(given.join(folder).join("0"), "left").expect("it can be written to");
    }
    std::fs::write(given.join("notes"), "mine").expect("it can be written to");
    let mut map: Tested = LargeMap::holding(HELD).in_directory(&given);
    assert_eq!(of_its_own(&mut map), given);
    assert_eq!((map.len(), map.get(&1)), (200, Some(&vec![2; 1_000])));
    drop(map);
    assert!(!given.join("entries").exists() && given.join("notes").exists());
    std::fs::remove_dir_all(&given).expect("it is there");
}

#[test]
fn a_directory_that_another_map_uses_is_named() {
    let given = std::env::temp_dir().join(format!("streamweave-large-map-shared-{}", std::process::id()));
    let mut one: Tested = LargeMap::holding(1).in_directory(&given);
    (0..9).for_each(|key| drop(one.insert(key, vec![1])));
    let other = std::panic::catch_unwind(|| {
        let mut other: Tested = LargeMap::holding(1).in_directory(&given);
        (0..9).for_each(|key| drop(other.insert(key, vec![1])));
    });
    let message = other.expect_err("it is in use").downcast::<String>().expect("a text");
    assert!(message.contains(&given.display().to_string()) && message.contains("of its own"), "{message}");
    assert_eq!(one.get(&3), Some(&vec![1]));
    drop(one);
    std::fs::remove_dir_all(&given).expect("it is there");
}
