//! What the strategies keep that say how far a stream has come.

use std::hash::Hash;

use super::fields::Fields;
use super::mismatch::Mismatch;
use super::storable::{State, Storable};
use crate::time::{BoundedOutOfOrderness, Every, IdleAfter, Partitioned, Punctuated};

impl State for BoundedOutOfOrderness {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.shared("last", &mut self.last, |all, more| *all = more.min(*all))
    }
}

impl<W: State> State for Every<W> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        self.watermark.fields(fields)
    }
}

impl<W: State> State for IdleAfter<W> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.nested("watermark", &mut self.watermark)?;
        fields.shared("silent", &mut self.silent, |all, more| *all = more.min(*all))?;
        fields.shared("frontier", &mut self.frontier, |all, more| *all = more.min(*all))?;
        fields.shared("is_idle", &mut self.is_idle, |all, more| *all &= more)
    }
}

impl<F> State for Punctuated<F> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.shared("reached", &mut self.reached, |all, more| *all = more.min(*all))
    }
}

/// The number of partitions comes first: so many strategies there are to be loaded then.
impl<F, K, M, W> State for Partitioned<F, K, M, W>
where
    K: Storable + Hash + Eq,
    M: FnMut() -> W,
    W: State,
{
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        let mut count = self.partitions.len();
        fields.value("partitions", &mut count)?;
        fields.value("known", &mut self.known)?;
        fields.value("inputs", &mut self.inputs)?;
        fields.value("expects_none", &mut self.expects_none)?;
        self.partitions.resize_with(count, &mut self.make);
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            fields.nested(&format!("partition {number}"), partition)?;
        }
        Ok(())
    }
}
