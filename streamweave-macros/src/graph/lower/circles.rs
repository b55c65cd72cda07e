//! Circles that are no fixed point: arrows that go back, `#[feedback(..)] a -> b;`.

use proc_macro2::Span;
use syn::{Expr, Ident};

use super::{From, Lowering, To};
use crate::graph::ir::{Circle, Operator};
use crate::graph::syntax::{End, Setting};

const FEEDBACK: &str = "expected how many rows may wait to go round, and what becomes of more: \
    `feedback(1024, drop_newest)`, `drop_oldest` or `conflate`";

/// An arrow that goes back.
pub(super) struct Back {
    setting: Span,
    from: From,
    to: To,
    rows: Expr,
    overflow: &'static str,
}

impl Lowering {
    /// An arrow that goes back: it is laid once all others are, for it ends where one of them does.
    pub(super) fn back(&mut self, setting: Setting, ends: Vec<End>) {
        let Setting { name, values } = setting;
        let mut ends = ends.into_iter();
        let (Some(origin), Some(target), None) = (ends.next(), ends.next(), ends.next()) else {
            self.mistakes
                .at(name.span(), "`feedback` stands on a chain of one arrow: `#[feedback(..)] a -> b;`");
            return;
        };
        if self.within.is_some() {
            self.mistakes.at(
                name.span(),
                "a loop goes round by its variables: `feedback` stands on arrows outside of it",
            );
            return;
        }
        let Some((rows, overflow)) = self.room_to_go_round(&name, values) else { return };
        let span = target.span();
        if let End::List(..) | End::Routes(..) = target {
            self.mistakes.at(span, "an arrow with `feedback` ends at one node");
            return;
        }
        let from = self.origins(origin);
        if from.is_empty() {
            return;
        }
        let from = self.merged(from, span);
        if let Some(to) = self.target(target) {
            self.backs.push(Back { setting: name.span(), from, to, rows, overflow });
        }
    }

    /// How many rows may wait, and what becomes of more.
    fn room_to_go_round(&mut self, name: &Ident, values: Vec<Expr>) -> Option<(Expr, &'static str)> {
        let [rows, Expr::Path(overflow)] = &values[..] else {
            self.mistakes.at(name.span(), FEEDBACK);
            return None;
        };
        let policy = match overflow.path.get_ident().map(ToString::to_string).as_deref() {
            Some("drop_newest") => "DropNewest",
            Some("drop_oldest") => "DropOldest",
            Some("conflate") => "Conflate",
            Some("block") => {
                self.mistakes.on(
                    overflow,
                    "a circle cannot `block`: it would wait for room that only itself can make; choose what is dropped: \
                     `drop_newest`, `drop_oldest` or `conflate`",
                );
                return None;
            }
            _ => {
                self.mistakes.on(overflow, FEEDBACK);
                return None;
            }
        };
        Some((rows.clone(), policy))
    }

    /// Lays the arrows that go back.
    pub(super) fn lay_backs(&mut self) {
        for back in std::mem::take(&mut self.backs) {
            self.lay_back(back);
        }
    }

    fn lay_back(&mut self, Back { setting, from, to, rows, overflow }: Back) {
        let To { node, span, inlet } = to;
        let target = self.graph.nodes[node].name.clone();
        let words = inlet.as_ref().map_or_else(|| target.clone(), |port| format!("{target}.{port}"));
        let Some(entered) = self.graph.edges.iter().position(|edge| edge.to == node && edge.inlet == inlet)
        else {
            self.mistakes.at(
                span,
                format!(
                    "only this arrow ends at `{words}`: one with `feedback` ends where another brings a stream into the circle"
                ),
            );
            return;
        };
        let circle = self.graph.circles.len();
        let name = self.numbered("merge");
        let entrance = self.add(name.clone(), span, Operator::Entrance(circle));
        let name_back = self.numbered(&format!("{words}.feedback"));
        let back = self.add(name_back, span, Operator::Return(circle));
        let entering = &mut self.graph.edges[entered];
        let to_span = std::mem::replace(&mut entering.to_span, entering.port.span());
        (entering.to, entering.inlet) = (entrance, None);
        let to_words = std::mem::replace(&mut entering.to_words, name.clone());
        let out =
            From { node: entrance, port: Ident::new("out", entering.port.span()), words: name, within: None };
        self.edge(out, node, to_span, to_words, inlet, None);
        let (from, from_words) = (self.across(&from, None, span), from.words.clone());
        self.edge(from, back, span, words.clone(), None, None);
        self.graph.circles.push(Circle {
            entrance,
            back,
            rows,
            overflow,
            setting,
            from: from_words,
            to: words,
        });
    }
}
