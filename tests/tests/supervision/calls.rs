//! Calls to what is outside: their order, and circuit breakers (rules K8, K9).

use super::*;

#[test]
fn k8_rows_that_are_called_for_again_keep_their_order() {
    for seed in 0..20 {
        let mut left = std::collections::HashMap::new();
        let graph = graph! {
            rows = from_iter(0..40_u64);
            called = async_try_map(|row: u64| {
                let left = left.entry(row).or_insert(row * 7 % 4);
                let fails = *left > 0;
                *left = left.saturating_sub(1);
                async move { if fails { Err("busy") } else { Ok(row) } }
            }).in_flight(8).retry(Retry::times(3).jitter(seed));
            rows -> called -> done;
            called.err -> discard;
            done = collect();
        };
        let result = testing::run(graph, ManualClock::new(), seed).expect("nothing fails");
        assert_eq!(result.done, Vec::from_iter(0..40));
    }
}

/// The times of calls, in seconds.
fn secs(calls: &Seen<i64>) -> Vec<i64> {
    taken(calls).into_iter().map(|micros| micros / 1_000_000).collect()
}

#[test]
fn k9_a_circuit_that_is_half_open_lets_one_call_through_and_rows_wait_in_their_order() {
    for seed in 0..5 {
        let (clock, calls) = (ManualClock::new(), seen());
        let (mut now, hours, made) = (clock.clone(), clock.clone(), Arc::clone(&calls));
        let graph = graph! {
            rows = from_iter(0..12_u64);
            called = async_try_map(move |row: u64| {
                let began = now.now().micros();
                note(&made, began);
                let takes = hours.sleep(1.secs());
                async move {
                    takes.await;
                    if began < micros(65.secs()) { Err("down") } else { Ok(row) }
                }
            })
            .in_flight(6)
            .breaker(CircuitBreaker::after(3).within(10.secs()).open_for(20.secs()))
            .retry(Retry::times(9).backoff(1.secs()).factor(1));
            rows -> called -> done;
            called.err -> discard;
            done = collect();
        };
        let result = testing::run(graph, clock.clone(), seed).expect("nothing fails");
        result.assert_conserved();
        assert_eq!(result.done, Vec::from_iter(0..12));
        let calls = secs(&calls);
        // Six are in flight when it opens; then one at a time, until one succeeds.
        assert_eq!(calls[..10], [0, 0, 0, 0, 0, 0, 21, 42, 63, 84]);
        assert_eq!(calls[10..15], [85; 5]);
        assert_eq!(calls.len(), 6 + 3 + 12);
    }
}

#[node(in_flight = 1, breaker = CircuitBreaker::after(2).open_for(1.hours()).refuse(), keep_input)]
async fn always_down(row: u64) -> Result<u64, String> {
    Err(format!("{row} fails"))
}

#[test]
fn k9_rows_are_refused_with_a_typed_error_where_that_is_asked_for() {
    let graph = graph! {
        rows = from_iter(0..6_u64);
        called = always_down();
        tried = async_try_map(|_: u64| async { Err::<u64, _>("down") })
            .in_flight(1)
            .retry(Retry::times(5))
            .breaker(CircuitBreaker::after(1).open_for(1.hours()).refuse());
        rows -> [called, tried];
        called -> discard;
        tried -> discard;
        called.err -> map(|failed| (failed.input, failed.error)) -> errors;
        tried.err -> map(|failed| failed.error.to_string()) -> texts;
        errors = collect();
        texts = collect();
    };
    let result = testing::run(graph, ManualClock::new(), 3).expect("nothing fails");
    result.assert_conserved();
    for (row, (input, error)) in (0..).zip(&result.errors) {
        assert_eq!(*input, row);
        match error {
            CallError::Failed { error, attempts: 1, .. } if row < 2 => {
                assert_eq!(*error, format!("{row} fails"))
            }
            CallError::Refused { attempts: 0, .. } if row >= 2 => {}
            other => panic!("row {row}: {other:?}"),
        }
    }
    assert_eq!(result.texts[0], "the circuit was open: no further call was made");
    assert_eq!(result.texts[1..], ["the circuit was open: no call was made"; 5]);
}

#[test]
fn k9_failures_that_are_answers_do_not_open_the_circuit() {
    let graph = graph! {
        rows = from_iter(0..20_u64);
        called = async_try_map(|row: u64| async move { if row % 2 == 0 { Err("no such row") } else { Ok(row) } })
            .breaker(CircuitBreaker::after(1).refuse())
            .retry(Retry::times(2))
            .retry_if(|error| *error != "no such row");
        rows -> called -> done;
        called.err -> map(|failed| failed.error.into_failed()) -> errors;
        done = collect();
        errors = collect();
    };
    let result = testing::run(graph, ManualClock::new(), 3).expect("nothing fails");
    assert_eq!((result.done.len(), result.errors.iter().flatten().count()), (10, 10));
}

#[test]
fn k9_a_breaker_that_cannot_work_is_refused_before_the_first_row() {
    let refused = |breaker: CircuitBreaker| {
        let graph = graph! {
            rows = from_iter(0..20_u64);
            called = async_try_map(|row: u64| async move { Ok::<_, String>(row) }).breaker(breaker);
            rows -> called -> discard;
            called.err -> discard;
        };
        testing::run(graph, ManualClock::new(), 3).map(|_| ()).expect_err("it cannot work").to_string()
    };
    assert!(refused(CircuitBreaker::after(0)).contains("at least one failure, found 0"));
    assert!(refused(CircuitBreaker::after(1).within(0.secs())).contains("above zero, found 0 s"));
}
