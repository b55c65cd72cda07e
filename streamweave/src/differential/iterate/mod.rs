//! Loops to a fixed point: `iterate NAME { .. }` in `graph!`.
//!
//! ```
//! use streamweave::prelude::*;
//!
//! graph! {
//!     /// The nodes that can be reached from the roots.
//!     graph reachable(edges: Update<(u32, u32), LogicalTime, i64>, roots: Update<u32, LogicalTime, i64>)
//!         -> (nodes: Update<u32, LogicalTime, i64>)
//!     {
//!         iterate reach {
//!             var node: u32 = roots;
//!             step = differential::join();
//!             node -> key_by(|&node| node) -> step.left;
//!             edges -> key_by(|edge| edge.0) -> step.right;
//!             step -> map(|pair| pair.value.1.1) -> next;
//!             next = map(|node: u32| node);
//!             [roots, next] -> differential::distinct() -> node;
//!         }
//!         reach.node -> nodes;
//!     }
//! }
//!
//! let mut graph = reachable::harness();
//! let change = |data, time, diff| Update { data, time: LogicalTime(time), diff };
//! graph.inputs.roots.update(Update { data: 1, time: LogicalTime(0), diff: 1 });
//! // 1 -> 2 -> 3 -> 2
//! for edge in [(1, 2), (2, 3), (3, 2)] {
//!     graph.inputs.edges.update(change(edge, 0, 1));
//! }
//! // Without the first of them 2 and 3 only hold each other.
//! graph.inputs.edges.update(change((1, 2), 1, -1));
//! graph.finish().expect("nothing fails").assert_conserved();
//! let nodes = graph.outputs.nodes.updates().into_iter().map(|row| (row.time.0, row.data, row.diff));
//! assert_eq!(Vec::from_iter(nodes), [(0, 1, 1), (0, 2, 1), (0, 3, 1), (1, 2, -1), (1, 3, -1)]);
//! ```
//!
//! A *variable* is a collection that the body of the loop computes anew from itself, round by round, until a round changes
//! nothing: in round 0 it is what stands behind `=`, or empty; in each later round it is what the body made of the one before. Every variable
//! is assigned once, by the arrow that ends at it. Streams from outside are there from round 0 on, and what leaves the loop, as
//! `reach.node`, is what they all come to in the end.
//!
//! # Contract
//!
//! 1. A time outside is closed when no round is left that changes anything; the frontier outside does not move before (rule G11).
//! 2. A change of the input runs only the rounds, and in them only the operators, in which it makes a difference (rule G9).
//! 3. What goes around is consolidated: what cancels out within a round goes no further (rule G10). So is what leaves.
//! 4. A loop that does not end stops at `#[max_rounds(n)]` (10 million where nothing is said), and the run with
//!    [`NotConverged`]; with `on_limit = return` it gives the state of that round, and says so at its port `incomplete`.
//!    `#[rounds(n)]` goes around n times and no more. `#[until(stream)]` ends when that stream of its body has a row: the
//!    variables stay what they are in that round.
//!
//! # States
//!
//! [`Iterate`] stands at the head of a loop and drives it. It keeps what comes in until its time is closed outside, then
//! emits into the body, round by round: what is due in the round, then the frontier behind it, upon which the operators of the body do
//! the work of that round. What they assign to a variable waits in a [`Feedback`] and goes in a round later. Rounds in which an
//! operator only has to look again at what it knows stand in an [`Agenda`](crate::operator::Agenda). What leaves waits in a
//! [`Leave`] until the time outside is closed.

mod feedback;
mod head;
mod lane;
mod leave;
mod until;

pub use feedback::{Around, Feedback, feedback};
pub use head::{Incomplete, Iterate, Limit, NotConverged, iterate};
pub use lane::{
    Lane, LaneAt, Lanes, Lanes1, Lanes2, Lanes3, Lanes4, Lanes5, Lanes6, Lanes7, Lanes8, LanesInto,
    StoredLanes, enter, variable, variable_from_nothing,
};
pub use leave::{Leave, leave};
pub use until::{Signal, Until, until};
