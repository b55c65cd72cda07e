//! The programs over the packages of Debian, against plain loops over all edges.

mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use process::{Temporary, last_word, program, run, stdout};
use streamweave_examples::data;

/// Runs a program to which `input` is written.
fn run_with(name: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program(name))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    // The program may write before it has read everything.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("writing does not panic").expect("the program reads to the end");
    output
}

type Edges = BTreeSet<(String, String)>;

/// The edges of a text, as the programs read it.
fn edges(text: &str) -> Edges {
    text.lines().filter_map(|line| line.split_once('\t')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn debian() -> Edges {
    let file = std::fs::File::open(data("debian-depends.tsv.gz")).expect("the data is there");
    edges(&std::io::read_to_string(flate2::read::GzDecoder::new(file)).expect("it is text"))
}

/// The packages that need `root`, by a search from it against the edges.
fn dependents(edges: &Edges, root: &str) -> BTreeSet<String> {
    let mut needed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    edges.iter().for_each(|(package, needs)| needed_by.entry(needs).or_default().push(package));
    let (mut found, mut left) = (BTreeSet::new(), vec![root]);
    while let Some(package) = left.pop() {
        for next in needed_by.get(package).into_iter().flatten() {
            if found.insert((*next).to_owned()) {
                left.push(next);
            }
        }
    }
    found
}

/// The ten highest ranks as `pagerank` prints them, by its formula over all edges.
fn pagerank(edges: &Edges, rounds: usize) -> String {
    let mut out: BTreeMap<&str, u64> = BTreeMap::new();
    let mut ranks: BTreeMap<&str, u64> = BTreeMap::new();
    for (package, needs) in edges {
        *out.entry(package).or_default() += 1;
        ranks.insert(package, 1_000_000_000);
        ranks.insert(needs, 1_000_000_000);
    }
    for _ in 0..rounds {
        let mut next: BTreeMap<&str, u64> = ranks.keys().map(|name| (*name, 150_000_000)).collect();
        for (package, needs) in edges {
            *next.get_mut(needs.as_str()).expect("every name has a rank") +=
                ranks[package.as_str()] * 85 / (100 * out[package.as_str()]);
        }
        ranks = next;
    }
    let mut ranks: Vec<_> = ranks.into_iter().collect();
    ranks.sort_by_key(|&(name, rank)| (std::cmp::Reverse(rank), name));
    ranks.iter().take(10).fold(String::new(), |text, (name, rank)| text + &format!("{name}\t{rank}\n"))
}

#[test]
fn the_ten_packages_on_which_most_rest_are_those_of_a_plain_loop() {
    let debian = debian();
    for rounds in [0, 1, 20] {
        let output = run("pagerank", &["--rounds", &rounds.to_string()]);
        assert!(output.status.success(), "{}", last_word(&output));
        assert_eq!(stdout(&output), pagerank(&debian, rounds), "{rounds} rounds");
    }
}

#[test]
fn an_edge_counts_once_and_a_line_that_is_none_is_reported() {
    let text = "a\tb\na\tb\nc\n\nb\tc\nd\tb\textra\n\tb\nd\tb\n";
    let file = Temporary::holding("edges.tsv", text.as_bytes());
    let output = run("pagerank", &["--edges", file.path(), "--rounds", "3"]);
    let expected = edges("a\tb\nb\tc\nd\tb\n");
    assert_eq!(stdout(&output), pagerank(&expected, 3));
    let stderr = String::from_utf8_lossy(&output.stderr);
    for line in ["edges.tsv:3: ", "edges.tsv:6: ", "edges.tsv:7: "] {
        assert!(stderr.contains(line), "{line} is not in\n{stderr}");
    }
    assert_eq!(stderr.lines().count(), 3, "{stderr}");
}

#[test]
fn the_dependents_of_a_package_of_debian_follow_edits() {
    let mut edges = debian();
    let before = dependents(&edges, "python3");
    let edits = "- python3-minimal python3.11-minimal\n+ aa-new python3\n+ ab-new aa-new\n  commit  \n\n\
                 - aa-new python3\ncommit\ncommit\n+ aa-new python3\n";
    let output = run_with("dependents", &["--root", "python3"], edits);
    assert!(output.status.success(), "{}", last_word(&output));
    edges.remove(&("python3-minimal".to_owned(), "python3.11-minimal".to_owned()));
    let after = dependents(&edges, "python3");
    let mut expected = format!("python3 {}\n", before.len());
    after.difference(&before).for_each(|name| expected += &format!("+ {name}\n"));
    expected += "+ aa-new\n+ ab-new\n";
    before.difference(&after).for_each(|name| expected += &format!("- {name}\n"));
    expected += &format!("= {}\n- aa-new\n- ab-new\n= {}\n= {}\n", after.len() + 2, after.len(), after.len());
    assert_eq!(stdout(&output), expected);
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn any_edits_of_any_small_graph_give_what_a_search_gives_cycles_included() {
    for seed in 1..=6 {
        let mut random = Random(seed);
        let name = |number: u64| format!("p{number}");
        let nodes = 3 + random.below(12);
        let mut edges = Edges::new();
        let mut file = String::new();
        for _ in 0..random.below(30) {
            let edge = (name(random.below(nodes)), name(random.below(nodes)));
            writeln!(file, "{}\t{}", edge.0, edge.1).expect("a string grows");
            edges.insert(edge);
        }
        let mut now = dependents(&edges, "p0");
        let mut expected = format!("p0 {}\n", now.len());
        let mut edits = String::new();
        for _ in 0..300 {
            let edge = (name(random.below(nodes)), name(random.below(nodes)));
            match random.below(5) {
                0 => {
                    edits += "commit\n";
                    let next = dependents(&edges, "p0");
                    next.difference(&now).for_each(|name| expected += &format!("+ {name}\n"));
                    now.difference(&next).for_each(|name| expected += &format!("- {name}\n"));
                    expected += &format!("= {}\n", next.len());
                    now = next;
                }
                1 | 2 => {
                    writeln!(edits, "+ {} {}", edge.0, edge.1).expect("a string grows");
                    edges.insert(edge);
                }
                _ => {
                    writeln!(edits, "- {} {}", edge.0, edge.1).expect("a string grows");
                    edges.remove(&edge);
                }
            }
        }
        let file = Temporary::holding(&format!("edges-{seed}.tsv"), file.as_bytes());
        let output = run_with("dependents", &["--edges", file.path(), "--root", "p0"], &edits);
        assert!(output.status.success(), "{}", last_word(&output));
        assert_eq!(stdout(&output), expected, "seed {seed}");
    }
}

#[test]
fn an_edit_that_cannot_be_read_is_reported_with_its_line_and_skipped() {
    let file = Temporary::holding("one-edge.tsv", b"a\tb\n");
    let edits = "+ c b extra\n\nadd c b\n+ c b\ncommit\n";
    let output = run_with("dependents", &["--edges", file.path(), "--root", "b"], edits);
    assert!(output.status.success());
    assert_eq!(stdout(&output), "b 1\n+ c\n= 2\n");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("line 1: ") && stderr.contains("line 3: "), "{stderr}");
    let output = run_with("dependents", &["--edges", file.path(), "--root", "unknown"], "");
    assert_eq!(stdout(&output), "unknown 0\n");
    assert_eq!(run("dependents", &[]).status.code(), Some(2));
    assert_eq!(run("dependents", &["--root", "b", "--edges", "no-such-file"]).status.code(), Some(1));
}
