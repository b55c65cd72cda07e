//! A table that is edited from outside, and the graph that follows.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use super::{Closed, Sender};
use crate::envelope::Update;
use crate::time::LogicalTime;

/// The rows at an input of a graph over changes, by key: what is put in, taken out or recomputed here goes into the graph as
/// the difference that it makes, and what makes none does not.
///
/// The graph works on a batch of edits when it is [committed](Table::commit), which closes its time. Nodes that do not depend on
/// what has changed have nothing to do: their counts in [`explain`](super::Running::explain) and in the report stay.
///
/// # State and cost
///
/// Keeps every row, in order of the keys: `O(log rows)` an edit, and what lies in the range for [`recompute`](Table::recompute).
///
/// # Examples
///
/// ```
/// use streamweave::executor::Table;
/// use streamweave::prelude::*;
///
/// graph! {
///     /// How much each customer has bought.
///     graph bills(sales: Update<(u32, &'static str, i64), LogicalTime, i64>)
///         -> (bills: Update<(&'static str, i64), LogicalTime, i64>)
///     {
///         sales -> map(|(_day, customer, amount)| Keyed { key: customer, value: amount }) -> differential::sum()
///             -> map(|sum| (sum.key, sum.value as i64)) -> bills;
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (graph, inputs, mut outputs) = bills::open();
/// let running = graph.spawn();
/// let mut sales = Table::new(inputs.sales, |&(day, customer, _)| (day, customer));
/// for sale in [(1, "ada", 10), (1, "grace", 5), (2, "ada", 7)] {
///     sales.put(sale).await?;
/// }
/// let time = sales.commit().await?;
/// assert_eq!(outputs.bills.closed(&time).await.len(), 2);
///
/// // Day 1 is counted anew: only what differs goes in, and only Grace's bill changes.
/// let edited = sales.recompute((1, "")..(2, ""), [(1, "ada", 10), (1, "grace", 8)]).await?;
/// assert_eq!((edited.put, edited.removed, edited.kept), (1, 1, 1));
/// let time = sales.commit().await?;
/// let changes = outputs.bills.closed(&time).await.into_iter().map(|row| (row.data, row.diff));
/// assert_eq!(Vec::from_iter(changes), [(("grace", 5), -1), (("grace", 8), 1)]);
/// # drop((sales, outputs));
/// # running.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Table<K, D, F> {
    input: Sender<D, LogicalTime, i64>,
    key: F,
    rows: BTreeMap<K, D>,
    /// The time at which edits are made.
    time: LogicalTime,
}

/// What an edit came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edited {
    /// So many rows were put in.
    pub put: usize,
    /// So many were taken out.
    pub removed: usize,
    /// So many stayed as they were, of which the graph learns nothing.
    pub kept: usize,
}

/// An edit did not reach the graph, which has ended; the table is as if it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the graph has ended: the table's edits reach it no more")]
pub struct Ended;

impl<M> From<Closed<M>> for Ended {
    fn from(_closed: Closed<M>) -> Self {
        Ended
    }
}

impl<K: Ord + Clone, D: Clone + PartialEq, F: FnMut(&D) -> K> Table<K, D, F> {
    /// An empty table at the input of a graph; `key` is what rows are told apart by.
    pub fn new(input: Sender<D, LogicalTime, i64>, key: F) -> Self {
        Table { input, key, rows: BTreeMap::new(), time: LogicalTime(0) }
    }

    /// Puts a row in, in place of one with its key.
    ///
    /// # Errors
    ///
    /// The graph has ended.
    pub async fn put(&mut self, row: D) -> Result<Edited, Ended> {
        let mut edited = Edited::default();
        let key = (self.key)(&row);
        match self.rows.insert(key, row.clone()) {
            Some(old) if old == row => {
                edited.kept = 1;
                return Ok(edited);
            }
            Some(old) => {
                edited.removed = 1;
                self.send(old, -1).await?;
            }
            None => {}
        }
        edited.put = 1;
        self.send(row, 1).await?;
        Ok(edited)
    }

    /// Takes out the row with a key, if there is one.
    ///
    /// # Errors
    ///
    /// The graph has ended.
    pub async fn remove(&mut self, key: &K) -> Result<Edited, Ended> {
        let Some(old) = self.rows.remove(key) else { return Ok(Edited::default()) };
        self.send(old, -1).await?;
        Ok(Edited { removed: 1, ..Edited::default() })
    }

    /// Makes these the rows whose keys are in a range; rows with other keys are put in as well.
    ///
    /// # Errors
    ///
    /// The graph has ended.
    pub async fn recompute(
        &mut self,
        range: impl RangeBounds<K>,
        rows: impl IntoIterator<Item = D>,
    ) -> Result<Edited, Ended> {
        let mut gone: BTreeMap<K, ()> = self.rows.range(range).map(|(key, _)| (key.clone(), ())).collect();
        let mut edited = Edited::default();
        for row in rows {
            gone.remove(&(self.key)(&row));
            let Edited { put, removed, kept } = self.put(row).await?;
            edited.put += put;
            edited.removed += removed;
            edited.kept += kept;
        }
        for key in gone.into_keys() {
            edited.removed += self.remove(&key).await?.removed;
        }
        Ok(edited)
    }

    /// Closes the time of the edits since the last commit, upon which the graph works on them: that time.
    ///
    /// # Errors
    ///
    /// The graph has ended.
    pub async fn commit(&mut self) -> Result<LogicalTime, Ended> {
        let time = self.time;
        self.time = LogicalTime(time.0 + 1);
        self.input.advance_to(self.time).await?;
        Ok(time)
    }

    /// The rows, by key.
    pub fn rows(&self) -> &BTreeMap<K, D> {
        &self.rows
    }

    async fn send(&mut self, data: D, diff: i64) -> Result<(), Ended> {
        Ok(self.input.update(Update { data, time: self.time, diff }).await?)
    }
}
