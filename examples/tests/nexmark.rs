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

/// An auction that is open for ten seconds.
fn lot(id: usize, seller: usize, category: usize, millis: u64) -> Event {
    let Event::Auction(auction) = auction(seller, millis) else { unreachable!("it is an auction") };
    Event::Auction(Auction { id, category, expires: START + millis + 10_000, ..auction })
}

fn offer(auction: usize, millis: u64, bidder: usize, price: usize) -> Event {
    let Event::Bid(bid) = bid(millis, bidder, price) else { unreachable!("it is a bid") };
    Event::Bid(Bid { auction, ..bid })
}

fn resident(id: usize, name: &str, state: &str) -> Event {
    let Event::Person(person) = person(id, name, 0) else { unreachable!("it is a person") };
    Event::Person(Person { city: "bend".to_owned(), state: state.to_owned(), ..person })
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

#[test]
fn q3_a_seller_may_come_after_their_auctions_and_states_are_known_in_any_case() {
    let sellers = [resident(7, "ada", "or"), resident(8, "grace", "CA"), resident(9, "joan", "wa")];
    let lots = [lot(1, 7, 10, 0), lot(2, 8, 11, 0), lot(3, 9, 10, 0), lot(4, 8, 10, 0), lot(5, 7, 10, 0)];
    let answer = ["ada,bend,or,1", "ada,bend,or,5", "grace,bend,CA,4"];
    assert_both_say(Query::Q3, &[&lots[..], &sellers[..]].concat(), &answer);
    assert_both_say(Query::Q3, &[&sellers[..], &lots[..]].concat(), &answer);
}

#[test]
fn q4_bids_count_from_the_start_of_an_auction_to_its_end_and_an_average_is_cut_off() {
    let lots = [lot(1, 7, 10, 1_000), lot(2, 7, 10, 1_000), lot(3, 7, 11, 1_000), lot(4, 7, 12, 1_000)];
    // Before the auction and after it; at its very start and end.
    let bids =
        [offer(1, 999, 1, 90), offer(1, 1_000, 1, 40), offer(2, 11_000, 1, 43), offer(2, 11_001, 1, 90)];
    let more = [offer(1, 2_000, 2, 30), offer(3, 2_000, 2, 5), offer(4, 500, 2, 5)];
    assert_both_say(Query::Q4, &[&lots[..], &bids, &more].concat(), &["10,41", "11,5"]);
}

#[test]
fn q6_the_last_ten_auctions_to_close_count_if_somebody_bid() {
    // The eleventh is the first to close; it is the last that is won. The twelfth nobody bids on.
    let lots = (1..=12).map(|id| lot(id, 7, 10, if id == 11 { 0 } else { 1_000 }));
    let bids = (1..=11).map(|id| offer(id, 2_000 + id as u64, 1, if id == 11 { 9_999 } else { 10 * id }));
    let all: Vec<Event> = lots.chain(bids).collect();
    assert_both_say(Query::Q6, &all, &["7,55"]);
    // A higher bid on one of them; the sum is 551, of ten.
    assert_both_say(Query::Q6, &[&all[..], &[offer(3, 3_000, 2, 31)]].concat(), &["7,55"]);
    assert_both_say(Query::Q6, &[&all[..], &[offer(3, 3_000, 2, 40)]].concat(), &["7,56"]);
}

#[test]
fn q6_of_auctions_that_close_together_those_with_the_greatest_ids_count() {
    let lots = (1..=11).map(|id| lot(id, 7, 10, 0));
    let all: Vec<Event> = lots.chain((1..=11).map(|id| offer(id, 1, 1, 10 * id))).collect();
    assert_both_say(Query::Q6, &all, &["7,65"]);
}

#[test]
fn q9_of_bids_at_one_price_the_first_wins() {
    let lots = [lot(1, 7, 10, 0)];
    let line = |bid: &str| format!("1,,,1,1,1436918400000,1436918410000,7,10,,1,{bid}");
    let bids = [offer(1, 2_000, 1, 50), offer(1, 1_999, 2, 50), offer(1, 10_001, 3, 90), offer(1, 1, 4, 49)];
    assert_both_say(Query::Q9, &[&lots[..], &bids].concat(), &[&line("2,50,1436918401999,cab")]);
    // At one time, too: the greatest bidder.
    let together = [bids[1].clone(), offer(1, 1_999, 5, 50)];
    assert_both_say(Query::Q9, &[&lots[..], &together].concat(), &[&line("5,50,1436918401999,cab")]);
}

/// Three of two bidders on two auctions, at the bounds of the levels; and one of the next day.
fn bids_of_two_days() -> [Event; 4] {
    let tomorrow = 86_400_000;
    [offer(1, 60_000, 1, 9_999), offer(1, 0, 2, 10_000), offer(2, 1, 2, 1_000_000), offer(2, tomorrow, 1, 5)]
}

#[test]
fn q15_who_bids_twice_is_counted_once_in_all_and_once_at_each_level() {
    let answer = ["2015-07-15,3,1,1,1,2,1,1,1,2,1,1,1", "2015-07-16,1,1,0,0,1,1,0,0,1,1,0,0"];
    assert_both_say(Query::Q15, &bids_of_two_days(), &answer);
    // The same bid once more is one more bid, of the same bidder on the same auction.
    let twice = ["2015-07-15,4,2,1,1,2,1,1,1,2,1,1,1", answer[1]];
    assert_both_say(Query::Q15, &[&bids_of_two_days()[..], &bids_of_two_days()[..1]].concat(), &twice);
}

#[test]
fn q16_the_minute_is_that_of_the_last_bid_of_the_day() {
    let answer = [
        "channel-1,2015-07-15,00:01,3,1,1,1,2,1,1,1,2,1,1,1",
        "channel-1,2015-07-16,00:00,1,1,0,0,1,1,0,0,1,1,0,0",
    ];
    assert_both_say(Query::Q16, &bids_of_two_days(), &answer);
}

#[test]
fn q17_an_average_is_cut_off_and_each_day_is_for_itself() {
    let answer = [
        "1,2015-07-15,2,1,1,0,9999,10000,9999,19999",
        "2,2015-07-15,1,0,0,1,1000000,1000000,1000000,1000000",
        "2,2015-07-16,1,1,0,0,5,5,5,5",
    ];
    assert_both_say(Query::Q17, &bids_of_two_days(), &answer);
}

#[test]
fn q18_the_last_bid_is_the_latest_and_not_the_last_to_arrive() {
    let rest = "channel-1,https://h/a//c&channel_id=5";
    let bids = [offer(1, 5, 1, 50), offer(1, 3, 1, 90), offer(1, 1, 2, 7), offer(2, 1, 1, 8)];
    let others = [format!("1,2,7,{rest},1436918400001,cab"), format!("2,1,8,{rest},1436918400001,cab")];
    assert_both_say(
        Query::Q18,
        &bids,
        &[&format!("1,1,50,{rest},1436918400005,cab"), &others[0], &others[1]],
    );
    // Of two at the same time the higher.
    let last = format!("1,1,60,{rest},1436918400005,cab");
    let bids = [&[offer(1, 5, 1, 60)], &bids[..]].concat();
    assert_both_say(Query::Q18, &bids, &[&last, &others[0], &others[1]]);
}

#[test]
fn q19_the_same_bid_twice_has_two_ranks_and_the_eleventh_has_none() {
    let line = |price: usize, rank: usize| {
        format!("1,1,{price},channel-1,https://h/a//c&channel_id=5,1436918400001,cab,{rank}")
    };
    let bids: Vec<Event> = (1..=10).chain([10]).map(|price| offer(1, 1, 1, price)).collect();
    let mut answer = vec![line(10, 1), line(10, 2)];
    answer.extend((2..=9).map(|price| line(price, 12 - price)));
    answer.sort();
    assert_both_say(Query::Q19, &bids, &answer.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn q20_a_bid_counts_before_its_auction_and_after_it() {
    let bids = [offer(1, 0, 1, 50), offer(2, 2, 1, 50), offer(3, 2, 1, 50), offer(1, 20_000, 1, 50)];
    let lots = [lot(1, 7, 10, 1), lot(2, 7, 11, 1)];
    let line = |time: u64| {
        format!(
            "1,1,50,channel-1,https://h/a//c&channel_id=5,{time},cab,,,1,1,1436918400001,1436918410001,7,10,"
        )
    };
    let answer = [line(START), line(START + 20_000)];
    assert_both_say(
        Query::Q20,
        &[&bids[..2], &lots[..], &bids[2..]].concat(),
        &answer.each_ref().map(|line| &**line),
    );
}
