//! The Nexmark queries against an oracle that works each out from the whole dump at once, and knows no engine.

use nexmark::event::{Auction, Bid, Person};
use streamweave_examples::nexmark::{Event, Events, Query, START, dump};
use streamweave_tests::oracle::Tables;

fn tables(events: &[Event]) -> Tables {
    let mut bytes = Vec::new();
    dump(events, &mut bytes).expect("memory takes it");
    Tables::read(&bytes)
}

fn answer(query: Query, events: &[Event], rate: usize, batch: usize) -> Vec<String> {
    let run = query.answer(events.to_vec(), rate, batch);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime of one thread can be built").block_on(run).expect("the run succeeds").lines
}

/// Every query gives what the oracle gives, and something at all.
fn assert_answers(events: Events) {
    let arrivals = events.arrivals();
    let tables = tables(&arrivals);
    for query in Query::ALL {
        let expected = tables.answer(query.name(), START as i64, events.rate as i64);
        assert!(!expected.is_empty(), "{} has an empty answer", query.name());
        for batch in [7, 1_024] {
            let answer = answer(query, &arrivals, events.rate, batch);
            assert!(answer == expected, "{} of {events:?} in batches of {batch}", query.name());
        }
    }
}

#[test]
fn every_query_gives_what_its_sql_says() {
    for seed in 1..=3 {
        assert_answers(Events { rate: 200, ..Events::new(20_000, seed) });
    }
}

#[test]
fn so_it_does_where_the_events_are_a_second_apart_and_go_through_the_day() {
    // 05:00 to 10:33, and 16:00 to 21:33.
    for hour in [5, 16] {
        assert_answers(Events { rate: 1, start: START + hour * 3_600_000, ..Events::new(20_000, hour) });
    }
}

#[test]
fn so_it_does_where_ten_thousand_events_happen_in_a_second() {
    assert_answers(Events::new(20_000, 4));
}

fn bid(millis: u64, bidder: usize, price: usize) -> Event {
    let text = |text: &str| text.to_owned();
    let (channel, url) = (text("channel-1"), text("https://h/a//c&channel_id=5"));
    Event::Bid(Bid { auction: 1, bidder, price, channel, url, date_time: START + millis, extra: text("cab") })
}

fn bid_on(auction: usize, millis: u64) -> Event {
    let Event::Bid(bid) = bid(millis, 1, 5) else { unreachable!("it is a bid") };
    Event::Bid(Bid { auction, ..bid })
}

fn person(id: usize, name: &str, millis: u64) -> Event {
    Event::Person(Person {
        id,
        name: name.to_owned(),
        email_address: String::new(),
        credit_card: String::new(),
        city: String::new(),
        state: String::new(),
        date_time: START + millis,
        extra: String::new(),
    })
}

fn auction(seller: usize, millis: u64) -> Event {
    Event::Auction(Auction {
        id: 1,
        item_name: String::new(),
        description: String::new(),
        initial_bid: 1,
        reserve: 1,
        date_time: START + millis,
        expires: START + millis + 1,
        seller,
        category: 1,
        extra: String::new(),
    })
}

#[track_caller]
fn assert_both_say(query: Query, events: &[Event], expected: &[&str]) {
    let lines = answer(query, events, 10_000, 1);
    assert_eq!(lines, expected, "the graph's answer to {}", query.name());
    assert_eq!(lines, tables(events).answer(query.name(), START as i64, 10_000), "the oracle's answer");
}

#[test]
fn q5_auctions_with_as_many_bids_are_hot_together() {
    let events = [bid_on(1, 0), bid_on(2, 1), bid_on(2, 2_000), bid_on(1, 4_000)];
    let hot = [["1,1"; 3], ["1,2"; 3], ["2,1", "2,1", "2,2"], ["2,2"; 3]];
    assert_both_say(Query::Q5, &events, hot.as_flattened());
}

#[test]
fn q7_a_bid_at_the_end_of_a_window_counts_there_if_its_price_is_the_highest() {
    let events =
        [bid(1, 1, 50), bid(9_999, 2, 50), bid(10_000, 3, 50), bid(10_001, 4, 60), bid(20_000, 5, 7)];
    let ten = ["1,50,1,1436918400001,cab", "1,50,2,1436918409999,cab", "1,50,3,1436918410000,cab"];
    let rest = ["1,60,4,1436918410001,cab", "1,7,5,1436918420000,cab"];
    assert_both_say(Query::Q7, &events, &[&ten[..], &rest[..]].concat());
    // Alone in its window it is that window's highest, too.
    let events = [bid(9_999, 2, 50), bid(10_000, 3, 50)];
    let twice = "1,50,3,1436918410000,cab";
    assert_both_say(Query::Q7, &events, &["1,50,2,1436918409999,cab", twice, twice]);
}

#[test]
fn q22_a_part_that_is_missing_is_empty() {
    assert_both_say(Query::Q22, &[bid(1, 1, 50)], &["1,1,50,channel-1,a,,c&channel_id=5"]);
}

#[test]
fn q11_ten_seconds_between_two_bids_are_no_end_of_a_session() {
    let events = [bid(10_000, 1, 5), bid(0, 1, 5), bid(20_001, 1, 5), bid(20_001, 2, 5)];
    let long = "1,2,1436918400000,1436918420000";
    let others = ["1,1,1436918420001,1436918430001", "2,1,1436918420001,1436918430001"];
    // 10_000 and 0: the watermark is not strict about what comes within it.
    assert_both_say(Query::Q11, &events[1..2], &["1,1,1436918400000,1436918410000"]);
    let in_order = [events[1].clone(), events[0].clone(), events[2].clone(), events[3].clone()];
    assert_both_say(Query::Q11, &in_order, &[others[0], long, others[1]]);
}

#[test]
fn q8_a_seller_of_many_auctions_is_one_new_user_and_only_in_the_window_that_they_came_in() {
    let events = [auction(7, 1), person(7, "ada", 5), auction(7, 6), auction(7, 9_999), auction(8, 9_999)];
    let next =
        [person(8, "grace", 10_000), auction(7, 10_000), person(9, "joan", 19_999), auction(9, 19_999)];
    let answer = ["7,ada,1436918400000", "9,joan,1436918410000"];
    assert_both_say(Query::Q8, &[&events[..], &next[..]].concat(), &answer);
    // Once more within the same window, as no generator does it.
    assert_both_say(Query::Q8, &[&events[..], &events[..2]].concat(), &answer[..1]);
}

#[test]
fn q13_an_auction_is_looked_up_by_its_last_four_digits() {
    assert_both_say(Query::Q13, &[bid(1, 2, 50)], &["1,2,50,1436918400001,1"]);
}
