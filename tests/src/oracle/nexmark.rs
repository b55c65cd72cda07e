//! The oracle of `nexmark`: each query as its SQL says it, over a whole dump at once. It knows neither engine nor
//! watermarks; windows are found by arithmetic, joins by sets.

mod updating;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::calendar::date_of;

/// The tables of a dump.
#[derive(Debug, Default)]
pub struct Tables {
    persons: Vec<Person>,
    auctions: Vec<Auction>,
    bids: Vec<Bid>,
}

#[derive(Debug)]
struct Person {
    id: u64,
    name: String,
    city: String,
    state: String,
    time: i64,
}

#[derive(Debug)]
struct Auction {
    id: u64,
    item_name: String,
    description: String,
    initial_bid: u64,
    reserve: u64,
    time: i64,
    expires: i64,
    seller: u64,
    category: u64,
    extra: String,
}

/// Times are milliseconds since the epoch.
#[derive(Debug)]
struct Bid {
    auction: u64,
    bidder: u64,
    price: u64,
    channel: String,
    url: String,
    time: i64,
    extra: String,
    /// The line of the dump, from 0.
    place: i64,
}

impl Tables {
    /// Reads a dump: an event as JSON on each line.
    ///
    /// # Panics
    ///
    /// Where a line is no event.
    pub fn read(dump: &[u8]) -> Tables {
        let mut tables = Tables::default();
        let lines = dump.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (place, line) in lines.enumerate() {
            tables.enter(place, &serde_json::from_slice(line).expect("a line of a dump is JSON"));
        }
        tables
    }

    fn enter(&mut self, place: usize, event: &Value) {
        let (kind, row) =
            event.as_object().and_then(|event| event.iter().next()).expect("an event has a kind");
        let number = |name: &str| row[name].as_u64().expect("a number");
        let text = |name: &str| row[name].as_str().expect("a text").to_owned();
        let at = |name: &str| row[name].as_i64().expect("a time");
        let time = at("date_time");
        match &**kind {
            "Person" => self.persons.push(Person {
                id: number("id"),
                name: text("name"),
                city: text("city"),
                state: text("state"),
                time,
            }),
            "Auction" => self.auctions.push(Auction {
                id: number("id"),
                item_name: text("item_name"),
                description: text("description"),
                initial_bid: number("initial_bid"),
                reserve: number("reserve"),
                time,
                expires: at("expires"),
                seller: number("seller"),
                category: number("category"),
                extra: text("extra"),
            }),
            "Bid" => self.bids.push(Bid {
                auction: number("auction"),
                bidder: number("bidder"),
                price: number("price"),
                channel: text("channel"),
                url: text("url"),
                time,
                extra: text("extra"),
                place: i64::try_from(place).expect("a dump has fewer lines"),
            }),
            other => panic!("no event is a {other}"),
        }
    }

    /// The answer to a query, sorted; `start` and `rate` are what the clock of `q12` goes by: the n-th event arrives
    /// n / `rate` seconds after `start`.
    ///
    /// # Panics
    ///
    /// Where there is no such query.
    pub fn answer(&self, query: &str, start: i64, rate: i64) -> Vec<String> {
        let mut lines = match query {
            "q0" => self.each_bid(|bid| Some(bid.columns(&bid.price.to_string()))),
            "q1" => self.each_bid(|bid| Some(bid.columns(&euros(bid.price)))),
            "q2" => self
                .each_bid(|bid| (bid.auction % 123 == 0).then(|| format!("{},{}", bid.auction, bid.price))),
            "q3" => self.local_items(),
            "q4" => self.category_averages(),
            "q5" => self.hot_items(),
            "q6" => self.seller_averages(),
            "q7" => self.highest_bids(),
            "q8" => self.new_users(),
            "q9" => self.winning_bids(),
            "q10" => self.each_bid(|bid| {
                let (year, month, day) = date_of(bid.time.div_euclid(DAY));
                let (hour, minute) = (hour(bid), bid.time / 60_000 % 60);
                let columns = bid.columns(&bid.price.to_string());
                Some(format!("{columns},{year}-{month:02}-{day:02},{hour:02}:{minute:02}"))
            }),
            "q11" => self.sessions(),
            "q12" => self.clock_windows(start, rate),
            "q13" => self.each_bid(|Bid { auction, bidder, price, time, .. }| {
                Some(format!("{auction},{bidder},{price},{time},{}", auction % 10_000))
            }),
            "q14" => self.each_bid(calculated),
            "q15" => self.days(),
            "q16" => self.channels(),
            "q17" => self.auction_days(),
            "q18" => self.last_bids(),
            "q19" => self.top_ten(),
            "q20" => self.expanded_bids(),
            "q21" => self.each_bid(|bid| {
                let Bid { auction, bidder, price, channel, .. } = bid;
                Some(format!("{auction},{bidder},{price},{channel},{}", channel_id(bid)?))
            }),
            "q22" => self.each_bid(|Bid { auction, bidder, price, channel, url, .. }| {
                let dirs: Vec<&str> = url.split('/').chain([""; 6]).collect();
                Some(format!("{auction},{bidder},{price},{channel},{},{},{}", dirs[3], dirs[4], dirs[5]))
            }),
            other => panic!("no query is called {other}"),
        };
        lines.sort();
        lines
    }

    fn each_bid(&self, line: impl FnMut(&Bid) -> Option<String>) -> Vec<String> {
        self.bids.iter().filter_map(line).collect()
    }

    /// Q5: the auctions with the most bids of each ten seconds, every two seconds.
    fn hot_items(&self) -> Vec<String> {
        let mut counts: BTreeMap<i64, BTreeMap<u64, u64>> = BTreeMap::new();
        for bid in &self.bids {
            let last = bid.time.div_euclid(2_000) * 2_000;
            for start in (0..5).map(|back| last - back * 2_000) {
                *counts.entry(start).or_default().entry(bid.auction).or_default() += 1;
            }
        }
        let hottest = |counts: BTreeMap<u64, u64>| {
            let most = counts.values().copied().max().unwrap_or(0);
            let hot = counts.into_iter().filter(move |(_, count)| *count >= most);
            hot.map(|(auction, count)| format!("{auction},{count}")).collect::<Vec<_>>()
        };
        counts.into_values().flat_map(hottest).collect()
    }

    /// Q7: the bids from a window's start to its end, the end included, at the window's highest price.
    fn highest_bids(&self) -> Vec<String> {
        let mut highest: BTreeMap<i64, u64> = BTreeMap::new();
        for bid in &self.bids {
            let price = highest.entry(window(bid.time)).or_default();
            *price = bid.price.max(*price);
        }
        let mut at_price: BTreeMap<u64, Vec<&Bid>> = BTreeMap::new();
        for bid in &self.bids {
            at_price.entry(bid.price).or_default().push(bid);
        }
        let mut lines = Vec::new();
        for (start, price) in highest {
            for bid in at_price[&price].iter().filter(|bid| (start..=start + 10_000).contains(&bid.time)) {
                let Bid { auction, price, bidder, time, extra, .. } = bid;
                lines.push(format!("{auction},{price},{bidder},{time},{extra}"));
            }
        }
        lines
    }

    /// Q8: who came and sold within the same ten seconds.
    fn new_users(&self) -> Vec<String> {
        let sellers: BTreeSet<(u64, i64)> =
            self.auctions.iter().map(|auction| (auction.seller, window(auction.time))).collect();
        let persons: BTreeSet<(u64, &str, i64)> =
            self.persons.iter().map(|person| (person.id, &*person.name, window(person.time))).collect();
        let new = persons.into_iter().filter(|(id, _, start)| sellers.contains(&(*id, *start)));
        new.map(|(id, name, start)| format!("{id},{name},{start}")).collect()
    }

    /// Q11: bids of one bidder with at most ten seconds between each and the next.
    fn sessions(&self) -> Vec<String> {
        let mut times: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for bid in &self.bids {
            times.entry(bid.bidder).or_default().push(bid.time);
        }
        let mut lines = Vec::new();
        for (bidder, mut times) in times {
            times.sort_unstable();
            for session in times.chunk_by(|earlier, later| later - earlier <= 10_000) {
                let (start, end) = (session[0], session[session.len() - 1] + 10_000);
                lines.push(format!("{bidder},{},{start},{end}", session.len()));
            }
        }
        lines
    }

    /// Q12: bids of one bidder that arrived in the same ten seconds.
    fn clock_windows(&self, start: i64, rate: i64) -> Vec<String> {
        let mut counts: BTreeMap<(u64, i64), u64> = BTreeMap::new();
        for bid in &self.bids {
            let arrived = start + bid.place * 1_000 / rate;
            *counts.entry((bid.bidder, window(arrived))).or_default() += 1;
        }
        let line = |((bidder, start), count)| format!("{bidder},{count},{start},{}", start + 10_000);
        counts.into_iter().map(line).collect()
    }
}

impl Bid {
    /// auction, bidder, a price, dateTime, extra.
    fn columns(&self, price: &str) -> String {
        format!("{},{},{price},{},{}", self.auction, self.bidder, self.time, self.extra)
    }
}

const DAY: i64 = 86_400_000;

/// The start of the window of ten seconds.
fn window(time: i64) -> i64 {
    time.div_euclid(10_000) * 10_000
}

/// `0.908 * price`, by long multiplication: thousandths, and a point three digits from the right.
fn euros(price: u64) -> String {
    let digits = format!("{:04}", u128::from(price) * 908);
    let (whole, fraction) = digits.split_at(digits.len() - 3);
    format!("{whole}.{fraction}")
}

fn hour(bid: &Bid) -> i64 {
    bid.time.rem_euclid(DAY) / 3_600_000
}

/// Q14.
fn calculated(bid: &Bid) -> Option<String> {
    let thousandths = u128::from(bid.price) * 908;
    if thousandths <= 1_000_000_000 || thousandths >= 50_000_000_000 {
        return None;
    }
    let hour = hour(bid);
    let kind = if (8..=18).contains(&hour) {
        "dayTime"
    } else if hour <= 6 || hour >= 20 {
        "nightTime"
    } else {
        "otherTime"
    };
    let Bid { auction, bidder, price, time, extra, .. } = bid;
    Some(format!("{auction},{bidder},{},{kind},{time},{extra},{}", euros(*price), extra.matches('c').count()))
}

/// Q21.
fn channel_id(bid: &Bid) -> Option<String> {
    let known = ["apple", "google", "facebook", "baidu"];
    if let Some(id) = known.iter().position(|name| bid.channel.eq_ignore_ascii_case(name)) {
        return Some(id.to_string());
    }
    let url = &bid.url;
    let matches = url.match_indices("channel_id=").find(|(at, _)| *at == 0 || url.as_bytes()[at - 1] == b'&');
    let (at, name) = matches?;
    let value = &url[at + name.len()..];
    Some(value[..value.find('&').unwrap_or(value.len())].to_owned())
}
