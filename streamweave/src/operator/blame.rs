//! Which node panicked, and where (rule K1).
//!
//! Stages are nested calls, so a panic unwinds through every node between the one that is at fault
//! and the source. Each call is guarded by a value that is forgotten on success; the first one that
//! is dropped, which is the innermost, names its node. On the way of a row that does not panic this
//! costs nothing.
//!
//! Where in the code it was only the panic hook is told. The first graph that runs puts one in front
//! of the hook that it finds: it looks away unless a graph is at work on the thread, and then calls
//! the other.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

thread_local! {
    static FAULT: RefCell<Fault> = const { RefCell::new(Fault { place: None, inside: Vec::new() }) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<Option<(String, Backtrace)>> = const { RefCell::new(None) };
}

/// The node that panicked last on this thread.
struct Fault {
    place: Option<usize>,
    /// Where the node holds a graph, the node in there, and so on; the innermost first.
    inside: Vec<&'static str>,
}

/// A node panicked.
#[derive(Debug)]
pub(crate) struct Panicked {
    /// The number of the node.
    pub(crate) place: Option<usize>,
    /// The nodes of graphs inside of it, the outermost first.
    pub(crate) inside: Vec<&'static str>,
    /// What it said.
    pub(crate) message: String,
    /// The line of code.
    pub(crate) location: Option<String>,
    /// The calls that led there, where `RUST_BACKTRACE` asks for them.
    pub(crate) backtrace: Backtrace,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)
    }
}

impl std::error::Error for Panicked {}

impl Panicked {
    /// The panic that has just been caught on this thread.
    pub(crate) fn of(payload: Box<dyn Any + Send>) -> Self {
        let message = payload.downcast::<String>().map(|message| *message);
        let message = message.or_else(|payload| payload.downcast::<&str>().map(|text| text.to_string()));
        let message = message.unwrap_or_else(|_| "a panic without a message".to_owned());
        let (place, mut inside) =
            FAULT.with_borrow_mut(|fault| (fault.place.take(), std::mem::take(&mut fault.inside)));
        inside.reverse();
        let seen = SEEN.take();
        let (location, backtrace) =
            seen.map_or_else(|| (None, Backtrace::disabled()), |(at, trace)| (Some(at), trace));
        Panicked { place, inside, message, location, backtrace }
    }
}

/// Does `work` of a graph; a panic in it is looked at where it happens.
pub(crate) fn watched<R>(work: impl FnOnce() -> R) -> R {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let other = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if WATCHED.get() {
                let location = info.location().map_or_else(String::new, ToString::to_string);
                SEEN.set(Some((location, Backtrace::capture())));
            }
            other(info);
        }));
    });
    let outer = WATCHED.replace(true);
    let result = work();
    WATCHED.set(outer);
    result
}

/// A panic on another thread, on its way to the thread of the graph.
pub(crate) struct Carried {
    payload: Box<dyn Any + Send>,
    seen: Option<(String, Backtrace)>,
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried").field("seen", &self.seen).finish_non_exhaustive()
    }
}

/// Does `work` of a graph on another thread than the graph's.
pub(crate) fn carried<R>(work: impl FnOnce() -> R) -> Result<R, Carried> {
    watched(|| catch_unwind(AssertUnwindSafe(work))).map_err(|payload| Carried { payload, seen: SEEN.take() })
}

impl Carried {
    /// Goes on on the thread of the graph, as if it had happened there.
    pub(crate) fn resume(self) -> ! {
        SEEN.set(self.seen);
        resume_unwind(self.payload)
    }
}

/// Does `work` of node number `PLACE`, which is a constant so that there is nothing to keep at hand.
#[inline(always)]
pub(crate) fn blaming<const PLACE: usize, R>(work: impl FnOnce() -> R) -> R {
    let guard = Guard::<PLACE>;
    let result = work();
    std::mem::forget(guard);
    result
}

struct Guard<const PLACE: usize>;

impl<const PLACE: usize> Drop for Guard<PLACE> {
    #[inline]
    fn drop(&mut self) {
        blame(PLACE);
    }
}

#[cold]
#[inline(never)]
fn blame(place: usize) {
    FAULT.with_borrow_mut(|fault| fault.place = fault.place.or(Some(place)));
}

/// Does `work` of a graph inside a node; `name` tells the name of a node in there.
pub(crate) fn inside<R>(name: impl Fn(usize) -> &'static str, work: impl FnOnce() -> R) -> R {
    let guard = Inside(name);
    let result = work();
    std::mem::forget(guard);
    result
}

struct Inside<F: Fn(usize) -> &'static str>(F);

impl<F: Fn(usize) -> &'static str> Drop for Inside<F> {
    #[inline]
    fn drop(&mut self) {
        FAULT.with_borrow_mut(|fault| {
            let place = fault.place.take();
            fault.inside.extend(place.map(&self.0));
        });
    }
}
