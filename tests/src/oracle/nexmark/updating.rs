//! The queries that join tables whole, or whose rows change with every event: here they are asked once, of everything.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Auction, Bid, DAY, Tables};
use crate::oracle::calendar::date_of;

/// `GROUP BY`, or `PARTITION BY`: the rows of each group, in the order of the dump.
fn grouped<K: Ord, R>(rows: impl IntoIterator<Item = R>, key: impl Fn(&R) -> K) -> BTreeMap<K, Vec<R>> {
    let mut groups: BTreeMap<K, Vec<R>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

/// `AVG` of a `BIGINT`.
fn average(numbers: &[u64]) -> u128 {
    numbers.iter().map(|number| u128::from(*number)).sum::<u128>() / numbers.len() as u128
}

impl Tables {
    /// Q3.
    pub(super) fn local_items(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let persons = grouped(&self.persons, |person| person.id);
        for auction in self.auctions.iter().filter(|auction| auction.category == 10) {
            for person in persons.get(&auction.seller).into_iter().flatten() {
                if ["OR", "ID", "CA"].contains(&&*person.state.to_uppercase()) {
                    lines.push(format!("{},{},{},{}", person.name, person.city, person.state, auction.id));
                }
            }
        }
        lines
    }

    /// `FROM auction A, bid B WHERE A.id = B.auction AND B.dateTime BETWEEN A.dateTime AND A.expires`.
    fn offers(&self) -> Vec<(&Auction, &Bid)> {
        let bids = grouped(&self.bids, |bid| bid.auction);
        let of = |auction: &'_ Auction| bids.get(&auction.id).cloned().unwrap_or_default();
        let pairs =
            self.auctions.iter().flat_map(|auction| of(auction).into_iter().map(move |bid| (auction, bid)));
        pairs.filter(|(auction, bid)| auction.time <= bid.time && bid.time <= auction.expires).collect()
    }

    /// `MAX(B.price)` of each auction that has offers.
    fn finals(&self) -> Vec<(&Auction, u64)> {
        let auctions = grouped(self.offers(), |(auction, _)| auction.id).into_values();
        let highest = |offers: &[(&Auction, &Bid)]| offers.iter().map(|(_, bid)| bid.price).max();
        auctions.map(|offers| (offers[0].0, highest(&offers).expect("a group has rows"))).collect()
    }

    /// Q4.
    pub(super) fn category_averages(&self) -> Vec<String> {
        let categories = grouped(self.finals(), |(auction, _)| auction.category);
        let line = |(category, won): (u64, Vec<(&Auction, u64)>)| {
            let prices: Vec<u64> = won.iter().map(|(_, price)| *price).collect();
            format!("{category},{}", average(&prices))
        };
        categories.into_iter().map(line).collect()
    }

    /// Q6: of each seller the ten auctions that expired last.
    pub(super) fn seller_averages(&self) -> Vec<String> {
        let sellers = grouped(self.finals(), |(auction, _)| auction.seller);
        let line = |(seller, mut won): (u64, Vec<(&Auction, u64)>)| {
            won.sort_by_key(|(auction, _)| (auction.expires, auction.id));
            let prices: Vec<u64> = won.iter().rev().take(10).map(|(_, price)| *price).collect();
            format!("{seller},{}", average(&prices))
        };
        sellers.into_iter().map(line).collect()
    }

    /// Q9.
    pub(super) fn winning_bids(&self) -> Vec<String> {
        let auctions = grouped(self.offers(), |(auction, _)| auction.id).into_values();
        let line = |mut offers: Vec<(&Auction, &Bid)>| {
            offers.sort_by_key(|(_, bid)| {
                (Reverse(bid.price), bid.time, Reverse(bid.bidder), Reverse(bid.extra.clone()))
            });
            let (auction, bid) = offers[0];
            let Auction { id, item_name, description, initial_bid, reserve, .. } = auction;
            let Auction { time, expires, seller, category, extra, .. } = auction;
            let lot = format!(
                "{id},{item_name},{description},{initial_bid},{reserve},{time},{expires},{seller},{category},{extra}"
            );
            format!("{lot},{},{},{},{},{}", bid.auction, bid.bidder, bid.price, bid.time, bid.extra)
        };
        auctions.map(line).collect()
    }

    /// Q15.
    pub(super) fn days(&self) -> Vec<String> {
        let days = grouped(&self.bids, |bid| day(bid));
        days.into_iter().map(|(day, bids)| format!("{day},{}", twelve_counts(&bids))).collect()
    }

    /// Q16.
    pub(super) fn channels(&self) -> Vec<String> {
        let channels = grouped(&self.bids, |bid| (&*bid.channel, day(bid)));
        let line = |((channel, day), bids): ((&str, String), Vec<&Bid>)| {
            let minute =
                |bid: &&Bid| format!("{:02}:{:02}", bid.time / 3_600_000 % 24, bid.time / 60_000 % 60);
            let last = bids.iter().map(minute).max().expect("a group has rows");
            format!("{channel},{day},{last},{}", twelve_counts(&bids))
        };
        channels.into_iter().map(line).collect()
    }

    /// Q17.
    pub(super) fn auction_days(&self) -> Vec<String> {
        let auctions = grouped(&self.bids, |bid| (bid.auction, day(bid)));
        let line = |((auction, day), bids): ((u64, String), Vec<&Bid>)| {
            let mut prices: Vec<u64> = bids.iter().map(|bid| bid.price).collect();
            prices.sort_unstable();
            let counts = LEVELS.map(|is_of| prices.iter().filter(|price| is_of(**price)).count().to_string());
            let (min, max, sum) = (prices[0], prices[prices.len() - 1], prices.iter().sum::<u64>());
            format!("{auction},{day},{},{min},{max},{},{sum}", counts.join(","), average(&prices))
        };
        auctions.into_iter().map(line).collect()
    }

    /// Q18.
    pub(super) fn last_bids(&self) -> Vec<String> {
        let pairs = grouped(&self.bids, |bid| (bid.bidder, bid.auction)).into_values();
        let line = |mut bids: Vec<&Bid>| {
            bids.sort_by_key(|bid| Reverse((bid.time, bid.price, &bid.channel, &bid.url, &bid.extra)));
            whole(bids[0])
        };
        pairs.map(line).collect()
    }

    /// Q19.
    pub(super) fn top_ten(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for mut bids in grouped(&self.bids, |bid| bid.auction).into_values() {
            bids.sort_by_key(|bid| {
                Reverse((bid.price, bid.bidder, &bid.channel, &bid.url, bid.time, &bid.extra))
            });
            let ranked = bids.iter().take(10).zip(1..);
            lines.extend(ranked.map(|(bid, rank)| format!("{},{rank}", whole(bid))));
        }
        lines
    }

    /// Q20.
    pub(super) fn expanded_bids(&self) -> Vec<String> {
        let auctions = grouped(&self.auctions, |auction| auction.id);
        let mut lines = Vec::new();
        for bid in &self.bids {
            for auction in
                auctions.get(&bid.auction).into_iter().flatten().filter(|auction| auction.category == 10)
            {
                let Auction { item_name, description, initial_bid, reserve, .. } = auction;
                let Auction { time, expires, seller, category, extra, .. } = auction;
                let lot = format!(
                    "{item_name},{description},{initial_bid},{reserve},{time},{expires},{seller},{category},{extra}"
                );
                lines.push(format!("{},{lot}", whole(bid)));
            }
        }
        lines
    }
}

/// All columns of a bid.
fn whole(bid: &Bid) -> String {
    let Bid { auction, bidder, price, channel, url, time, extra, .. } = bid;
    format!("{auction},{bidder},{price},{channel},{url},{time},{extra}")
}

/// `DATE_FORMAT(dateTime, 'yyyy-MM-dd')`.
fn day(bid: &Bid) -> String {
    let (year, month, day) = date_of(bid.time.div_euclid(DAY));
    format!("{year}-{month:02}-{day:02}")
}

/// What the filters of Q15 to Q17 let through.
const LEVELS: [fn(u64) -> bool; 4] = [
    |_| true,
    |price| price < 10_000,
    |price| (10_000..1_000_000).contains(&price),
    |price| price >= 1_000_000,
];

/// `count(*)`, `count(distinct bidder)` and `count(distinct auction)`, each through the four filters.
fn twelve_counts(bids: &[&Bid]) -> String {
    let through = |is_of: fn(u64) -> bool| bids.iter().filter(move |bid| is_of(bid.price));
    let distinct = |ids: BTreeSet<u64>| ids.len().to_string();
    let all = LEVELS.map(|level| through(level).count().to_string());
    let bidders = LEVELS.map(|level| distinct(through(level).map(|bid| bid.bidder).collect()));
    let auctions = LEVELS.map(|level| distinct(through(level).map(|bid| bid.auction).collect()));
    [all, bidders, auctions].as_flattened().join(",")
}
