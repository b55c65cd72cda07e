//! The grammar of `graph!`, as it is written.
//!
//! ```text
//! graph!    := signature? { item* } | item*
//! signature := attrs vis graph NAME <generics>? ( port: Type, .. ; param: Type, .. )?
//!              -> ( port: Type, .. )? where?
//! item   := attrs NAME (: Type)? = expr ;      a node
//!         | attrs end (-> stage)+ ;            a chain
//!         | attrs iterate NAME { item* }       a loop to a fixed point
//!         | var NAME (: Type)? (= end)? ;      a variable of the loop around
//! end    := NAME | NAME.port | [ end, .. ] | call(..)
//! stage  := NAME | NAME.port | call(..) | [ NAME, .. ] | { Variant => stage (-> stage)*, .. }
//! ```

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Generics, Ident, Token, Type, Visibility, braced, parenthesized};

use crate::diagnostics::Mistakes;

/// A graph as it is written.
pub(super) struct Graph {
    /// The path of the library.
    pub(super) library: TokenStream,
    pub(super) signature: Option<Signature>,
    /// What holds for the whole graph: `#![..]`.
    pub(super) settings: Vec<Setting>,
    pub(super) items: Vec<Item>,
}

/// What makes a graph an item: its name, its ports and its parameters.
#[derive(Clone)]
pub(super) struct Signature {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) generics: Generics,
    pub(super) inputs: Vec<Declared>,
    pub(super) params: Vec<Declared>,
    pub(super) outputs: Vec<Declared>,
}

/// `name: Type`
#[derive(Clone)]
pub(super) struct Declared {
    pub(super) name: Ident,
    pub(super) ty: Type,
}

pub(super) enum Item {
    Node { settings: Vec<Setting>, name: Ident, carries: Option<Box<Type>>, expr: Box<Expr> },
    Chain { settings: Vec<Setting>, ends: Vec<End> },
    Loop { settings: Vec<Setting>, name: Ident, items: Vec<Item> },
    Variable { name: Ident, carries: Option<Box<Type>>, initial: Option<End> },
}

/// `#[name]`, `#[name = value]` or `#[name(values, ..)]`
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) name: Ident,
    pub(super) values: Vec<Expr>,
}

/// What stands between two arrows.
pub(super) enum End {
    /// `name`
    Name(Ident),
    /// `name.port`
    Port(Ident, Ident),
    /// `[a, b.late]`
    List(Vec<End>, Span),
    /// `operator(..)`
    Call(Expr),
    /// `{ Variant => chain, .. }`
    Routes(Vec<(Ident, Vec<End>)>, Span),
}

impl End {
    pub(super) fn span(&self) -> Span {
        match self {
            End::Name(name) => name.span(),
            End::Port(_, port) => port.span(),
            End::List(_, span) | End::Routes(_, span) => *span,
            End::Call(expr) => expr.span(),
        }
    }
}

pub(super) fn parse(input: TokenStream) -> syn::Result<Graph> {
    let mut tokens = input.into_iter();
    let Some(TokenTree::Group(library)) = tokens.next() else {
        return Err(syn::Error::new(Span::call_site(), "call `streamweave::graph!`"));
    };
    let tokens: Vec<TokenTree> = tokens.collect();
    let (signature, tokens) = if is_named(&tokens) {
        let Named { signature, body } = syn::parse2(tokens.into_iter().collect())?;
        (Some(signature), body.into_iter().collect())
    } else {
        (None, tokens)
    };
    let mut mistakes = Mistakes::none();
    let (settings, tokens) = settings(tokens, true, &mut mistakes);
    let items = items(tokens.into_iter(), &mut mistakes);
    mistakes.gate()?;
    Ok(Graph { library: library.stream(), signature, settings, items })
}

fn items(tokens: impl Iterator<Item = TokenTree>, mistakes: &mut Mistakes) -> Vec<Item> {
    let mut items = Vec::new();
    for statement in statements(tokens) {
        match item(statement) {
            Ok(item) => items.push(item),
            Err(error) => mistakes.add(error),
        }
    }
    items
}

/// Whether the tokens begin as `attrs vis graph NAME`.
fn is_named(tokens: &[TokenTree]) -> bool {
    let mut rest = tokens;
    while let [TokenTree::Punct(hash), TokenTree::Group(_), more @ ..] = rest
        && hash.as_char() == '#'
    {
        rest = more;
    }
    if let [TokenTree::Ident(word), more @ ..] = rest
        && word == "pub"
    {
        rest = match more {
            [TokenTree::Group(scope), more @ ..] if scope.delimiter() == Delimiter::Parenthesis => more,
            more => more,
        };
    }
    matches!(rest, [TokenTree::Ident(word), TokenTree::Ident(_), ..] if word == "graph")
}

/// A graph with a signature.
struct Named {
    signature: Signature,
    body: TokenStream,
}

impl Parse for Named {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        input.parse::<Ident>()?;
        let name: Ident = input.parse()?;
        let mut generics: Generics = input.parse()?;
        let (mut inputs, mut params, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        if input.peek(syn::token::Paren) {
            let ports;
            parenthesized!(ports in input);
            inputs = declared(&ports)?;
            if ports.parse::<Option<Token![;]>>()?.is_some() {
                params = declared(&ports)?;
            }
            if !ports.is_empty() {
                return Err(ports.error("expected `port: Type`, or `;` and then `parameter: Type`"));
            }
        }
        if input.parse::<Option<Token![->]>>()?.is_some() {
            let ports;
            parenthesized!(ports in input);
            outputs = declared(&ports)?;
            if !ports.is_empty() {
                return Err(ports.error("expected `port: Type`"));
            }
        }
        generics.where_clause = input.parse()?;
        if !input.peek(syn::token::Brace) {
            return Err(input.error(format!(
                "expected `{{` and the nodes of `{name}`, after `({name}'s inputs; its parameters) -> (its outputs)`"
            )));
        }
        let body;
        braced!(body in input);
        let body = body.parse()?;
        if !input.is_empty() {
            return Err(input.error("one `graph!` holds one graph: give this one a `graph!` of its own"));
        }
        let signature = Signature { attributes, visibility, name, generics, inputs, params, outputs };
        Ok(Named { signature, body })
    }
}

/// `name: Type, ..`, up to what cannot begin another.
fn declared(input: ParseStream<'_>) -> syn::Result<Vec<Declared>> {
    let mut all = Vec::new();
    while input.peek(Ident) {
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        all.push(Declared { name, ty: input.parse()? });
        if input.parse::<Option<Token![,]>>()?.is_none() {
            break;
        }
    }
    Ok(all)
}

/// The statements, without their semicolons.
fn statements(tokens: impl Iterator<Item = TokenTree>) -> Vec<Vec<TokenTree>> {
    let mut statements = vec![Vec::new()];
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => statements.push(Vec::new()),
            _ => {
                let statement = statements.last_mut().expect("never empty");
                statement.push(token);
                if is_loop(statement) {
                    statements.push(Vec::new());
                }
            }
        }
    }
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// Whether a statement ends as `iterate NAME { .. }`, and began so.
fn is_loop(statement: &[TokenTree]) -> bool {
    let [before @ .., TokenTree::Ident(word), TokenTree::Ident(_), TokenTree::Group(block)] = statement
    else {
        return false;
    };
    let is_attribute =
        |pair: &[TokenTree]| matches!(pair, [hash, TokenTree::Group(_)] if is_punct(hash, '#'));
    word == "iterate" && block.delimiter() == Delimiter::Brace && before.chunks(2).all(is_attribute)
}

fn item(tokens: Vec<TokenTree>) -> syn::Result<Item> {
    let mut mistakes = Mistakes::none();
    let (settings, tokens) = settings(tokens, false, &mut mistakes);
    mistakes.gate()?;
    match &tokens[..] {
        [] => Err(syn::Error::new(
            settings.first().map_or_else(Span::call_site, |setting| setting.name.span()),
            "expected a node or a chain behind this attribute",
        )),
        [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(block)]
            if word == "iterate" && block.delimiter() == Delimiter::Brace =>
        {
            let mut mistakes = Mistakes::none();
            let items = items(block.stream().into_iter(), &mut mistakes);
            mistakes.gate()?;
            Ok(Item::Loop { settings, name: name.clone(), items })
        }
        [TokenTree::Ident(word), TokenTree::Ident(_), ..] if word == "iterate" => {
            Err(syn::Error::new(word.span(), "expected `iterate NAME { .. }`"))
        }
        [TokenTree::Ident(word), TokenTree::Ident(_), ..] if word == "var" => variable(tokens, &settings),
        [TokenTree::Ident(_), TokenTree::Punct(punct), ..] if is_definition(punct) => {
            let Definition { name, carries, expr } = syn::parse2(tokens.into_iter().collect())?;
            Ok(Item::Node { settings, name, carries, expr })
        }
        _ => chain(tokens, settings),
    }
}

/// `var NAME: Type = end`
fn variable(tokens: Vec<TokenTree>, settings: &[Setting]) -> syn::Result<Item> {
    if let Some(setting) = settings.first() {
        return Err(syn::Error::new(setting.name.span(), "a variable of a loop takes no attribute"));
    }
    let assigned = tokens.iter().position(
        |token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '=' && punct.spacing() == Spacing::Alone),
    );
    let (declared, initial) = match assigned {
        Some(at) => (tokens[1..at].to_vec(), Some(tokens[at + 1..].to_vec())),
        None => (tokens[1..].to_vec(), None),
    };
    let mut mistakes = Mistakes::none();
    let Variable { name, carries } = syn::parse2(declared.into_iter().collect())?;
    let initial = match initial {
        Some(initial) if initial.is_empty() => {
            mistakes.on(&name, format!("expected a stream after `var {name} =`"));
            None
        }
        Some(initial) if segments(initial.clone()).len() > 1 => {
            mistakes.on(
                &name,
                format!(
                    "`{name}` begins as one stream: name what the chain gives, and write `var {name} = that;`"
                ),
            );
            None
        }
        Some(initial) => Some(end(initial)?),
        None => None,
    };
    mistakes.gate()?;
    Ok(Item::Variable { name, carries, initial })
}

struct Variable {
    name: Ident,
    carries: Option<Box<Type>>,
}

impl Parse for Variable {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let carries = match input.parse::<Option<Token![:]>>()? {
            Some(_) => Some(Box::new(input.parse()?)),
            None => None,
        };
        if !input.is_empty() {
            return Err(input.error("expected `var name: Type;` or `var name = stream;`"));
        }
        Ok(Variable { name, carries })
    }
}

/// Whether what follows a name defines it: `=`, or the `:` of a type and not of a path.
fn is_definition(punct: &proc_macro2::Punct) -> bool {
    matches!((punct.as_char(), punct.spacing()), ('=', Spacing::Alone) | (':', Spacing::Alone))
}

/// Takes the attributes off the beginning: `#![..]` of a graph, `#[..]` of a statement.
fn settings(tokens: Vec<TokenTree>, inner: bool, mistakes: &mut Mistakes) -> (Vec<Setting>, Vec<TokenTree>) {
    let mut settings = Vec::new();
    let mut rest = &tokens[..];
    loop {
        rest = match rest {
            [TokenTree::Punct(hash), TokenTree::Punct(bang), TokenTree::Group(group), more @ ..]
                if inner && hash.as_char() == '#' && bang.as_char() == '!' =>
            {
                setting(group.stream(), &mut settings, mistakes);
                more
            }
            [TokenTree::Punct(hash), TokenTree::Group(group), more @ ..]
                if !inner && hash.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
            {
                setting(group.stream(), &mut settings, mistakes);
                more
            }
            _ => break,
        };
    }
    (settings, rest.to_vec())
}

/// `setting, ..`
fn setting(tokens: TokenStream, settings: &mut Vec<Setting>, mistakes: &mut Mistakes) {
    match Punctuated::<Setting, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(all) => settings.extend(all),
        Err(error) => mistakes.add(error),
    }
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let mut values = Vec::new();
        if input.parse::<Option<Token![=]>>()?.is_some() {
            values.push(input.parse()?);
        } else if input.peek(syn::token::Paren) {
            let list;
            parenthesized!(list in input);
            values = list.parse_terminated(Expr::parse, Token![,])?.into_iter().collect();
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error("expected `name`, `name = value` or `name(value, ..)`"));
        }
        Ok(Setting { name, values })
    }
}

struct Definition {
    name: Ident,
    carries: Option<Box<Type>>,
    expr: Box<Expr>,
}

impl Parse for Definition {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let carries = if input.peek(Token![:]) {
            input.parse::<Token![:]>()?;
            Some(Box::new(input.parse()?))
        } else {
            None
        };
        input.parse::<Token![=]>()?;
        if input.is_empty() {
            return Err(input.error(format!("expected an operator after `{name} =`")));
        }
        let expr = Box::new(input.parse()?);
        if !input.is_empty() {
            return Err(input.error("expected `;` after the operator"));
        }
        Ok(Definition { name, carries, expr })
    }
}

fn chain(tokens: Vec<TokenTree>, settings: Vec<Setting>) -> syn::Result<Item> {
    let whole = tokens[0].span();
    if segments(tokens.clone()).len() == 1 {
        return Err(syn::Error::new(whole, "expected `name = operator(..);` or a chain such as `a -> b;`"));
    }
    Ok(Item::Chain { settings, ends: ends(tokens)? })
}

/// What stands before, between and behind arrows.
fn ends(tokens: Vec<TokenTree>) -> syn::Result<Vec<End>> {
    let whole = tokens[0].span();
    let segments = segments(tokens);
    let mut mistakes = Mistakes::none();
    let mut ends = Vec::new();
    for (arrow, segment) in segments {
        if segment.is_empty() {
            let beside = "expected a node or an operator beside this arrow";
            match arrow {
                Some(arrow) => mistakes.on(arrow, beside),
                None => mistakes.at(whole, beside),
            }
            continue;
        }
        match end(segment) {
            Ok(end) => ends.push(end),
            Err(error) => mistakes.add(error),
        }
    }
    mistakes.gate()?;
    Ok(ends)
}

/// What stands between the arrows, each with the arrow before it.
fn segments(tokens: Vec<TokenTree>) -> Vec<(Option<TokenStream>, Vec<TokenTree>)> {
    let mut segments: Vec<(Option<TokenStream>, Vec<TokenTree>)> = vec![(None, Vec::new())];
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match tokens.next_if(|next| is_punct(&token, '-') && is_punct(next, '>')) {
            Some(head) => segments.push((Some([token, head].into_iter().collect()), Vec::new())),
            None => segments.last_mut().expect("never empty").1.push(token),
        }
    }
    if let Some((arrow, last)) = segments.last()
        && last.is_empty()
        && segments.len() > 1
        && segments[0].1.is_empty()
        && arrow.is_none()
    {
        segments.pop();
    }
    segments
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn end(tokens: Vec<TokenTree>) -> syn::Result<End> {
    match &tokens[..] {
        [TokenTree::Ident(name)] => Ok(End::Name(name.clone())),
        [TokenTree::Ident(name), TokenTree::Punct(dot), TokenTree::Ident(port)] if dot.as_char() == '.' => {
            Ok(End::Port(name.clone(), port.clone()))
        }
        [TokenTree::Group(list)] if list.delimiter() == Delimiter::Bracket => {
            let span = list.span_open();
            let ends = members(list.stream()).into_iter().map(end).collect::<syn::Result<Vec<_>>>()?;
            if ends.is_empty() {
                return Err(syn::Error::new(span, "expected at least one node between the brackets"));
            }
            Ok(End::List(ends, span))
        }
        [TokenTree::Group(block)] if block.delimiter() == Delimiter::Brace => {
            Ok(End::Routes(routes(block.stream())?, block.span_open()))
        }
        _ => syn::parse2(tokens.into_iter().collect()).map(End::Call),
    }
}

/// `Variant => chain, ..`
fn routes(tokens: TokenStream) -> syn::Result<Vec<(Ident, Vec<End>)>> {
    let mut mistakes = Mistakes::none();
    let mut routes = Vec::new();
    for member in members(tokens) {
        match &member[..] {
            [TokenTree::Ident(variant), equals, head, _, ..]
                if is_punct(equals, '=') && is_punct(head, '>') =>
            {
                match ends(member[3..].to_vec()) {
                    Ok(ends) => routes.push((variant.clone(), ends)),
                    Err(error) => mistakes.add(error),
                }
            }
            [first, ..] => mistakes.at(first.span(), "expected `Variant => node -> ..`"),
            [] => {}
        }
    }
    mistakes.gate()?;
    Ok(routes)
}

/// The members of a list, without their commas.
fn members(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut members = vec![Vec::new()];
    for token in tokens {
        if is_punct(&token, ',') {
            members.push(Vec::new());
        } else {
            members.last_mut().expect("never empty").push(token);
        }
    }
    members.retain(|member| !member.is_empty());
    members
}
