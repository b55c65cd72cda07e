//! Supervision: graphs that are started again when they fail.
//!
//! A [`Supervisor`] runs graphs, each in a task of its own, and other supervisors. A child that fails is started again from its last
//! checkpoint, or with its siblings, or stopped, or its supervisor fails in its place, by a [`Directive`] that is chosen for the node
//! at fault, for the child, or for the supervisor's children. The model is that of Erlang/OTP: let it fail, and begin from what is
//! known to be good.
//!
//! # What is promised
//!
//! 1. Of a graph that failed nothing is used again: it is made anew, and restored (rule K2). Of a child there is one task at most.
//! 2. A child is started again [so often](Restarts) within a stretch of its life; then its supervisor fails. A start that works gives
//!    nothing back (rule K3).
//! 3. What holds for nodes holds for sources and sinks (rule K4).
//! 4. What is lost is told ([`Failure::losses`]), and nothing else is (rule K5). A graph that is `#![durable = exactly_once]` and has
//!    checkpoints loses nothing; one that is `#![durable]` loses rows of sources that do not replay; another begins anew.
//! 5. Siblings that a failure does not concern go on (rule K1). Those that are started again with it first bring out what they have,
//!    as after a failure of their own.
//! 6. By a manual clock and with graphs of one thread a run is the same each time.
//!
//! # Who decides
//!
//! The first that says anything: the child by the node at fault ([`Child::on_node`]), by a function of the failure
//! ([`Child::on_failure`]), then its supervisor in the same way, then those above. If nobody does, a child is started again, but for
//! graphs that are wrong (`Invalid`, a checkpoint that does not fit) or were told to stop (`Rejected`): those escalate. Rows at which
//! a node panics can be set aside instead, `#[on_panic(skip)]`: see [`on_error`](crate::sink::on_error).
//!
//! # Examples
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::sync::{Arc, Mutex};
//!
//! use streamweave::prelude::*;
//! use streamweave::supervision::{Child, Directive, Restarts, Supervisor};
//!
//! # let directory = std::env::temp_dir().join(format!("streamweave-supervision-{}", std::process::id()));
//! # let state = directory.clone();
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let totals = Arc::new(Mutex::new(Vec::new()));
//! let taken = Arc::clone(&totals);
//! let outages = Arc::new(AtomicU32::new(1));
//! let make = move || {
//!     let outages = Arc::clone(&outages);
//!     graph! {
//!         #![durable = exactly_once]
//!         numbers = from_iter(1..=4_u64);
//!         checked = map(move |n| if n == 3 && outages.swap(0, Ordering::Relaxed) > 0 { panic!("an outage") } else { n });
//!         sum     = running_sum();
//!         numbers -> checked -> sum -> sums;
//!         sums    = collect();
//!     }
//!     .batch(1)
//!     .checkpoints(Checkpoints::in_directory(&state).every(1.millis()))
//! };
//! let ledger = Child::yielding("ledger", make, move |result| taken.lock().expect("no panic").extend(result.sums));
//! let mut supervisor = Supervisor::new("root")
//!     .restarts(Restarts::at_most(3).within(1.minutes()).backoff(10.millis()).jitter(7))
//!     .child(ledger.on_node("sum", Directive::Escalate));
//! let mut failures = supervisor.failures();
//! supervisor.run().await?;
//!
//! let failure = failures.recv().await.expect("there was one");
//! assert_eq!((failure.child.as_str(), failure.node.as_deref()), ("root/ledger", Some("checked")));
//! assert_eq!((failure.directive, failure.losses.len()), (Directive::Restart, 0));
//! assert_eq!(*totals.lock().expect("no panic"), [1, 3, 6, 10]);
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod directive;
mod failure;
mod restarts;
mod supervisor;
mod tree;

pub use directive::{Directive, Strategy};
pub use failure::{Failure, FailureKind, Failures, Loss, Lost};
pub use restarts::Restarts;
pub use supervisor::{Child, Member, Supervised, Supervisor};
