//! Lengths of time that are written as literals and cannot work: `tumbling(0.secs())` (rule B5).
//!
//! The one place where the macro knows operators of the library by name. It is a convenience and no contract: what it does not see, a
//! variable or a constant, the operator itself refuses before the first row.

use syn::{Expr, ExprCall, ExprMethodCall, Lit, UnOp};

use super::ir::{Graph, Operator};
use crate::diagnostics::Mistakes;

/// The arguments that have to be above zero: of which function or method, which one, and what it is.
const ABOVE_ZERO: &[(&str, usize, &str)] = &[
    ("tumbling", 0, "the size of a window"),
    ("sliding", 0, "the size of a window"),
    ("sliding", 1, "the slide of a window"),
    ("cumulative", 0, "the size of a window"),
    ("cumulative", 1, "the step of a window"),
    ("session", 0, "the gap of a session"),
    ("max_length", 0, "the greatest length of a session"),
];

/// Those that must not be below it.
const NOT_BELOW_ZERO: &[(&str, usize, &str)] = &[("allowed_lateness", 0, "an allowed lateness")];

/// The units of `streamweave::time::Units`.
const UNITS: &[&str] = &["micros", "millis", "secs", "minutes", "hours", "days"];

pub(super) fn lengths(graph: &Graph, mistakes: &mut Mistakes) {
    for node in &graph.nodes {
        if let Operator::Written(expr) = &node.operator {
            along(expr, mistakes);
        }
    }
}

/// Looks at a call and at those that it is chained to.
fn along(expr: &Expr, mistakes: &mut Mistakes) {
    match expr {
        Expr::Call(ExprCall { func, args, .. }) => {
            if let Expr::Path(path) = &**func
                && let Some(name) = path.path.segments.last()
            {
                look(&name.ident.to_string(), args.iter(), mistakes);
            }
        }
        Expr::MethodCall(ExprMethodCall { receiver, method, args, .. }) => {
            along(receiver, mistakes);
            look(&method.to_string(), args.iter(), mistakes);
        }
        _ => {}
    }
}

fn look<'a>(name: &str, args: impl Iterator<Item = &'a Expr>, mistakes: &mut Mistakes) {
    for (number, arg) in args.enumerate() {
        let Some(sign) = literal(arg) else { continue };
        let listed = |list: &[(&str, usize, &'static str)]| {
            list.iter().find(|(of, at, _)| *of == name && *at == number).map(|(.., what)| *what)
        };
        if let Some(what) = listed(ABOVE_ZERO).filter(|_| sign <= 0) {
            mistakes.on(arg, format!("{what} must be above zero"));
        }
        if let Some(what) = listed(NOT_BELOW_ZERO).filter(|_| sign < 0) {
            mistakes.on(arg, format!("{what} must not be below zero"));
        }
    }
}

/// The sign of a length that is a literal, as in `10.secs()` and `(-5).minutes()`.
fn literal(expr: &Expr) -> Option<i32> {
    match expr {
        Expr::Unary(negated) if matches!(negated.op, UnOp::Neg(_)) => {
            literal(&negated.expr).map(|sign| -sign)
        }
        Expr::MethodCall(call) if call.args.is_empty() && UNITS.iter().any(|unit| call.method == unit) => {
            number(&call.receiver)
        }
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<i32> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => Some(i32::from(int.base10_digits().bytes().any(|digit| digit != b'0'))),
            _ => None,
        },
        Expr::Paren(inner) => number(&inner.expr),
        Expr::Unary(negated) if matches!(negated.op, UnOp::Neg(_)) => Some(-number(&negated.expr)?),
        _ => None,
    }
}
