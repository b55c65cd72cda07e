//! A graph as plain data: what the build script writes as `graph!`, and the interpreter reads.

/// A graph.
///
/// Node `i` of the description is called `n<i>` in the `graph!` that was written from it.
#[derive(Clone, Debug)]
pub struct Description {
    /// The nodes; each stands behind those from which arrows enter it.
    pub nodes: Vec<Kind>,
    /// The arrows, in the order in which the `graph!` has them.
    pub arrows: Vec<Arrow>,
}

/// From an output port to a node. A node that several arrows enter merges them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The node where it starts.
    pub from: usize,
    /// The port where it starts.
    pub port: Port,
    /// The node where it ends.
    pub to: usize,
}

/// An output port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// `out`.
    Out,
    /// `err` or `late`, as rows again.
    Side,
}

/// What stands at a node. Every node takes and gives [`Row`](crate::row::Row)s; where the
/// operator gives something else (a pane, a count), what it gives is made a row behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `from_iter`, of the input of this number.
    Source(usize),
    /// `map`, by [`Row::step`](crate::row::Row::step).
    Map(u64),
    /// `filter`, by [`Row::keep`](crate::row::Row::keep).
    Filter(u64, u64),
    /// `filter_map`, by [`Row::some`](crate::row::Row::some).
    FilterMap(u64),
    /// `flat_map`, by [`Row::several`](crate::row::Row::several).
    FlatMap(u64),
    /// `try_map`, by [`Row::attempt`](crate::row::Row::attempt).
    TryMap(u64),
    /// The `#[node]` [`attempt_borrowed`](fn@crate::row::attempt_borrowed), whose `err` gives the
    /// input back.
    TryNode,
    /// `inspect`, which changes nothing.
    Inspect,
    /// `running_count`.
    RunningCount,
    /// `running_fold` into a [`Summary`](crate::row::Summary).
    RunningFold,
    /// `key_by` and `count`, with so many keys.
    CountByKey(u64),
    /// `key_by` and `fold` into a [`Summary`](crate::row::Summary), with so many keys.
    FoldByKey(u64),
    /// `event_time`, `bounded` by so many microseconds.
    AssignTime(i64, Times),
    /// `key_by` and `tumbling`.
    Window(Tumbling),
    /// `collect`.
    Sink,
    /// `discard`.
    Discard,
}

/// What the extractor of event time returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// `EventTime`.
    All,
    /// `Option<EventTime>`, by [`Row::time_or_none`](crate::row::Row::time_or_none).
    OrNone(u64),
    /// `Result<EventTime, u64>`, by [`Row::time_or_error`](crate::row::Row::time_or_error).
    OrError(u64),
}

/// A tumbling window; times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tumbling {
    /// The length.
    pub size: i64,
    /// The offset from the epoch.
    pub offset: i64,
    /// How many keys there are.
    pub keys: u64,
    /// Whether panes of one window come by key, not by first arrival.
    pub by_key: bool,
    /// Whether it folds into a [`Summary`](crate::row::Summary); else it counts.
    pub folds: bool,
}

impl Kind {
    /// Whether the node has the port [`Port::Side`].
    pub fn has_side(self) -> bool {
        match self {
            Kind::TryMap(_) | Kind::TryNode | Kind::Window(_) => true,
            Kind::AssignTime(_, times) => times != Times::All,
            Kind::Source(_)
            | Kind::Map(_)
            | Kind::Filter(..)
            | Kind::FilterMap(_)
            | Kind::FlatMap(_)
            | Kind::Inspect
            | Kind::RunningCount
            | Kind::RunningFold
            | Kind::CountByKey(_)
            | Kind::FoldByKey(_)
            | Kind::Sink
            | Kind::Discard => false,
        }
    }

    /// Whether rows end here.
    pub fn is_end(self) -> bool {
        matches!(self, Kind::Sink | Kind::Discard)
    }
}

impl Description {
    /// How many sources there are.
    pub fn sources(&self) -> usize {
        self.nodes.iter().filter(|kind| matches!(kind, Kind::Source(_))).count()
    }
}
