//! A named graph driven by hand: the ends of its ports that are outside.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};

use super::component::{Component, Io, Queues};
use super::machine::{Command, Reply};
use super::running::Graph;
use crate::envelope::{Message, Update};
use crate::graph::Report;
use crate::operator::Queue;
use crate::time::{Frontier, SystemClock, Timestamp};

/// How many messages wait at a port of a graph that is driven by hand.
pub const ROOM: usize = 1024;

/// As many as there are: for tests, which feed first and run then.
pub const ENDLESS: usize = Semaphore::MAX_PERMITS;

/// The graph has ended: it takes no more. What was to be sent comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the graph has ended and takes no more rows")]
pub struct Closed<M>(pub M);

/// A row was not sent; it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent<D> {
    /// The input is full: the graph is behind.
    #[error("the input is full")]
    Full(D),
    /// The graph has ended.
    #[error("the graph has ended and takes no more rows")]
    Closed(D),
}

/// The outer end of an input port: rows and frontiers go in here.
///
/// The stream ends when the sender, and every clone of it, is dropped or [closed](Sender::close). A full port makes
/// the sender wait: this is the back-pressure.
#[derive(Debug)]
pub struct Sender<D, T: Timestamp = (), R = ()> {
    channel: mpsc::Sender<Message<D, T, R>>,
    wakers: Arc<Wakers>,
}

/// Whom a receiver wakes.
#[derive(Debug, Default)]
struct Wakers {
    /// When it has made room.
    room: AtomicWaker,
    /// When it is dropped.
    gone: AtomicWaker,
}

impl<D, T: Timestamp, R> Clone for Sender<D, T, R> {
    fn clone(&self) -> Self {
        Sender { channel: self.channel.clone(), wakers: Arc::clone(&self.wakers) }
    }
}

impl<D> Sender<D> {
    /// Sends a row.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the row, once the graph has ended.
    pub async fn send(&self, row: D) -> Result<(), Closed<D>> {
        self.update(Update::from(row)).await.map_err(|Closed(update)| Closed(update.data))
    }

    /// Sends a row, if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`Unsent`], with the row: there is no room, or the graph has ended.
    pub fn try_send(&self, row: D) -> Result<(), Unsent<D>> {
        let row_of = |message| match message {
            Message::Row(update) => update.data,
            Message::Frontier(_) => unreachable!("a row was sent"),
        };
        self.channel.try_send(Message::Row(Update::from(row))).map_err(|unsent| match unsent {
            TrySendError::Full(message) => Unsent::Full(row_of(message)),
            TrySendError::Closed(message) => Unsent::Closed(row_of(message)),
        })
    }
}

impl<D, T: Timestamp> Sender<D, T> {
    /// Sends a row with its time.
    ///
    /// A time behind what the port was [advanced](Sender::advance_to) to is allowed: the row is late.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the row, once the graph has ended.
    pub async fn send_at(&self, row: D, time: T) -> Result<(), Closed<D>> {
        let sent = self.update(Update { data: row, time, diff: () }).await;
        sent.map_err(|Closed(update)| Closed(update.data))
    }
}

impl<D, T: Timestamp, R> Sender<D, T, R> {
    /// Sends a row in its envelope.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the row, once the graph has ended.
    pub async fn update(&self, row: Update<D, T, R>) -> Result<(), Closed<Update<D, T, R>>> {
        self.channel.send(Message::Row(row)).await.map_err(|unsent| match unsent.0 {
            Message::Row(row) => Closed(row),
            Message::Frontier(_) => unreachable!("a row was sent"),
        })
    }

    /// Sends many rows, which costs less for each than to send them one by one.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the rows that were not sent, once the graph has ended.
    pub async fn updates(
        &self,
        rows: impl IntoIterator<Item = Update<D, T, R>>,
    ) -> Result<(), Closed<Vec<Update<D, T, R>>>> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let expected = rows.size_hint().1.unwrap_or(usize::MAX);
            let room = expected.clamp(1, self.channel.max_capacity().clamp(1, ROOM / 2));
            let Ok(places) = self.channel.reserve_many(room).await else {
                return Err(Closed(rows.collect()));
            };
            for (place, row) in places.zip(&mut rows) {
                place.send(Message::Row(row));
            }
        }
        Ok(())
    }

    /// Promises that no row before `time` is still to be sent by this sender or a clone of it.
    ///
    /// To go back has no effect.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the time, once the graph has ended.
    pub async fn advance_to(&self, time: T) -> Result<(), Closed<T>> {
        let sent = self.channel.send(Message::Frontier(Frontier::at(time.clone()))).await;
        sent.map_err(|_| Closed(time))
    }

    /// Promises as [`advance_to`](Sender::advance_to) does, and that nothing more is expected for now: who waits for
    /// several streams does not wait for this one ([`Frontier::idle`]).
    ///
    /// To be active again before the next row, [advance](Sender::advance_to) to the same time or a later one.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the time, once the graph has ended.
    pub async fn idle_at(&self, time: T) -> Result<(), Closed<T>> {
        let sent = self.channel.send(Message::Frontier(Frontier::at(time.clone()).idle())).await;
        sent.map_err(|_| Closed(time))
    }

    /// Ends the stream, unless there are clones.
    pub fn close(self) {}

    /// Sends without waiting; gives back what finds no room.
    pub(crate) fn send_now(&self, message: Message<D, T, R>) -> Result<(), Message<D, T, R>> {
        self.channel.try_send(message).map_err(|unsent| match unsent {
            TrySendError::Full(message) | TrySendError::Closed(message) => message,
        })
    }
}

/// The outer end of an output port: what the graph makes comes out here.
///
/// A graph waits where nobody receives. A receiver that is dropped is one that nobody reads: its rows are
/// dropped, and where no other output or sink is left the graph drains.
#[derive(Debug)]
pub struct Receiver<D, T: Timestamp = (), R = ()> {
    channel: mpsc::Receiver<Message<D, T, R>>,
    /// Room for what is taken at once.
    taken: Vec<Message<D, T, R>>,
    frontier: Frontier<T>,
    wakers: Arc<Wakers>,
}

impl<D, T: Timestamp, R> Drop for Receiver<D, T, R> {
    fn drop(&mut self) {
        self.channel.close();
        self.wakers.room.wake();
        self.wakers.gone.wake();
    }
}

impl<D, T: Timestamp, R> Receiver<D, T, R> {
    /// The next row, without its time and its diff; `None` once the stream has ended.
    pub async fn recv(&mut self) -> Option<D> {
        self.update().await.map(|update| update.data)
    }

    /// The next row in its envelope; `None` once the stream has ended.
    pub async fn update(&mut self) -> Option<Update<D, T, R>> {
        loop {
            let message = self.channel.recv().await;
            if let Some(row) = self.taken(message)? {
                return Some(row);
            }
        }
    }

    /// The rows that come until `time` is closed, which is when no row at that time can come any more, or until the
    /// stream ends.
    ///
    /// For a graph over changes: once the inputs have been [advanced](Sender::advance_to) beyond a time, these are all its
    /// changes. Rows of later times may be among them.
    pub async fn closed(&mut self, time: &T) -> Vec<Update<D, T, R>> {
        let mut rows = Vec::new();
        while !self.frontier.closes(time) {
            let message = self.channel.recv().await;
            match self.taken(message) {
                Some(row) => rows.extend(row),
                None => break,
            }
        }
        rows
    }

    /// How far the stream has come, as far as it has been received.
    pub fn frontier(&self) -> &Frontier<T> {
        &self.frontier
    }

    /// The next row, if one is there.
    pub(crate) fn update_now(&mut self) -> Option<Update<D, T, R>> {
        loop {
            let message = self.channel.try_recv().ok()?;
            if let Some(row) = self.taken(Some(message))? {
                return Some(row);
            }
        }
    }

    /// The next row or frontier, if one is there.
    pub(crate) fn message_now(&mut self) -> Option<Message<D, T, R>> {
        let message = self.channel.try_recv().ok()?;
        self.wakers.room.wake();
        if let Message::Frontier(frontier) = &message {
            self.frontier = frontier.clone();
        }
        Some(message)
    }

    /// A row; or a frontier, which is noted. `None` at the end.
    fn taken(&mut self, message: Option<Message<D, T, R>>) -> Option<Option<Update<D, T, R>>> {
        self.wakers.room.wake();
        match message {
            Some(Message::Row(row)) => Some(Some(row)),
            Some(Message::Frontier(frontier)) => {
                self.frontier = frontier;
                (!self.frontier.is_end()).then_some(None)
            }
            // Where the end was not said before, the graph was stopped: what is not complete is not said to be.
            None => None,
        }
    }
}

/// Queues with channels that lead to them or away from them.
pub trait Open: Queues {
    /// The ends of the channels where messages are put in.
    type Senders;
    /// The ends where they are taken out.
    type Receivers;

    /// Channels with so much room.
    fn channels(room: usize) -> (Self::Senders, Self::Receivers);

    /// Takes what has been sent to an input, where nothing waits there; ready when something does.
    fn poll_take(&mut self, port: usize, from: &mut Self::Receivers, context: &mut Context<'_>) -> Poll<()>;

    /// Closes an input, and takes all that was sent before.
    fn take_rest(&mut self, port: usize, from: &mut Self::Receivers);

    /// Sends what waits at the outputs; ready when all is sent.
    fn poll_give(&mut self, to: &Self::Senders, context: &mut Context<'_>) -> Poll<()>;

    /// Arranges for a wake-up when nobody receives from an output any more.
    fn watch(to: &Self::Senders, context: &mut Context<'_>);

    /// Whether nobody receives from any output.
    fn are_closed(to: &Self::Senders) -> bool;
}

/// Takes what has been sent to one input.
fn poll_take<D, T: Timestamp, R>(
    queue: &mut Queue<D, T, R>,
    from: &mut Receiver<D, T, R>,
    context: &mut Context<'_>,
) -> Poll<()> {
    if !queue.is_empty() {
        return Poll::Ready(());
    }
    // As many as are there, up to a batch; where all of them are frontiers that go back, the next.
    while queue.is_empty() {
        let mut taken = std::mem::take(&mut from.taken);
        if std::task::ready!(from.channel.poll_recv_many(context, &mut taken, ROOM)) == 0 {
            queue.push(Message::Frontier(Frontier::end()));
        }
        taken.drain(..).for_each(|message| take(queue, from, message));
        from.taken = taken;
    }
    Poll::Ready(())
}

/// Closes one input, and takes all that was sent before: what was sent is worked on.
fn take_rest<D, T: Timestamp, R>(queue: &mut Queue<D, T, R>, from: &mut Receiver<D, T, R>) {
    from.channel.close();
    while let Ok(message) = from.channel.try_recv() {
        take(queue, from, message);
    }
}

/// Puts a message into a queue, unless it is a frontier that goes back or stays.
fn take<D, T: Timestamp, R>(
    queue: &mut Queue<D, T, R>,
    from: &mut Receiver<D, T, R>,
    message: Message<D, T, R>,
) {
    if let Message::Frontier(frontier) = &message {
        if !frontier.is_beyond(&from.frontier) {
            return;
        }
        from.frontier = frontier.clone();
    }
    queue.push(message);
}

/// Sends what waits at one output.
fn poll_give<D, T: Timestamp, R>(
    queue: &mut Queue<D, T, R>,
    to: &Sender<D, T, R>,
    context: &mut Context<'_>,
) -> Poll<()> {
    let mut is_registered = false;
    while let Some(message) = queue.pop() {
        // Rows for a receiver that has gone are dropped.
        if let Err(TrySendError::Full(message)) = to.channel.try_send(message) {
            queue.unpop(message);
            if is_registered {
                return Poll::Pending;
            }
            // Again, lest room was made just before anybody would have been woken.
            to.wakers.room.register(context.waker());
            is_registered = true;
        }
    }
    Poll::Ready(())
}

macro_rules! open {
    ($(($($d:ident $field:tt $t:ident $r:ident),*))*) => {$(
        impl<$($d, $t: Timestamp, $r),*> Open for ($(Queue<$d, $t, $r>,)*) {
            type Senders = ($(Sender<$d, $t, $r>,)*);
            type Receivers = ($(Receiver<$d, $t, $r>,)*);

            #[allow(unused_variables)]
            fn channels(room: usize) -> (Self::Senders, Self::Receivers) {
                let channels = ($(channel::<$d, $t, $r>(room),)*);
                (($(channels.$field.0,)*), ($(channels.$field.1,)*))
            }

            #[allow(unused_variables)]
            fn poll_take(
                &mut self,
                port: usize,
                from: &mut Self::Receivers,
                context: &mut Context<'_>,
            ) -> Poll<()> {
                match port {
                    $($field => poll_take(&mut self.$field, &mut from.$field, context),)*
                    _ => Poll::Pending,
                }
            }

            #[allow(unused_variables)]
            fn take_rest(&mut self, port: usize, from: &mut Self::Receivers) {
                match port {
                    $($field => take_rest(&mut self.$field, &mut from.$field),)*
                    _ => {}
                }
            }

            #[allow(unused_variables)]
            fn poll_give(&mut self, to: &Self::Senders, context: &mut Context<'_>) -> Poll<()> {
                let all = [$(poll_give(&mut self.$field, &to.$field, context)),*];
                if all.iter().all(|given: &Poll<()>| given.is_ready()) { Poll::Ready(()) } else { Poll::Pending }
            }

            #[allow(unused_variables)]
            fn watch(to: &Self::Senders, context: &mut Context<'_>) {
                $(to.$field.wakers.gone.register(context.waker());)*
            }

            #[allow(unused_variables)]
            fn are_closed(to: &Self::Senders) -> bool {
                true $(&& to.$field.channel.is_closed())*
            }
        }
    )*};
}

open! {
    ()
    (A 0 AT AR)
    (A 0 AT AR, B 1 BT BR)
    (A 0 AT AR, B 1 BT BR, C 2 CT CR)
    (A 0 AT AR, B 1 BT BR, C 2 CT CR, D 3 DT DR)
    (A 0 AT AR, B 1 BT BR, C 2 CT CR, D 3 DT DR, E 4 ET ER)
    (A 0 AT AR, B 1 BT BR, C 2 CT CR, D 3 DT DR, E 4 ET ER, G 5 GT GR)
    (A 0 AT AR, B 1 BT BR, C 2 CT CR, D 3 DT DR, E 4 ET ER, G 5 GT GR, H 6 HT HR)
    (A 0 AT AR, B 1 BT BR, C 2 CT CR, D 3 DT DR, E 4 ET ER, G 5 GT GR, H 6 HT HR, J 7 JT JR)
}

fn channel<D, T: Timestamp, R>(room: usize) -> (Sender<D, T, R>, Receiver<D, T, R>) {
    let (sender, receiver) = mpsc::channel(room);
    let wakers = Arc::new(Wakers::default());
    let sender = Sender { channel: sender, wakers: Arc::clone(&wakers) };
    (sender, Receiver { channel: receiver, taken: Vec::new(), frontier: Frontier::start(), wakers })
}

impl<F, Ins: Open, Outs: Open, G> Component<F, Ins, Outs, G>
where
    F: FnMut(Command<'_, '_, '_, Report>, &mut Io<Ins, Outs>) -> Reply,
{
    /// The graph by itself, with channels at its ports.
    pub fn open(
        self,
        room: usize,
    ) -> (
        Graph<impl FnMut(Command<'_, '_, '_, Report>) -> Reply, Report, SystemClock, G>,
        Ins::Senders,
        Outs::Receivers,
    ) {
        let Component { topology, mut obey, mut io, .. } = self;
        let (inputs, mut taken) = Ins::channels(room);
        let (given, outputs) = Outs::channels(room);
        let mut is_full = false;
        let driven = move |command: Command<'_, '_, '_, Report>| match command {
            Command::Room { .. } if is_full => Reply::Pending,
            Command::PollSource { source, turn } if source < Ins::PORTS => {
                let ready = io.ins.poll_take(source, &mut taken, turn.context()).is_ready();
                if !ready {
                    // About to wait: for input, or for those who look at the outputs to go.
                    Outs::watch(&given, turn.context());
                }
                Reply::when(ready)
            }
            Command::Run { source: Some(source), batch } if batch.stopping && source < Ins::PORTS => {
                io.ins.take_rest(source, &mut taken);
                obey(Command::Run { source: Some(source), batch }, &mut io)
            }
            Command::PollWake(turn) => match obey(Command::PollWake(turn), &mut io) {
                Reply::Ready if is_full => Reply::Pending,
                reply => reply,
            },
            Command::PollFlush(flush, turn) => {
                let inner = obey(Command::PollFlush(flush, turn), &mut io);
                let given = io.outs.poll_give(&given, turn.context());
                is_full = given.is_pending();
                io.outs.settle();
                inner.and(Reply::when(given.is_ready()))
            }
            Command::Abandon(rows) => {
                *rows += io.outs.abandon();
                obey(Command::Abandon(rows), &mut io)
            }
            Command::Gone if Outs::PORTS > 0 && !Outs::are_closed(&given) => Reply::Pending,
            command => obey(command, &mut io),
        };
        (Graph::new(topology, driven), inputs, outputs)
    }
}
