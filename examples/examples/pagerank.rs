//! The packages on which most others rest: PageRank over what packages need, by a loop of so many rounds.
//!
//! `pagerank [--edges FILE] [--rounds N]`: prints the ten highest as `name<TAB>rank`. Ranks are whole numbers, so that every
//! order of adding them up gives the same: each name begins with a billion; in each round it has 150 million, and of
//! each name that needs it 85 % of that one's rank, by an equal share.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::process::ExitCode;

use streamweave::lines;
use streamweave::prelude::*;
use streamweave_examples::packages::{Names, edges};
use streamweave_examples::{Arguments, data, failed, misused};

const START: i64 = 1_000_000_000;
const BASE: i64 = 150_000_000;

async fn ranks(
    edges: Vec<(u32, u32)>,
    nodes: u32,
    rounds: u32,
) -> Result<Vec<(u32, i64)>, streamweave::Error> {
    let result = graph! {
        edges = from_iter(edges);
        nodes = from_iter(0..nodes);
        start = map(|node| Keyed { key: node, value: START });
        base  = map(|node| Keyed { key: node, value: 0 });
        needs = key_by(|edge: &(u32, u32)| edge.0);
        outs  = differential::count();
        ways  = differential::join_map(|from: &u32, edge: &(u32, u32), outs: &u64| (*from, (edge.1, *outs as i64)));

        nodes -> from_start() -> [start, base];
        edges -> from_start() -> needs;
        needs -> outs;
        needs -> ways.left;
        outs -> ways.right;

        #[rounds(rounds)]
        iterate ranks {
            var rank = start;
            shares = differential::join_map(|_, &(to, outs): &(u32, i64), rank: &i64| Keyed {
                key: to,
                value: rank * 85 / (100 * outs),
            });
            ways -> map(|(from, way)| Keyed { key: from, value: way }) -> shares.left;
            rank -> shares.right;
            [shares, base] -> differential::sum() -> map(|sum| Keyed { key: sum.key, value: BASE + sum.value as i64 }) -> rank;
        }
        ranks.rank -> map(|rank| (rank.key, rank.value)) -> to_log() -> map(|change| change.data) -> all;
        all = collect();
    }
    .run()
    .await?;
    Ok(result.all)
}

async fn run(path: &str, rounds: u32) -> Result<(), streamweave::Error> {
    let mut names = Names::default();
    let edges: BTreeSet<(u32, u32)> = edges(path, &mut names).await?.into_iter().collect();
    let nodes = u32::try_from(names.names().len()).expect("names are numbered so");
    let mut ranks = ranks(edges.into_iter().collect(), nodes, rounds).await?;
    ranks.sort_unstable_by_key(|&(node, rank)| (Reverse(rank), names.name(node)));
    let highest = ranks.into_iter().take(10);
    graph! {
        highest = from_iter(highest);
        highest -> map(|(node, rank)| format!("{}\t{rank}", names.name(node))) -> lines::write(stdout());
    }
    .run()
    .await?;
    Ok(())
}

fn arguments() -> Result<(String, u32), String> {
    let mut arguments = Arguments::of_process()?;
    let edges = arguments.flag("--edges")?;
    let rounds = arguments.number("--rounds", 20)?;
    arguments.done()?;
    Ok((edges.unwrap_or_else(|| data("debian-depends.tsv.gz").display().to_string()), rounds))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (edges, rounds) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return misused("pagerank [--edges FILE[.gz]] [--rounds N]", error),
    };
    match run(&edges, rounds).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("pagerank", error),
    }
}
