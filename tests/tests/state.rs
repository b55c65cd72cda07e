//! The state of nodes: where keys belong, what becomes of types that change, how long entries live.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use streamweave::prelude::*;
use streamweave::state::{
    Expiring, List, Map, Mismatch, Reducing, Shard, SortedMap, Value, key_group, stable_hash,
};
use streamweave::testing::Saved;

/// The hashes of keys as they have always been: a change to this file moves the keys of every graph that is rescaled.
const HASHES: &str = include_str!("../data/stable_hashes.txt");

#[test]
fn h9_the_hash_of_a_key_never_changes() {
    #[derive(Serialize)]
    struct Place {
        city: &'static str,
        number: u16,
    }
    let hashes = [
        ("0u64", stable_hash(&0_u64)),
        ("1u8", stable_hash(&1_u8)),
        ("300u32", stable_hash(&300_u32)),
        ("u64::MAX", stable_hash(&u64::MAX)),
        ("-1i64", stable_hash(&-1_i64)),
        ("true", stable_hash(&true)),
        ("\"\"", stable_hash("")),
        ("\"N14228\"", stable_hash("N14228")),
        ("\"Köln\"", stable_hash("Köln")),
        ("('a', 1)", stable_hash(&('a', 1))),
        ("None", stable_hash(&None::<u8>)),
        ("1.5f64", stable_hash(&1.5_f64)),
        ("Place", stable_hash(&Place { city: "Bern", number: 7 })),
        ("EventTime(0)", stable_hash(&EventTime::from_micros(0))),
    ];
    let found: String =
        hashes.iter().map(|(key, hash)| format!("{key} {hash:016x} {}\n", key_group(*hash, 128))).collect();
    assert_eq!(found, HASHES);
}

#[derive(State)]
struct Totals {
    #[state]
    sums: Map<String, i64>,
    #[state]
    longest: Reducing<char, String>,
    #[state]
    times: SortedMap<u32, u32>,
    #[state]
    dealt: List<u32>,
    #[state]
    known: List<u32>,
}

#[node]
impl Totals {
    fn new() -> Self {
        Totals {
            sums: Map::new(),
            longest: Reducing::new(|longest, name| {
                if name.len() > longest.len() {
                    *longest = name;
                }
            }),
            times: SortedMap::new(),
            dealt: List::split(),
            known: List::union(),
        }
    }

    fn on_row(&mut self, (name, value): (String, i64), cx: &Cx<EventTime>, out: &mut Out<(String, i64)>) {
        let sum = self.sums.entry(name.clone(), || 0);
        *sum += value;
        out.send((name.clone(), *sum));
        self.longest.add(name.chars().next().unwrap_or(' '), name);
        cx.set_timer(EventTime::from_secs(1_000));
    }

    fn on_seen(&mut self, value: u32, _cx: &Cx<EventTime>, _out: &mut Out<(String, i64)>) {
        self.times.insert(value, value * 2);
        self.dealt.push(value);
        self.known.push(value);
    }

    fn on_timer(&mut self, _at: EventTime, _cx: &Cx<EventTime>, out: &mut Out<(String, i64)>) {
        self.longest.iter().for_each(|(first, name)| out.send((format!("longest {first} {name}"), 0)));
        for (name, sum) in self.sums.iter() {
            out.send((format!("final {name}"), *sum));
        }
        self.dealt.iter().for_each(|value| out.send((format!("dealt {value}"), 0)));
        self.known.iter().for_each(|value| out.send((format!("known {value}"), 0)));
        self.times.iter().for_each(|(time, twice)| out.send((format!("time {time}"), i64::from(*twice))));
    }
}

graph! {
    graph summed(rows: Timed<(String, i64), EventTime>, seen: Timed<u32, EventTime>) -> (sums: Timed<(String, i64), EventTime>) {
        #![durable]
        totals = Totals();
        rows -> totals.row;
        seen -> totals.seen;
        totals -> sums;
    }
}

fn rows() -> Vec<(String, i64)> {
    (0..600_u64).map(|i| (format!("plane-{}", i * i % 97), (i % 13) as i64 - 5)).collect()
}

/// Runs rows through so many shards, which begin with what was saved; gives what they keep, and what came out.
fn run_shards(
    of: u16,
    saved: &[Saved],
    rows: &[(String, i64)],
    first: bool,
    last: bool,
) -> (Vec<Saved>, Vec<(String, i64)>) {
    let (mut kept, mut out, mut owned) = (Vec::new(), Vec::new(), 0);
    for number in 0..of {
        let shard = Shard::new(number, of);
        let mut harness = summed::harness();
        if !saved.is_empty() {
            harness.restore_shard(saved, shard).expect("it can be divided");
        }
        let mine = rows.iter().filter(|(name, _)| shard.owns(stable_hash(name)));
        for row in mine {
            owned += 1;
            harness.inputs.rows.send_at(row.clone(), EventTime::from_secs(1));
        }
        for value in (0..7).filter(|value| first && value % u32::from(of) == u32::from(number)) {
            harness.inputs.seen.send_at(value, EventTime::from_secs(1));
        }
        harness.settle();
        kept.push(harness.save());
        if last {
            harness.inputs.rows.close();
            harness.inputs.seen.close();
            harness.settle();
        }
        out.extend(harness.outputs.sums.take());
    }
    assert_eq!(owned, rows.len(), "each key has exactly one owner");
    (kept, out)
}

#[test]
fn h9_three_shards_go_on_as_five_and_then_as_two() {
    let rows = rows();
    let (_, mut whole) = run_shards(1, &[], &rows, true, true);
    let (saved, mut out) = run_shards(3, &[], &rows[..200], true, false);
    let (saved, more) = run_shards(5, &saved, &rows[200..400], false, false);
    out.extend(more);
    let (_, more) = run_shards(2, &saved, &rows[400..], false, true);
    out.extend(more);
    let without_lists = |rows: &mut Vec<(String, i64)>| {
        rows.retain(|(name, _)| name.starts_with("plane") || name.starts_with("final"));
        rows.sort();
    };
    without_lists(&mut whole);
    without_lists(&mut out);
    assert_eq!(out, whole);
}

#[test]
fn h10_timers_follow_their_key_and_lists_are_split_or_united_as_declared() {
    let (saved, _) = run_shards(3, &[], &rows(), true, false);
    let (_, out) = run_shards(2, &saved, &[], false, true);
    let names = |of: &str| -> Vec<String> {
        out.iter().filter_map(|(name, _)| name.strip_prefix(of).map(str::to_owned)).collect()
    };
    let finals = names("final ");
    let keys: BTreeSet<String> = rows().into_iter().map(|(name, _)| name).collect();
    assert_eq!(finals.len(), keys.len(), "the timer goes off once for each key");
    assert_eq!(finals.into_iter().collect::<BTreeSet<_>>(), keys);
    let mut dealt = names("dealt ");
    dealt.sort();
    assert_eq!(dealt, ["0", "1", "2", "3", "4", "5", "6"]);
    let mut known = BTreeMap::<String, usize>::new();
    names("known ").into_iter().for_each(|value| *known.entry(value).or_default() += 1);
    assert!(known.len() == 7 && known.values().all(|times| *times == 2), "{known:?}");
    let mut times = names("time ");
    times.sort();
    assert_eq!(times, ["0", "1", "2", "3", "4", "5", "6"], "a sorted map is divided by its keys");
    let longest = names("longest ");
    assert!(
        matches!(&longest[..], [one] if one.len() == "p plane-64".len()),
        "three values are reduced to one: {longest:?}"
    );
}

/// A graph that keeps one value of a type.
macro_rules! keeps {
    ($module:ident, $type:ty, $init:expr) => {
        mod $module {
            use super::*;

            #[derive(State)]
            pub(crate) struct Keeper {
                #[state]
                value: Value<$type>,
                #[state]
                by_key: Map<u8, $type>,
            }

            #[node]
            impl Keeper {
                fn new() -> Self {
                    Keeper { value: Value::new($init), by_key: Map::new() }
                }

                fn on_row(&mut self, show: bool, out: &mut Out<$type>) {
                    if show {
                        out.send(self.value.clone());
                        self.by_key.iter().for_each(|(_, value)| out.send(value.clone()));
                    } else {
                        self.by_key.insert(1, $init);
                    }
                }
            }

            graph! {
                pub(crate) graph keeping(rows: bool) -> (values: $type) {
                    #![durable]
                    keeper = Keeper();
                    rows -> keeper.row;
                    keeper -> values;
                }
            }

            #[allow(dead_code)]
            pub(crate) fn saved() -> Saved {
                let mut harness = keeping::harness();
                harness.inputs.rows.send(false);
                harness.settle();
                harness.save()
            }

            #[allow(dead_code)]
            pub(crate) fn restored(saved: &Saved) -> Result<Vec<$type>, Mismatch> {
                let mut harness = keeping::harness();
                harness.restore(saved)?;
                harness.inputs.rows.send(true);
                harness.settle();
                Ok(harness.outputs.values.take())
            }
        }
    };
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct V1 {
    flights: u32,
    delay: i32,
    carrier: String,
}

/// A field added with a default, one removed, the others in another order, wider, renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct V2 {
    #[serde(alias = "delay")]
    total_delay: i64,
    #[serde(default)]
    cancelled: bool,
    flights: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Retyped {
    flights: u32,
    delay: i32,
    carrier: u16,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Missing {
    flights: u32,
    origin: String,
}

keeps!(first, V1, V1 { flights: 3, delay: -7, carrier: "UA".to_owned() });
keeps!(second, V2, V2 { total_delay: 0, cancelled: true, flights: 0 });
keeps!(retyped, Retyped, Retyped { flights: 0, delay: 0, carrier: 0 });
keeps!(missing, Missing, Missing { flights: 0, origin: String::new() });

#[test]
fn h11_fields_are_added_with_defaults_removed_reordered_widened_and_renamed() {
    let expected = V2 { total_delay: -7, cancelled: false, flights: 3 };
    let values = second::restored(&first::saved()).expect("the type has grown");
    assert_eq!(values, [expected.clone(), expected]);
}

#[test]
fn h11_what_does_not_fit_is_refused_with_its_path_and_both_types() {
    let refused = retyped::restored(&first::saved()).expect_err("a text is no number");
    assert_eq!((refused.node.as_str(), refused.path.as_str()), ("keeper", "state.value.carrier"));
    assert!(refused.stored.ends_with("::V1") && refused.expected.ends_with("::Retyped"), "{refused}");
    assert!(refused.reason.contains("string \"UA\", expected u16"), "{refused}");

    let refused = missing::restored(&first::saved()).expect_err("there is no origin");
    assert!(refused.to_string().contains("missing field `origin`"), "{refused}");
}

#[derive(State)]
struct Renamed {
    #[state(was = "value")]
    newest: Value<V1>,
}

#[node]
impl Renamed {
    fn on_row(&mut self, _show: bool, out: &mut Out<V1>) {
        out.send(self.newest.clone());
    }
}
graph! {
    graph newest(rows: bool) -> (values: V1) {
        #![durable]
        keeper = Renamed(Renamed { newest: Value::new(V1 { flights: 0, delay: 0, carrier: String::new() }) });
        rows -> keeper.row;
        keeper -> values;
    }
}

#[test]
fn h11_a_field_of_a_node_is_found_under_the_name_it_had() {
    let mut harness = newest::harness();
    harness.restore(&first::saved()).expect("the field had another name");
    harness.inputs.rows.send(true);
    harness.settle();
    assert_eq!(harness.outputs.values.take()[0].carrier, "UA");
}

#[derive(State)]
struct Seen {
    #[state]
    names: Expiring<String, u32>,
}

#[node]
impl Seen {
    fn new(ttl: TimeDelta) -> Self {
        Seen { names: Expiring::new(ttl) }
    }

    fn on_row(&mut self, name: String, cx: &Cx<EventTime>, out: &mut Out<(String, u32, usize)>) {
        let times = self.names.get(&name, *cx.time()).copied().unwrap_or(0) + 1;
        self.names.insert(name.clone(), times, *cx.time());
        out.send((name, times, self.names.held()));
    }

    fn on_frontier(&mut self, cx: &Cx<EventTime>, _out: &mut Out<(String, u32, usize)>) {
        if let Some(now) = cx.frontier().time() {
            self.names.sweep(*now);
        }
    }
}

graph! {
    graph names_seen(rows: Timed<String, EventTime>; ttl: TimeDelta) -> (times: Timed<(String, u32, usize), EventTime>) {
        #![durable]
        seen = Seen(ttl);
        rows -> seen.row;
        seen -> times;
    }
}

#[test]
fn h13_what_has_expired_is_never_seen_after_a_restore_either_and_is_gone_when_swept() {
    let at = EventTime::from_secs;
    let mut before = names_seen::harness(10.secs());
    for name in ["warp", "weft"] {
        before.inputs.rows.send_at(name.to_owned(), at(0));
    }
    before.settle();
    let saved = before.save();

    let show = |ttl: TimeDelta, time: EventTime| {
        let mut after = names_seen::harness(ttl);
        after.restore(&saved).expect("the same graph");
        after.inputs.rows.send_at("warp".to_owned(), time);
        after.settle();
        after.outputs.times.take()[0].1
    };
    assert_eq!(show(10.secs(), at(9)), 2);
    assert_eq!(show(10.secs(), at(10)), 1, "expired");
    assert_eq!(show(5.secs(), at(7)), 1, "a shorter life is that of what was saved, too");
    assert_eq!(show(20.secs(), at(15)), 2, "and so is a longer one");

    let mut after = names_seen::harness(10.secs());
    after.restore(&saved).expect("the same graph");
    after.inputs.rows.advance_to(at(30));
    after.inputs.rows.send_at("yarn".to_owned(), at(30));
    after.settle();
    assert_eq!(
        after.outputs.times.take(),
        [("yarn".to_owned(), 1, 1)],
        "no access is needed to remove the others"
    );
}
