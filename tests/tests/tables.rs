//! Tables that are edited from outside: what is recomputed, and what is not.

use streamweave::executor::{Edited, Table};
use streamweave::graph::Report;
use streamweave::prelude::*;
use streamweave_tests::finish;

graph! {
    /// What each customer has bought, and the price list.
    graph shop(sales: Update<(u32, u32, i64), LogicalTime, i64>, prices: Update<(u32, i64), LogicalTime, i64>)
        -> (bills: Update<(u32, i64), LogicalTime, i64>, dear: Update<i64, LogicalTime, i64>)
    {
        bought = differential::sum();
        listed = differential::top_n(1);
        sales -> map(|(_day, customer, amount)| Keyed { key: customer, value: amount }) -> bought;
        bought -> map(|sum| (sum.key, sum.value as i64)) -> bills;
        prices -> map(|(_ware, price)| Keyed { key: (), value: price }) -> listed;
        listed -> map(|top| top.value) -> dear;
    }
}

/// What a shop of a hundred days gives after the first commit, and after `days` of them were recomputed with other amounts of
/// one customer; and its books.
fn run(days: std::ops::Range<u32>, by: i64) -> (Edited, Vec<((u32, i64), i64)>, Report) {
    finish(async move { Ok(play(days, by).await) })
}

async fn play(days: std::ops::Range<u32>, by: i64) -> (Edited, Vec<((u32, i64), i64)>, Report) {
    let (graph, inputs, mut outputs) = shop::open();
    let running = graph.spawn();
    let sale = |day: u32, customer: u32| (day, customer, i64::from(day * 10 + customer));
    let mut sales = Table::new(inputs.sales, |&(day, customer, _)| (day, customer));
    for day in 0..100 {
        for customer in 0..10 {
            sales.put(sale(day, customer)).await.expect("the graph goes on");
        }
    }
    let mut prices = Table::new(inputs.prices, |&(ware, _)| ware);
    for ware in 0..50 {
        prices.put((ware, i64::from(ware))).await.expect("the graph goes on");
    }
    prices.commit().await.expect("the graph goes on");
    let time = sales.commit().await.expect("the graph goes on");
    assert_eq!(outputs.bills.closed(&time).await.len(), 10);

    let again = days.clone().flat_map(|day| (0..10).map(move |customer| (day, customer)));
    let again = again.map(|(day, customer)| {
        let (day, customer, amount) = sale(day, customer);
        (day, customer, if customer == 3 { amount + by } else { amount })
    });
    let edited = sales.recompute((days.start, 0)..(days.end, 0), again.collect::<Vec<_>>()).await;
    let time = sales.commit().await.expect("the graph goes on");
    let changes = outputs.bills.closed(&time).await.into_iter().map(|row| (row.data, row.diff)).collect();
    drop((sales, prices, outputs));
    (edited.expect("the graph goes on"), changes, running.await.expect("nothing fails"))
}

/// How many rows a node received.
fn received(report: &Report, node: &str) -> u64 {
    report.node(node).unwrap_or_else(|| panic!("there is a node {node}")).received
}

#[test]
fn a_range_is_recomputed_by_the_nodes_that_depend_on_what_differs_and_by_no_other() {
    let total: i64 = (0..100).map(|day| day * 10 + 3).sum();
    let (edited, changes, before) = run(0..0, 0);
    assert_eq!((edited, changes), (Edited::default(), Vec::new()));

    let (edited, changes, after) = run(20..25, 7);
    assert_eq!(edited, Edited { put: 5, removed: 5, kept: 45 });
    assert_eq!(changes, [((3, total), -1), ((3, total + 35), 1)]);
    assert_eq!(received(&after, "bought"), received(&before, "bought") + 10);
    assert_eq!(received(&after, "bills"), received(&before, "bills") + 2);
    for node in ["prices", "listed", "dear"] {
        assert_eq!(after.node(node), before.node(node), "{node} does not depend on it");
    }
    // The same amounts: nothing differs, and nothing is done.
    let (edited, changes, same) = run(20..25, 0);
    assert_eq!((edited.put, edited.removed, edited.kept, changes), (0, 0, 50, Vec::new()));
    assert_eq!(received(&same, "bought"), received(&before, "bought"));
}
