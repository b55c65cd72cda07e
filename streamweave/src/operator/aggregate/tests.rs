//! What holds for aggregates of every kind.

use super::*;

fn over<V, A: Aggregate<V> + Default>(values: impl IntoIterator<Item = V>) -> A::Output {
    let mut aggregate = A::default();
    values.into_iter().for_each(|value| aggregate.add(value));
    aggregate.output()
}

#[test]
fn integer_sums_do_not_overflow() {
    assert_eq!(over::<_, Sum<i64>>([i64::MAX, i64::MAX]), 2 * i128::from(i64::MAX));
    assert_eq!(over::<_, Sum<i64>>([i64::MIN, i64::MIN]), 2 * i128::from(i64::MIN));
    assert_eq!(over::<_, Mean<u64>>([u64::MAX, u64::MAX]), u64::MAX as f64);
}

#[test]
fn a_nan_spreads_through_sums_and_means() {
    assert!(over::<_, Sum<f64>>([1.0, f64::NAN]).is_nan());
    assert!(over::<_, Mean<f64>>([f64::NAN, 1.0]).is_nan());
}

#[test]
fn a_nan_counts_as_extreme_only_where_there_is_nothing_else() {
    assert_eq!(over::<_, Min<f64>>([f64::NAN, 2.0, 1.0, f64::NAN]), 1.0);
    assert_eq!(over::<_, Max<f64>>([1.0, f64::NAN, 2.0]), 2.0);
    assert!(over::<_, Max<f64>>([f64::NAN]).is_nan());
}

#[test]
fn of_equal_extremes_the_first_is_kept() {
    let zeros = [0.0_f64, -0.0];
    assert!(over::<_, Min<f64>>(zeros).is_sign_positive());
    assert!(over::<_, Max<f64>>(zeros).is_sign_positive());
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 33
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Up to 20 small numbers, so that some are equal.
    fn values(&mut self) -> Vec<i64> {
        (0..self.below(20)).map(|_| self.below(9) as i64 - 4).collect()
    }

    /// Any finite float, of any size.
    fn float(&mut self) -> f64 {
        let bits = self.next() << 42 ^ self.next() << 21 ^ self.next();
        let float = f64::from_bits(bits);
        if float.is_finite() { float } else { 1.0 }
    }
}

fn added<V, A: Aggregate<V>>(mut aggregate: A, values: impl IntoIterator<Item = V>) -> A {
    values.into_iter().for_each(|value| aggregate.add(value));
    aggregate
}

/// `merge` gives what adding all gives.
fn merges<A>(init: impl Fn() -> A)
where
    A: Aggregate<i64> + Merge,
    A::Output: PartialEq + std::fmt::Debug,
{
    let mut numbers = Numbers(1);
    for _ in 0..300 {
        let (first, then) = (numbers.values(), numbers.values());
        if first.is_empty() && then.is_empty() {
            continue;
        }
        let mut merged = added(init(), first.iter().copied());
        merged.merge(&added(init(), then.iter().copied()));
        let all = added(init(), first.iter().chain(&then).copied());
        assert_eq!(merged.output(), all.output(), "{first:?} and {then:?}");
    }
}

/// What was added and taken back, in any order, was never there.
fn retracts<A>(init: impl Fn() -> A)
where
    A: Retract<i64>,
    A::Output: PartialEq + std::fmt::Debug,
{
    let mut numbers = Numbers(2);
    for _ in 0..300 {
        let (kept, taken) = (numbers.values(), numbers.values());
        if kept.is_empty() {
            continue;
        }
        let mut aggregate = added(init(), kept.iter().chain(&taken).copied());
        taken.iter().rev().for_each(|value| aggregate.retract(*value));
        assert_eq!(
            aggregate.output(),
            added(init(), kept.iter().copied()).output(),
            "{kept:?} but {taken:?}"
        );
    }
}

#[test]
fn merging_is_adding_all() {
    merges(Count::new);
    merges(Sum::new);
    merges(Mean::new);
    merges(Min::new);
    merges(Max::new);
    merges(First::new);
    merges(Last::new);
    merges(Collect::new);
    merges(DistinctCount::new);
    merges(Extremes::new);
    (0..5).for_each(|n| merges(|| TopN::new(n)));
    merges(|| (Count::new(), Max::new()));
    merges(|| (Count::new(), Max::new(), TopN::new(2), First::new(), Last::new(), Sum::new()));
}

#[test]
fn what_is_taken_back_was_never_there() {
    retracts(Count::new);
    retracts(Sum::new);
    retracts(Mean::new);
    retracts(DistinctCount::new);
    retracts(Extremes::new);
    retracts(|| (Count::new(), Sum::new(), Mean::new()));
}

#[test]
fn the_top_n_are_the_first_of_all_sorted() {
    let mut numbers = Numbers(3);
    for n in 0..200 {
        let n = n % 6;
        // Pairs of which only the first counts: of equal ones the order of arrival decides.
        let values: Vec<(i64, usize)> = numbers.values().into_iter().zip(0..).collect();
        #[derive(Clone, Debug, PartialEq, Eq)]
        struct ByFirst((i64, usize));
        impl PartialOrd for ByFirst {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for ByFirst {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.0.cmp(&other.0.0)
            }
        }
        let mut sorted = values.clone();
        sorted.sort_by_key(|(value, _)| -value);
        sorted.truncate(n);
        let top = added(TopN::new(n), values.into_iter().map(ByFirst)).output();
        assert_eq!(top.into_iter().map(|value| value.0).collect::<Vec<_>>(), sorted);
    }
}

/// By the definition, in two passes.
fn naive_variance(values: &[f64], divisor: f64) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / divisor
}

#[test]
fn variances_are_stable_and_merge() {
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-7 * a.abs().max(b.abs()).max(1e-9);
    let mut numbers = Numbers(4);
    for round in 0..300 {
        // Around 10^9 the textbook's sum of squares has no digit left of a spread of this size.
        let around = if round % 2 == 0 { 0.0 } else { 1e9 };
        let values: Vec<f64> = numbers.values().into_iter().map(|value| value as f64 + around).collect();
        if values.len() < 2 {
            continue;
        }
        let (first, then) = values.split_at(numbers.below(values.len() as u64) as usize);
        let count = values.len() as f64;
        for (init, divisor) in [(Variance::population(), count), (Variance::sample(), count - 1.0)] {
            let naive = naive_variance(&values, divisor);
            let all = Aggregate::<f64>::output(&added(init, values.iter().copied()));
            assert!(close(all, naive), "{all} and {naive} of {values:?}");
            let mut merged = added(init, first.iter().copied());
            merged.merge(&added(init, then.iter().copied()));
            let merged = Aggregate::<f64>::output(&merged);
            assert!(close(merged, naive), "{merged} and {naive} of {values:?}");
        }
    }
}

#[test]
fn the_variance_of_one_value_is_zero_or_unknown() {
    assert_eq!(Aggregate::<i64>::output(&added(Variance::population(), [7_i64])), 0.0);
    assert!(Aggregate::<i64>::output(&added(Variance::sample(), [7_i64])).is_nan());
}

fn exact(values: impl IntoIterator<Item = f64>) -> f64 {
    Aggregate::<f64>::output(&added(ExactSum::new(), values))
}

#[test]
fn exact_sums_of_one_and_two_floats_are_those_of_the_processor() {
    let mut numbers = Numbers(5);
    let odd = [0.0, f64::MIN_POSITIVE, f64::MAX, f64::MIN, 5e-324, -5e-324, 1.0, f64::EPSILON / 2.0];
    let floats: Vec<f64> = odd.into_iter().chain((0..300).map(|_| numbers.float())).collect();
    for &a in &floats {
        assert_eq!(exact([a]), a);
        for &b in &floats {
            assert_eq!(exact([a, b]), a + b, "{a:e} + {b:e}");
        }
        // Neighbours in size, where rounding matters.
        let b = a * (numbers.below(1_000) as f64 / 7.0);
        if b.is_finite() {
            assert_eq!(exact([a, b]), a + b, "{a:e} + {b:e}");
            assert_eq!(exact([a, -b]), a - b, "{a:e} - {b:e}");
        }
    }
}

#[test]
fn exact_sums_leave_nothing_behind_and_know_no_order() {
    let mut numbers = Numbers(6);
    for _ in 0..100 {
        let values: Vec<f64> = (0..40).map(|_| numbers.float() / 64.0).collect();
        let mut sum = added(ExactSum::new(), values.iter().copied());
        assert_eq!(sum, added(ExactSum::new(), values.iter().rev().copied()));
        let mut merged = added(ExactSum::new(), values[..17].iter().copied());
        merged.merge(&added(ExactSum::new(), values[17..].iter().copied()));
        assert_eq!(sum, merged);
        values.iter().for_each(|value| sum.retract(*value));
        assert_eq!(sum, ExactSum::new());
    }
}

#[test]
fn what_is_not_finite_can_be_taken_back() {
    let mut sum = added(ExactSum::new(), [1.5, f64::INFINITY]);
    assert_eq!(Aggregate::<f64>::output(&sum), f64::INFINITY);
    sum.add(f64::NEG_INFINITY);
    assert!(Aggregate::<f64>::output(&sum).is_nan());
    sum.retract(f64::INFINITY);
    assert_eq!(Aggregate::<f64>::output(&sum), f64::NEG_INFINITY);
    sum.retract(f64::NEG_INFINITY);
    assert_eq!(Aggregate::<f64>::output(&sum), 1.5);
    let mut mean = added(ExactMean::new(), [0.1, 0.2, 0.3]);
    mean.retract(0.1);
    mean.retract(0.3);
    assert_eq!(Aggregate::<f64>::output(&mean), 0.2);
}
