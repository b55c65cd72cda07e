//! A function whose answers are remembered.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::envelope::Update;
use crate::operator::{
    Cause, Cx, Gives, Input, Key, Linear, Operator, Outcome, Repeatable, Resume, View, durable,
};
use crate::port::{Edge, Port, Push};
use crate::state::Lru;
use crate::time::{Frontier, Timestamp};

/// Applies a pure function to each row, and remembers what it gave for the rows that came most recently.
///
/// For functions that cost more than a look-up and rows that come again. The function must give the same for the same row
/// whenever it is called, and do nothing else: then it makes no difference but time. Keeps up to `capacity` different
/// rows with their results, each found in constant time; in place of the one that was used least recently comes the
/// next. Changes and times pass through, as with [`map`](super::map()). A graph that is restored begins with nothing remembered.
///
/// # Examples
///
/// ```
/// use streamweave::operator::element::MemoCounts;
/// use streamweave::prelude::*;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (mut calls, counts) = (0, MemoCounts::default());
/// let result = graph! {
///     words = from_iter(["warp", "weft", "warp", "warp"]);
///     words -> memo(100, |word| { calls += 1; word.len() }).counted(&counts) -> lengths;
///     lengths = collect();
/// }
/// .run()
/// .await?;
/// assert_eq!(result.lengths, [4, 4, 4, 4]);
/// assert_eq!((counts.hits(), counts.misses()), (2, 2));
/// # drop(result);
/// assert_eq!(calls, 2);
/// # Ok::<(), streamweave::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The graph is refused where `capacity` is zero.
#[doc(alias = "cache")]
#[doc(alias = "memoize")]
pub fn memo<D, T, R, B, F>(
    _input: Edge<D, T, R>,
    capacity: usize,
    f: F,
) -> F::Node<D::Node<B::Node<Linear<Memo<D, B, F>, Gives<B>>>>>
where
    D: Key,
    B: Repeatable,
    F: View<D, B>,
{
    let memo = Memo { known: Lru::new(capacity), f, counts: MemoCounts::default() };
    F::node(D::node(B::node(Linear::new(memo, Gives::new()))))
}

impl<D, B, F> Linear<Memo<D, B, F>, Gives<B>> {
    /// Counts in these counts, too, which can be read while the graph runs.
    #[must_use]
    pub fn counted(self, counts: &MemoCounts) -> Self {
        let operator = Memo { counts: counts.clone(), ..self.operator };
        Linear { operator, ports: self.ports }
    }
}

/// How many rows of a [`memo`] were known; all clones of it are the same counts.
#[derive(Clone, Debug, Default)]
pub struct MemoCounts(Arc<(AtomicU64, AtomicU64)>);

impl MemoCounts {
    /// How many rows were known.
    pub fn hits(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// For how many the function was called.
    pub fn misses(&self) -> u64 {
        self.0.1.load(Ordering::Relaxed)
    }
}

/// See [`memo`].
#[derive(Clone, Debug)]
pub struct Memo<D, B, F> {
    known: Lru<D, B>,
    f: F,
    counts: MemoCounts,
}

impl<D: Hash + Eq, B: Clone, F: FnMut(&D) -> B> Memo<D, B, F> {
    #[inline]
    fn apply(&mut self, row: D) -> B {
        let (hits, misses) = &*self.counts.0;
        if let Some(known) = self.known.get(&row) {
            hits.fetch_add(1, Ordering::Relaxed);
            return known.clone();
        }
        misses.fetch_add(1, Ordering::Relaxed);
        let made = (self.f)(&row);
        self.known.insert(row, made.clone());
        made
    }
}

impl<D: Hash + Eq, B, F> Operator for Memo<D, B, F> {
    type Yield = ();
    const OUTCOME: Outcome = Outcome::Passed;

    fn validate(&mut self) -> Result<(), Cause> {
        if self.known.capacity() == 0 {
            return Err("the capacity of a memo must be above zero, found 0".into());
        }
        Ok(())
    }

    fn finish(&mut self) {}
}

// What is known is forgotten with a crash: that costs time and nothing else.
durable!(Memo < D, B, F > keeps {});

impl<D: Hash + Eq, B, F, Outs> Resume<Outs> for Memo<D, B, F> {}

impl<D, T, R, B, F, S> Input<0, D, T, R, (Port<S>,)> for Memo<D, B, F>
where
    D: Hash + Eq,
    T: Timestamp,
    B: Clone,
    F: FnMut(&D) -> B,
    S: Push<B, T, R>,
{
    #[inline]
    fn push(&mut self, row: Update<D, T, R>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.pass(row.map(|row| self.apply(row)));
    }

    #[inline(always)]
    fn advance(&mut self, frontier: Frontier<T>, (out,): &mut (Port<S>,), _cx: &mut Cx) {
        out.advance(frontier);
    }
}
