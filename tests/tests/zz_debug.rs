//! x
use streamweave::envelope::Timed;
use streamweave::prelude::*;
use streamweave::time::ManualClock;
graph! {
    graph calling(rows: Timed<u64>; clock: ManualClock) -> (out: Timed<u64>) {
        #![durable]
        kept = async_map(move |row: u64| { let nap = clock.sleep(3.micros()); async move { nap.await; row } }).in_flight(3);
        rows -> kept -> out;
    }
}
#[test]
fn debug() {
    let clock = ManualClock::new();
    for cut in 0..2 {
    let mut one = calling::harness(clock.clone());
    for i in 0..10 { one.inputs.rows.send_at(i, EventTime::from_micros(i as i64)); }
    one.settle();
    for i in 0..20 {
        clock.advance(3.micros()); one.settle();
        println!("-> {i} {:?}", one.outputs.out.take());
        if i == 2 && cut == 1 { let saved = one.save(); one = calling::harness(clock.clone()); one.restore(&saved).unwrap(); one.settle(); println!("-> cut {}", one.explain()); }
    }
    println!("-> {:?}", one.finish().err());
    }
}
