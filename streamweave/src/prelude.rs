//! What most graphs use: `use streamweave::prelude::*;`.

pub use crate::checkpoint::Checkpoints;
pub use crate::differential;
pub use crate::envelope::{Failed, Keyed, Timed, Update};
pub use crate::graph;
pub use crate::io::read::stdin;
pub use crate::io::write::{append, stdout};
pub use crate::operator::asynchronous::{
    CallError, CircuitBreaker, Retry, TimedOut, async_map, async_try_map, blocking_map, blocking_try_map,
    lookup,
};
pub use crate::operator::custom::{Cx, Out, route};
pub use crate::operator::element::{
    Tally, TextTally, filter, filter_map, flat_map, flat_map_ref, inspect, map, memo, partition, route_by,
    split_results, try_map, unzip,
};
pub use crate::operator::flow::{Ways, balance, broadcast, concat, discard, merge, round_robin, zip};
pub use crate::operator::join::{as_of, co_group, enrich, interval_join, join, window_join};
pub use crate::operator::keyed::{
    count, fold, key_by, max, mean, min, running_count, running_fold, running_max, running_mean, running_min,
    running_sum, sum,
};
pub use crate::operator::order::{first_per_key, keep, last_per_key, sort, sort_by_key};
pub use crate::operator::rate::{debounce, rate_limit, sample, throttle};
pub use crate::operator::sequence::{
    batch, batch_bytes, dedup, distinct, distinct_by, enumerate, every, pairwise, sample_by_chance, scan,
    skip, skip_while, take, take_while,
};
pub use crate::operator::window::{
    Assigner, Calendar, Cumulative, Late, Pane, Sliding, Timing, Trigger, Tumbling, Window, count_windows,
    cumulative, global, session, sliding, tumbling, windows,
};
pub use crate::operator::{
    Aggregate, Ahead, Count, DistinctCount, ExactMean, ExactSum, Extremes, First, Last, Max, Mean, Merge,
    Min, Sum, TopN, Variance, arrival_time, epochs, event_time, from_start, to_changes, to_log, untimed,
};
pub use crate::sink::{collect, for_each, for_each_update, last, to_channel, to_idempotent_sink, to_sink};
pub use crate::source::{from_channel, from_iter, from_source, from_stream, interval, replay};
pub use crate::time::{
    EventTime, LogicalTime, ProcessingTime, Strategy, TimeDelta, Units, ascending, bounded, partitioned,
    punctuated,
};
pub use streamweave_macros::{Ports, State, node};
