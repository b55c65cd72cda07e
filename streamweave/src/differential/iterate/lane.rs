//! What comes into a loop: streams from outside, and variables.

use std::fmt::Debug;

use super::feedback::{Around, Assigned, ROOMY};
use super::head::Incomplete;
use super::until::Kept;
use crate::differential::consolidation::consolidate;
use crate::differential::{Pending, Unsound};
use crate::envelope::{Abelian, ToDiff, Update};
use crate::port::{Edge, Nth, Open, Origin, Port, Ports, Push, is_timed, name};
use crate::state::{Fields, Mismatch, State, Storable};
use crate::time::{Frontier, Lattice, Nested};

/// One of the streams that come into the body of a loop: from outside, or around.
#[derive(Debug)]
pub struct Lane<D, T: Lattice, R> {
    waiting: Pending<Nested<T>, (D, R)>,
    variable: Option<Variable<D, T, R>>,
}

/// [`Kept::exchange`], of a variable's rows.
type Exchange<D, T, R> = fn(&mut Kept<D, R>, &Nested<T>, &mut Vec<(D, R)>, bool) -> Result<(), Unsound>;

/// What a lane needs to know where it is a variable.
#[derive(Debug)]
struct Variable<D, T: Lattice, R> {
    around: Around<D, T, R>,
    /// What lay on the way around last.
    came: Vec<Assigned<D, T, R>>,
    clone: fn(&D) -> D,
    consolidate: fn(&mut Vec<(D, R)>, &Nested<T>) -> Result<(), Unsound>,
    show: fn(&[(D, R)]) -> String,
    /// By how much it would change in the round after the last.
    beyond: Vec<(D, R)>,
    /// Where the loop ends when its body says so.
    kept: Kept<D, R>,
    exchange: Exchange<D, T, R>,
    rounds: fn(&Kept<D, R>) -> Vec<u32>,
}

/// A stream from outside: there from round 0 on.
pub fn enter<D, T: Lattice, R: ToDiff>(_edge: Edge<D, T, R>) -> Lane<D, T, R::Diff> {
    Lane { waiting: Pending::default(), variable: None }
}

/// A variable that begins as a stream from outside.
pub fn variable<D: Ord + Clone + Debug, T: Lattice, R: ToDiff>(
    around: &Around<D, T, R::Diff>,
    _edge: Edge<D, T, R>,
) -> Lane<D, T, R::Diff> {
    variable_from_nothing(around)
}

/// A variable that is empty at first.
pub fn variable_from_nothing<D: Ord + Clone + Debug, T: Lattice, R: Abelian>(
    around: &Around<D, T, R>,
) -> Lane<D, T, R> {
    let variable = Variable {
        around: around.clone(),
        came: Vec::new(),
        clone: D::clone,
        consolidate: |rows, time| consolidate(rows).map_err(|row| Unsound::too_many(&row, time)),
        show: |rows| {
            let shown: Vec<_> =
                rows.iter().take(3).map(|(row, diff)| format!("{row:?} by {diff:?}")).collect();
            let more = if rows.len() > 3 { format!(" and {} more", rows.len() - 3) } else { String::new() };
            shown.join(", ") + &more
        },
        beyond: Vec::new(),
        kept: Kept::default(),
        exchange: Kept::exchange,
        rounds: |kept| kept.rounds().collect(),
    };
    Lane { waiting: Pending::default(), variable: Some(variable) }
}

impl<D, T: Lattice, R: Abelian> Lane<D, T, R> {
    /// Takes a row from outside: it is there in round 0 and, where it only begins a variable, gone in round 1.
    #[inline]
    fn push(&mut self, outer: T, data: D, diff: R) {
        // A multiplicity that cannot be negated fails where it is added up.
        if let Some(variable) = &self.variable
            && let Some(negated) = diff.negated()
        {
            self.waiting.push(Nested { outer, round: 1 }, ((variable.clone)(&data), negated));
        }
        self.waiting.push(Nested { outer, round: 0 }, (data, diff));
    }

    /// Takes what is due at a time, of a variable consolidated.
    fn due(&mut self, time: &Nested<T>) -> Result<Vec<(D, R)>, Unsound> {
        let mut rows = self.waiting.take(time);
        if let Some(variable) = &self.variable {
            (variable.consolidate)(&mut rows, time)?;
        }
        Ok(rows)
    }

    fn emit<S: Push<D, Nested<T>, R>>(
        &mut self,
        time: Nested<T>,
        has_ended: Option<bool>,
        out: &mut Port<S>,
    ) -> Result<bool, Unsound> {
        let mut rows = self.due(&time)?;
        if let (Some(has_ended), Some(variable)) = (has_ended, &mut self.variable) {
            (variable.exchange)(&mut variable.kept, &time, &mut rows, has_ended)?;
        }
        let is_any = !rows.is_empty();
        rows.drain(..).for_each(|(data, diff)| out.push(Update { data, time, diff }));
        self.waiting.recycle(rows);
        Ok(is_any)
    }

    fn set_aside(&mut self, time: &Nested<T>) -> Result<(), Unsound> {
        let mut rows = self.due(time)?;
        if let Some(variable) = &mut self.variable {
            variable.beyond.append(&mut rows);
            (variable.consolidate)(&mut variable.beyond, time)?;
        }
        Ok(())
    }

    /// A few of the rows that were set aside, if there are any.
    fn beyond(&self) -> Option<String> {
        let variable = self.variable.as_ref().filter(|variable| !variable.beyond.is_empty())?;
        Some((variable.show)(&variable.beyond))
    }

    /// Takes what came around: it is due a round later.
    fn come_around(&mut self) {
        let Some(variable) = &mut self.variable else { return };
        variable.around.swap(&mut variable.came);
        for (Nested { outer, round }, data, diff) in variable.came.drain(..) {
            self.waiting.push(Nested { outer, round: round.saturating_add(1) }, (data, diff));
        }
        if variable.came.capacity() > ROOMY {
            variable.came = Vec::new();
        }
    }
}

impl<D: Storable, T: Lattice + Storable, R: Storable> State for Lane<D, T, R> {
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
        fields.value_and("waiting", &mut self.waiting, Pending::adopt)?;
        let Some(variable) = &mut self.variable else { return Ok(()) };
        variable.around.fields(fields)?;
        fields.value("came", &mut variable.came)?;
        fields.value("beyond", &mut variable.beyond)?;
        fields.nested("kept", &mut variable.kept)
    }
}

/// All that comes into the body of a loop.
pub trait Lanes<T: Lattice> {
    /// The output ports of the loop's head: `lane0`, `lane1`, .., `incomplete`.
    type Ports: Ports;

    /// The witnesses.
    fn ports() -> Self::Ports;

    /// The least time at which anything is due.
    fn next_time(&self) -> Option<Nested<T>>;

    /// Forgets what is due at a time.
    fn forget(&mut self, time: &Nested<T>);

    /// Sets aside what is due in the round after the last.
    ///
    /// # Errors
    ///
    /// More of a row than can be counted.
    fn set_aside(&mut self, time: &Nested<T>) -> Result<(), Unsound>;

    /// Shows a few of the rows that were set aside so far, if they come to anything: variables would still change.
    fn beyond(&self) -> Option<String>;

    /// Takes what came around.
    fn come_around(&mut self);

    /// The rounds of which a loop that ends when its body says so keeps anything.
    fn kept(&self) -> Vec<u32>;
}

/// Lanes that can be saved.
pub trait StoredLanes<T: Lattice>: Lanes<T> {
    /// Visits what waits in them.
    ///
    /// # Errors
    ///
    /// What was saved does not fit.
    fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch>;
}

/// Lanes that emit into these outputs.
pub trait LanesInto<T: Lattice, Outs>: Lanes<T> {
    /// Emits what is due at a time; whether it is anything. In a loop that ends when its body says so, `has_ended` is
    /// whether it did before the round.
    ///
    /// # Errors
    ///
    /// More of a row than can be counted.
    fn emit(&mut self, time: Nested<T>, has_ended: Option<bool>, outs: &mut Outs) -> Result<bool, Unsound>;

    /// Hands on the frontier in the loop.
    fn advance(&mut self, frontier: &Frontier<Nested<T>>, outs: &mut Outs);

    /// Hands on the frontier outside, of the port `incomplete`.
    fn advance_outside(&mut self, frontier: Frontier<T>, outs: &mut Outs);

    /// Says that the loop was stopped before its end, or takes that back.
    fn stopped(&mut self, incomplete: Incomplete, time: T, diff: i64, outs: &mut Outs);
}

/// The lane number `LANE` of several.
pub trait LaneAt<const LANE: usize, T: Lattice> {
    /// The value of a row.
    type Data;
    /// Its multiplicity.
    type Diff: Abelian;

    /// Takes a row from outside.
    fn push(&mut self, outer: T, data: Self::Data, diff: Self::Diff);
}

/// Several lanes, and the ports of the head of a loop that has so many.
macro_rules! lanes {
    ($($ports:ident { $($d:ident $r:ident $s:ident $n:tt $lane:ident),* } $last:tt)*) => {$(
        #[doc = concat!("The ports of a loop's head, `incomplete` being number ", $last, ".")]
        #[derive(Debug)]
        pub struct $ports<T, $($d, $r),*> {
            $(
                #[doc = concat!("What comes into the loop, number ", $n, ".")]
                pub $lane: Origin<Nth<$n>, $d, Nested<T>, $r>,
            )*
            /// What says that the loop was stopped.
            pub incomplete: Origin<Nth<$last>, Incomplete, T, i64>,
        }

        impl<T, $($d, $r),*> Clone for $ports<T, $($d, $r),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T, $($d, $r),*> Copy for $ports<T, $($d, $r),*> {}

        impl<T, $($d, $r),*> Ports for $ports<T, $($d, $r),*> {
            type Open = ($(Open<name::$lane>,)* Open<name::incomplete>);
            const NAMES: &'static [&'static str] = &[$(stringify!($lane),)* "incomplete"];
            const TIMED: &'static [bool] = &[$(is_timed::<Nested<T>>() || $n > $last,)* is_timed::<T>()];

            fn open(self) -> Self::Open {
                ($(Open::<name::$lane>::new(),)* Open::new())
            }
        }

        impl<T: Lattice, $($d, $r: Abelian),*> Lanes<T> for ($(Lane<$d, T, $r>,)*) {
            type Ports = $ports<T, $($d, $r),*>;

            fn ports() -> Self::Ports {
                $ports { $($lane: Origin::new(),)* incomplete: Origin::new() }
            }

            #[inline]
            fn next_time(&self) -> Option<Nested<T>> {
                [$(self.$n.waiting.next_time()),*].into_iter().flatten().min()
            }

            fn forget(&mut self, time: &Nested<T>) {
                $(self.$n.waiting.take(time);)*
            }

            fn set_aside(&mut self, time: &Nested<T>) -> Result<(), Unsound> {
                $(self.$n.set_aside(time)?;)*
                Ok(())
            }

            fn beyond(&self) -> Option<String> {
                let shown = [$(self.$n.beyond()),*];
                shown.into_iter().flatten().reduce(|all, more| all + ", " + &more)
            }

            #[inline]
            fn come_around(&mut self) {
                $(self.$n.come_around();)*
            }

            fn kept(&self) -> Vec<u32> {
                let mut rounds = Vec::new();
                $(rounds.extend(self.$n.variable.iter().flat_map(|variable| (variable.rounds)(&variable.kept)));)*
                rounds
            }
        }

        impl<T, $($d, $r),*> StoredLanes<T> for ($(Lane<$d, T, $r>,)*)
        where
            T: Lattice + Storable,
            $($d: Storable, $r: Abelian + Storable,)*
        {
            fn fields(&mut self, fields: &mut Fields<'_>) -> Result<(), Mismatch> {
                $(fields.nested(stringify!($lane), &mut self.$n)?;)*
                Ok(())
            }
        }

        impl<T, $($d, $r, $s,)* X> LanesInto<T, ($(Port<$s>,)* Port<X>)> for ($(Lane<$d, T, $r>,)*)
        where
            T: Lattice,
            X: Push<Incomplete, T, i64>,
            $($r: Abelian, $s: Push<$d, Nested<T>, $r>,)*
        {
            #[inline]
            fn emit(
                &mut self,
                time: Nested<T>,
                has_ended: Option<bool>,
                outs: &mut ($(Port<$s>,)* Port<X>),
            ) -> Result<bool, Unsound> {
                let mut is_any = false;
                $(is_any |= self.$n.emit(time, has_ended, &mut outs.$n)?;)*
                Ok(is_any)
            }

            #[inline]
            fn advance(&mut self, frontier: &Frontier<Nested<T>>, outs: &mut ($(Port<$s>,)* Port<X>)) {
                $(outs.$n.advance(frontier.clone());)*
            }

            fn advance_outside(&mut self, frontier: Frontier<T>, outs: &mut ($(Port<$s>,)* Port<X>)) {
                outs.$last.advance(frontier);
            }

            fn stopped(
                &mut self,
                incomplete: Incomplete,
                time: T,
                diff: i64,
                outs: &mut ($(Port<$s>,)* Port<X>),
            ) {
                outs.$last.push(Update { data: incomplete, time, diff });
            }
        }

        lanes! { @ [$($d $r $n)*] [$($d $r)*] [$($n)*] }
    )*};
    (@ [$($one:ident $oner:ident $n:tt)*] $all:tt $numbers:tt) => {
        $(lanes! { @@ $one $oner $n $all })*
    };
    (@@ $one:ident $oner:ident $n:tt [$($d:ident $r:ident)*]) => {
        impl<T: Lattice, $($d, $r: Abelian),*> LaneAt<$n, T> for ($(Lane<$d, T, $r>,)*) {
            type Data = $one;
            type Diff = $oner;

            #[inline(always)]
            fn push(&mut self, outer: T, data: $one, diff: $oner) {
                self.$n.push(outer, data, diff);
            }
        }
    };
}

lanes! {
    Lanes1 { A AR AS 0 lane0 } 1
    Lanes2 { A AR AS 0 lane0, B BR BS 1 lane1 } 2
    Lanes3 { A AR AS 0 lane0, B BR BS 1 lane1, C CR CS 2 lane2 } 3
    Lanes4 { A AR AS 0 lane0, B BR BS 1 lane1, C CR CS 2 lane2, D DR DS 3 lane3 } 4
    Lanes5 { A AR AS 0 lane0, B BR BS 1 lane1, C CR CS 2 lane2, D DR DS 3 lane3, E ER ES 4 lane4 } 5
    Lanes6 { A AR AS 0 lane0, B BR BS 1 lane1, C CR CS 2 lane2, D DR DS 3 lane3, E ER ES 4 lane4, F FR FS 5 lane5 } 6
    Lanes7 { A AR AS 0 lane0, B BR BS 1 lane1, C CR CS 2 lane2, D DR DS 3 lane3, E ER ES 4 lane4, F FR FS 5 lane5, G GR GS 6 lane6 } 7
    Lanes8 { A AR AS 0 lane0, B BR BS 1 lane1, C CR CS 2 lane2, D DR DS 3 lane3, E ER ES 4 lane4, F FR FS 5 lane5, G GR GS 6 lane6, H HR HS 7 lane7 } 8
}
