//! An output that a node sends to.

use crate::envelope::Update;
use crate::port::{Port, Push};
use crate::time::{EventTime, Frontier, LogicalTime, Timestamp};

/// An output of a node that has several: what is sent goes out of the port that is named after the
/// parameter, once the node has returned.
///
/// What is sent has the time and the diff of the row at hand. A node that is to choose the times itself has an
/// `Out<B, EventTime>`, and sends [at](Out::send_at) a time.
///
/// # Examples
///
/// ```
/// use streamweave::prelude::*;
///
/// #[node]
/// fn sort(fruit: &'static str, apples: &mut Out<u64>, others: &mut Out<&'static str>) {
///     match fruit {
///         "apple" => apples.send(1),
///         other => others.send(other),
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let result = graph! {
///     fruit = from_iter(["apple", "pear", "apple"]);
///     fruit -> sorted;
///     sorted = sort();
///     sorted.apples -> running_sum() -> apples;
///     sorted.others -> rest;
///     apples = last();
///     rest = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.apples, Some(2));
/// assert_eq!(result.rest, ["pear"]);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Out<B, T = Same>(Vec<(B, T)>);

/// The time of what is sent: that of the row at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Same;

impl<B, T> Default for Out<B, T> {
    fn default() -> Self {
        Out(Vec::new())
    }
}

impl<B> Out<B> {
    /// Sends a row, at the time of the row at hand.
    #[inline(always)]
    pub fn send(&mut self, row: B) {
        self.0.push((row, Same));
    }
}

impl<B, T: Timestamp> Out<B, T> {
    /// Sends a row at a time, which is not to be behind the frontier of the node: it would be late.
    #[inline(always)]
    pub fn send_at(&mut self, row: B, time: T) {
        self.0.push((row, time));
    }
}

impl<B, T> Out<B, T> {
    /// What has been sent and has not gone out yet: for tests of a node's body.
    pub fn take(&mut self) -> Vec<B> {
        self.0.drain(..).map(|(row, _)| row).collect()
    }
}

/// What says at which time a row goes out.
pub trait Stamp<T> {
    /// The time, given that of the row at hand.
    fn time(self, at_hand: &T) -> T;
}

impl<T: Timestamp> Stamp<T> for Same {
    #[inline(always)]
    fn time(self, at_hand: &T) -> T {
        at_hand.clone()
    }
}

macro_rules! stamps {
    ($($time:ty),*) => {$(
        impl Stamp<$time> for $time {
            #[inline(always)]
            fn time(self, _at_hand: &$time) -> $time {
                self
            }
        }
    )*};
}

stamps!(EventTime, LogicalTime);

/// Outputs that were sent to, emitted into ports.
pub trait Emit<T: Timestamp, R, Outs>: Default {
    /// Emits all that was sent; whether there was anything.
    fn emit(&mut self, time: &T, diff: &R, outs: &mut Outs) -> bool;

    /// Advances every port.
    fn advance(frontier: Frontier<T>, outs: &mut Outs);
}

macro_rules! emit {
    ($(($($b:ident $field:tt $stamp:ident $s:ident),*))*) => {$(
        impl<T, R, $($b, $stamp, $s),*> Emit<T, R, ($(Port<$s>,)*)> for ($(Out<$b, $stamp>,)*)
        where
            T: Timestamp,
            R: Clone,
            $($stamp: Stamp<T>, $s: Push<$b, T, R>,)*
        {
            #[inline(always)]
            #[allow(unused_variables, unused_mut)]
            fn emit(&mut self, time: &T, diff: &R, outs: &mut ($(Port<$s>,)*)) -> bool {
                let mut any = false;
                $(
                    for (data, stamp) in self.$field.0.drain(..) {
                        any = true;
                        outs.$field.push(Update { data, time: stamp.time(time), diff: diff.clone() });
                    }
                )*
                any
            }

            #[inline(always)]
            #[allow(unused_variables)]
            fn advance(frontier: Frontier<T>, outs: &mut ($(Port<$s>,)*)) {
                $(outs.$field.advance(frontier.clone());)*
            }
        }
    )*};
}

emit! {
    ()
    (A 0 AT AS)
    (A 0 AT AS, B 1 BT BS)
    (A 0 AT AS, B 1 BT BS, C 2 CT CS)
    (A 0 AT AS, B 1 BT BS, C 2 CT CS, D 3 DT DS)
    (A 0 AT AS, B 1 BT BS, C 2 CT CS, D 3 DT DS, E 4 ET ES)
    (A 0 AT AS, B 1 BT BS, C 2 CT CS, D 3 DT DS, E 4 ET ES, F 5 FT FS)
    (A 0 AT AS, B 1 BT BS, C 2 CT CS, D 3 DT DS, E 4 ET ES, F 5 FT FS, G 6 GT GS)
    (A 0 AT AS, B 1 BT BS, C 2 CT CS, D 3 DT DS, E 4 ET ES, F 5 FT FS, G 6 GT GS, H 7 HT HS)
}
