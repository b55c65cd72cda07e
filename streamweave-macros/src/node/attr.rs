//! What stands in the parentheses of `#[node(..)]`.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Token};

use super::model::Shape;
use crate::diagnostics::Mistakes;

/// The settings of a node.
#[derive(Default)]
pub(super) struct Settings {
    /// The shape, where it is not the one that the signature has.
    pub(super) shape: Option<Shape>,
    /// How many calls of an asynchronous node are in flight.
    pub(super) in_flight: Option<Expr>,
    /// Whether their results come in the order in which they end.
    pub(super) unordered: bool,
    /// How long a call may take.
    pub(super) timeout: Option<(Ident, Expr)>,
    /// How often a call that failed is made again.
    pub(super) retry: Option<(Ident, Expr)>,
    /// Which failures are worth another call.
    pub(super) retry_if: Option<(Ident, Expr)>,
    /// When no calls are made for a while.
    pub(super) breaker: Option<(Ident, Expr)>,
    /// Whether `err` carries the input along.
    pub(super) keep_input: Option<Ident>,
    /// Whether it is a function that blocks, to be called on a thread that may.
    pub(super) blocking: Option<Ident>,
    /// Whether the same input always gives the same output.
    pub(super) pure: Option<Ident>,
    /// The first setting that only an asynchronous node has.
    pub(super) asynchronous: Option<Ident>,
}

/// `name` or `name = value`.
struct Setting {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `try` and the like are names here.
        let name = syn::ext::IdentExt::parse_any(input)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Setting { name, value })
    }
}

const EXPECTED: &str = "expected `map`, `filter_map`, `flat_map`, `try_map`, `in_flight = ..`, `ordered`, \
                        `unordered`, `timeout = ..`, `retry = ..`, `retry_if = ..`, `breaker = ..`, `keep_input`, `blocking` or `pure`";

pub(super) fn parse(attributes: TokenStream, mistakes: &mut Mistakes) -> Settings {
    let mut settings = Settings::default();
    let parse = Punctuated::<Setting, Token![,]>::parse_terminated;
    let parsed = match syn::parse::Parser::parse2(parse, attributes.clone()) {
        Ok(parsed) => parsed,
        Err(_) => {
            mistakes.on(attributes, EXPECTED);
            return settings;
        }
    };
    for setting in parsed {
        if !settings.take(setting.name.clone(), setting.value) {
            mistakes.on(setting.name, EXPECTED);
        }
    }
    if let (Some((name, _)), None) = (&settings.retry_if, &settings.retry) {
        mistakes.on(
            name,
            "`retry_if` says which failures are worth another call: `retry = ..` has to stand, too",
        );
    }
    settings
}

impl Settings {
    /// Whether there is such a setting.
    fn take(&mut self, name: Ident, value: Option<Expr>) -> bool {
        match (name.to_string().as_str(), value) {
            ("in_flight", Some(value)) => self.in_flight = Some(value),
            ("ordered", None) => self.unordered = false,
            ("unordered", None) => self.unordered = true,
            ("timeout", Some(value)) => self.timeout = Some((name.clone(), value)),
            ("retry", Some(value)) => self.retry = Some((name.clone(), value)),
            ("breaker", Some(value)) => self.breaker = Some((name.clone(), value)),
            ("retry_if", Some(value)) => self.retry_if = Some((name.clone(), value)),
            ("blocking", None) => self.blocking = Some(name.clone()),
            ("pure", None) => {
                self.pure = Some(name);
                return true;
            }
            ("keep_input", None) => {
                self.keep_input = Some(name);
                return true;
            }
            (shape, None) => {
                self.shape = Shape::named(shape);
                return self.shape.is_some();
            }
            _ => return false,
        }
        self.asynchronous.get_or_insert(name);
        true
    }
}
