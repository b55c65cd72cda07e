//! What q15 and q16 count: bids, bidders and auctions, each in all and at three levels of price.
//!
//! ```sql
//! count(*) AS total_bids,
//! count(*) filter (where price < 10000) AS rank1_bids,
//! count(*) filter (where price >= 10000 and price < 1000000) AS rank2_bids,
//! count(*) filter (where price >= 1000000) AS rank3_bids,
//! count(distinct bidder) AS total_bidders, -- and so on: rank1_bidders, rank2_bidders, rank3_bidders
//! count(distinct auction) AS total_auctions, -- and so on: rank1_auctions, rank2_auctions, rank3_auctions
//! ```
//!
//! A bid is six facts: it is a bid, it is one of this bidder, it is one on this auction; each in all, and at its level.
//! The same fact of many bids is a row that is there many times: for `count(*)` it is counted so often, for
//! `count(distinct ..)` once.

use ::nexmark::event::Bid;

/// The columns above, in their order.
pub(super) type Figures = [i64; 12];

/// Which of the columns of a kind count a price, besides the total.
pub(super) fn level(price: u64) -> usize {
    match price {
        ..10_000 => 1,
        10_000..1_000_000 => 2,
        1_000_000.. => 3,
    }
}

/// Something that a bid counts for, in one column of the group that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fact<G> {
    pub(super) group: G,
    pub(super) column: usize,
    /// Who or what is counted once.
    distinct: Option<usize>,
}

/// The facts of a bid.
pub(super) fn facts<G: Clone>(group: &G, bid: &Bid) -> [Fact<G>; 6] {
    let level = level(bid.price as u64);
    let fact = |column, distinct| Fact { group: group.clone(), column, distinct };
    let (bidder, auction) = (Some(bid.bidder), Some(bid.auction));
    [
        fact(0, None),
        fact(level, None),
        fact(4, bidder),
        fact(4 + level, bidder),
        fact(8, auction),
        fact(8 + level, auction),
    ]
}

/// How often a fact counts that is there so often.
pub(super) fn counts<G>(fact: &Fact<G>, &times: &i64) -> i64 {
    if fact.distinct.is_some() { 1 } else { times }
}
