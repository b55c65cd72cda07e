//! What a map holds, and what is saved of it while it changes.

use std::collections::BTreeMap;

use super::super::fields::Fields;
use super::super::loading::Loading;
use super::super::{Chance, Part, State};
use super::*;

/// What the parts of checkpoints, one after the other, are loaded as.
fn loaded(parts: &[Part]) -> Map<u32, Vec<u8>> {
    let mut loading = Loading::of_one();
    for part in parts {
        let file = loading.file(part.bytes.clone());
        loading.piece(part, file, 0..part.bytes.len());
    }
    let mut map = Map::new();
    map.fields(&mut Fields::load(&mut loading)).expect("the same type");
    map
}

fn entries(map: &Map<u32, Vec<u8>>) -> Vec<(u32, Vec<u8>)> {
    map.iter().map(|(key, value)| (*key, value.clone())).collect()
}

/// One change of many kinds.
fn change(map: &mut Map<u32, Vec<u8>>, naive: &mut BTreeMap<u32, Vec<u8>>, chance: &mut Chance) {
    let key = chance.below(900) as u32;
    match chance.below(200) {
        0 => {
            let odd = chance.below(2) as u32;
            map.retain(|key, _| key % 3 != odd);
            naive.retain(|key, _| key % 3 != odd);
        }
        1 if chance.below(8) == 0 => {
            map.clear();
            naive.clear();
        }
        2..40 => assert_eq!(map.remove(&key), naive.remove(&key)),
        40..60 => {
            let removed = map.find(&key).map(|place| map.remove_at(place));
            assert_eq!(removed, naive.remove(&key));
        }
        60..90 => {
            let byte = chance.below(256) as u8;
            if chance.below(2) == 0 {
                if let Some(value) = map.get_mut(&key) {
                    value.push(byte);
                }
            } else if let Some(place) = map.find(&key) {
                assert_eq!(Some(&map[place]), naive.get(&key));
                map.at_mut(place).1.push(byte);
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
    assert_eq!((map.len(), map.is_empty()), (naive.len(), naive.is_empty()));
    assert_eq!(map.get(&key), naive.get(&key));
}

#[test]
fn what_is_cut_while_it_changes_is_what_it_was_at_the_cut_in_its_order() {
    for seed in 0..40 {
        let mut chance = Chance(seed);
        let (mut map, mut naive) = (Map::new(), BTreeMap::new());
        let mut parts: Vec<Part> = Vec::new();
        for cut in 0..12 {
            for _ in 0..chance.below(600) {
                change(&mut map, &mut naive, &mut chance);
            }
            let expected = entries(&map);
            let full = cut == 0 || chance.below(6) == 0;
            let budget = 1 + chance.below(40);
            let mut saving = Saving { full, number: cut + 1, budget, ..Saving::default() };
            map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
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
            assert_eq!(entries(&loaded(&parts)), expected, "seed {seed}, cut {cut}");
            assert!(map.iter().all(|(key, value)| naive.get(key) == Some(value)));
        }
    }
}

#[test]
fn what_goes_on_from_a_restore_is_saved_as_what_changed_since() {
    let mut chance = Chance(3);
    let (mut map, mut naive) = (Map::new(), BTreeMap::new());
    let mut parts: Vec<Part> = Vec::new();
    for _ in 0..20 {
        (0..200).for_each(|_| change(&mut map, &mut naive, &mut chance));
        // The first after a restore.
        let mut saving =
            Saving { full: parts.is_empty(), number: 1, budget: usize::MAX, ..Saving::default() };
        map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
        parts.append(&mut saving.parts);
        let restored = loaded(&parts);
        assert_eq!(entries(&restored), entries(&map));
        map = restored;
    }
}

#[test]
fn a_cut_that_failed_is_made_up_for_by_a_full_one() {
    let mut map: Map<u32, Vec<u8>> = (0..500).map(|key| (key, vec![1])).collect();
    let mut lost = Saving { full: true, number: 1, budget: 10, ..Saving::default() };
    map.fields(&mut Fields::cut(&mut lost)).expect("nothing is loaded");
    map.insert(7, vec![2]);
    let mut saving = Saving { full: true, number: 2, budget: usize::MAX, ..Saving::default() };
    map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
    assert!(saving.unfinished.is_empty());
    assert_eq!(entries(&loaded(&saving.parts)), entries(&map));
}

#[test]
fn bytes_written_follow_the_change() {
    let mut map: Map<u32, Vec<u8>> = (0..100_000).map(|key| (key, vec![1; 100])).collect();
    let mut number = 0;
    let mut saved = |map: &mut Map<u32, Vec<u8>>, full| {
        number += 1;
        let mut saving = Saving { full, number, budget: usize::MAX, ..Saving::default() };
        map.fields(&mut Fields::cut(&mut saving)).expect("nothing is loaded");
        saving.parts.iter().map(|part| part.bytes.len()).sum::<usize>()
    };
    assert!(saved(&mut map, true) > 10_000_000);
    assert_eq!(saved(&mut map, false), 0);
    (0..1_000).for_each(|key| map.get_mut(&(key * 97)).expect("it is there").push(2));
    let written = saved(&mut map, false);
    assert!((101_000..120_000).contains(&written), "{written}");
}
