//! A value whose methods are asynchronous: while one is under way the value is away with it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A call that takes the value along and brings it back with what came of it.
pub(super) type Errand<S, O> = Pin<Box<dyn Future<Output = (S, O)> + Send>>;

/// A value that is lent to one call at a time.
pub(super) enum Lent<S, O> {
    /// At hand.
    Here(S),
    /// With a call.
    Away(Errand<S, O>),
    /// A call panicked with it, or is just being made.
    Lost,
}

impl<S, O> fmt::Debug for Lent<S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lent::Here(_) => "Here",
            Lent::Away(_) => "Away",
            Lent::Lost => "Lost",
        })
    }
}

impl<S, O> Lent<S, O> {
    /// Makes a call, where none is under way.
    pub(super) fn send(&mut self, errand: impl FnOnce(S) -> Errand<S, O>) {
        if let Lent::Here(value) = std::mem::replace(self, Lent::Lost) {
            *self = Lent::Away(errand(value));
        }
    }

    /// What came of the call that was under way; `None` where there was none.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<O>> {
        let Lent::Away(errand) = self else { return Poll::Ready(None) };
        let (value, outcome) = ready!(errand.as_mut().poll(context));
        *self = Lent::Here(value);
        Poll::Ready(Some(outcome))
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(self, Lent::Away(_))
    }
}
