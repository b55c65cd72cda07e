//! Operators over changes: what they give is itself a stream of changes, and holds at every closed time what they would
//! give for the rows that are there by then.
//!
//! # Contract
//!
//! 1. They work time by time: changes wait until the frontier is beyond their time, and those of one time count
//!    together. So within one time a row may be taken back before it is put in (rule G2), and what cancels out changes nothing.
//! 2. At one time changes of the output come by the first arrival of their keys; of one key what is taken back comes
//!    before what is put in. What has not changed is not emitted.
//! 3. A row whose multiplicity is below zero at a closed time, or beyond 63 bits, ends the run with [`Unsound`], which names the
//!    key; the error of the run names the node. Nothing of that time, or after it, is emitted.
//! 4. Changes behind the frontier go to the port `late`, in their envelope.
//! 5. A group whose rows are all gone is forgotten.

mod by_time;
mod count;
mod top_n;

pub use by_time::{ByTime, Group, Shown, Unsound, Whole};
pub use count::{CountGroup, count_all, count_by_key};
pub use top_n::{TopGroup, top_n};
