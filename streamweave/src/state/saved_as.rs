//! Which checkpoint state goes on from.

use std::sync::Arc;

use super::part::Saving;

/// Under which node and field state was saved last, and in which cut.
///
/// What was saved under another name, or was not there in the last cut, has to be saved whole: a map that was swapped with another,
/// cloned, or taken out and put back.
#[derive(Clone, Debug, Default)]
pub(super) struct SavedAs {
    name: Option<Arc<(String, String)>>,
    cut: u64,
}

impl SavedAs {
    /// Nothing was saved.
    pub(super) const fn new() -> Self {
        SavedAs { name: None, cut: 0 }
    }

    /// The node and the field.
    pub(super) fn name(&self) -> Option<Arc<(String, String)>> {
        self.name.clone()
    }

    /// The last cut.
    #[cfg(all(test, feature = "lsm"))]
    pub(super) fn number(&self) -> u64 {
        self.cut
    }

    /// What is here was saved under this name in this cut.
    pub(super) fn set(&mut self, node: &str, field: &str, cut: u64) {
        self.name = Some(Arc::new((node.to_owned(), field.to_owned())));
        self.cut = cut;
    }

    /// Goes over to a cut; says whether it was in the one before, under this name.
    pub(super) fn cut(&mut self, node: &str, field: &str, saving: &Saving) -> bool {
        let is_known = self.cut == saving.number.wrapping_sub(1)
            && self.name.as_deref().is_some_and(|known| known.0 == node && known.1 == field);
        if !is_known {
            self.set(node, field, saving.number);
        }
        self.cut = saving.number;
        is_known
    }
}
