//! `#[node] impl Type`: a node with state, a method `on_<port>` for each input.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, PatType, ReturnType, Type, Visibility};

use super::model::{CxParam, OutParam};
use crate::diagnostics::{Mistakes, report};
use crate::hygiene::library;
use crate::ports::{Ports, Stream, is_envelope};

/// Compiles `#[node] impl Type`. After a mistake the methods stand as they were written.
pub(super) fn compile(attributes: TokenStream, block: ItemImpl) -> TokenStream {
    match Node::parse(&attributes, &block) {
        Ok(node) => {
            let expanded = node.expand();
            quote!(#block #expanded)
        }
        Err(mistakes) => {
            let errors = report(&mistakes);
            quote!(#errors #[allow(dead_code)] #block)
        }
    }
}

/// A node with state.
struct Node<'a> {
    block: &'a ItemImpl,
    name: &'a Ident,
    /// What makes the state, where it is not handed in.
    new: Option<&'a ImplItemFn>,
    handlers: Vec<Handler<'a>>,
    on_frontier: Option<Method<'a>>,
    on_timer: Option<Method<'a>>,
    on_alarm: Option<Method<'a>>,
    outs: Vec<OutParam>,
    /// The time of its inputs, where a method says it.
    time: Option<TokenStream>,
    has_cx: bool,
}

/// `on_<port>`.
struct Handler<'a> {
    port: Ident,
    input: Type,
    method: Method<'a>,
}

/// A method that the node calls, and what stands at each of its places behind `self`.
struct Method<'a> {
    method: &'a ImplItemFn,
    arguments: Vec<Argument>,
}

enum Argument {
    /// The row, or the time of a timer or an alarm.
    Input(Type),
    Out(Box<OutParam>),
    Cx(CxParam),
}

const MAX_INPUTS: usize = 8;

impl<'a> Node<'a> {
    fn parse(attributes: &TokenStream, block: &'a ItemImpl) -> syn::Result<Self> {
        let mut mistakes = Mistakes::none();
        if !attributes.is_empty() {
            mistakes.on(attributes, "a node with state has no settings");
        }
        if let Some((_, path, _)) = &block.trait_ {
            mistakes.on(path, "`#[node]` stands on the methods of the type itself: `impl Type { .. }`");
        }
        let name = match &*block.self_ty {
            Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
            _ => None,
        };
        let Some(name) = name else {
            mistakes.on(&block.self_ty, "`#[node]` stands on the methods of a struct");
            mistakes.gate()?;
            unreachable!("a mistake was noted");
        };
        let mut node = Node {
            block,
            name,
            new: None,
            handlers: Vec::new(),
            on_frontier: None,
            on_timer: None,
            on_alarm: None,
            outs: Vec::new(),
            time: None,
            has_cx: false,
        };
        for item in &block.items {
            if let ImplItem::Fn(method) = item {
                node.method(method, &mut mistakes);
            }
        }
        node.check(&mut mistakes);
        mistakes.gate()?;
        Ok(node)
    }

    fn method(&mut self, method: &'a ImplItemFn, mistakes: &mut Mistakes) {
        let name = method.sig.ident.to_string();
        if name == "new" && method.sig.receiver().is_none() {
            self.new = Some(method);
            return;
        }
        let Some(port) = name.strip_prefix("on_") else { return };
        if method
            .sig
            .receiver()
            .is_none_or(|receiver| receiver.mutability.is_none() || receiver.reference.is_none())
        {
            mistakes
                .at(method.sig.ident.span(), format!("`{name}` takes `&mut self`: the state of the node"));
        }
        if let Some(token) = &method.sig.asyncness {
            mistakes.at(token.span, "a node with state works on a row at once: it is not asynchronous");
        }
        if let ReturnType::Type(_, output) = &method.sig.output {
            mistakes.on(output, format!("`{name}` sends what it has to an output: `out: &mut Out<..>`"));
        }
        let method = self.arguments(method);
        match port {
            "frontier" => self.on_frontier = Some(method),
            "timer" => self.on_timer = Some(method),
            "alarm" => self.on_alarm = Some(method),
            port => {
                let inputs: Vec<&Type> = method.inputs().collect();
                let [input] = inputs[..] else {
                    mistakes.at(
                        method.method.sig.ident.span(),
                        format!("`{name}` takes a row of the input `{port}`, outputs (`&mut Out<..>`) and, if need be, `&Cx`"),
                    );
                    return;
                };
                let input = input.clone();
                let port = Ident::new(port, method.method.sig.ident.span());
                self.handlers.push(Handler { port, input, method });
            }
        }
    }

    fn arguments(&mut self, method: &'a ImplItemFn) -> Method<'a> {
        let typed = |argument: &'a FnArg| match argument {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        };
        let arguments = method.sig.inputs.iter().filter_map(typed).enumerate();
        let arguments = arguments.map(|(place, argument)| self.argument(place, argument)).collect();
        Method { method, arguments }
    }

    fn argument(&mut self, place: usize, argument: &PatType) -> Argument {
        if let Some(out) = OutParam::of(place, argument) {
            if !self.outs.iter().any(|other| other.name == out.name) {
                self.outs.push(out.clone());
            }
            if let Some(time) = &out.time {
                self.time.get_or_insert(quote!(#time));
            }
            return Argument::Out(Box::new(out));
        }
        if let Some(cx) = CxParam::of(place, argument) {
            self.has_cx = true;
            return Argument::Cx(cx);
        }
        Argument::Input((*argument.ty).clone())
    }

    fn check(&mut self, mistakes: &mut Mistakes) {
        if self.handlers.is_empty() {
            mistakes.at(
                self.name.span(),
                format!(
                    "`{}` has no input: give it a method `on_<port>(&mut self, row: .., out: &mut Out<..>)`",
                    self.name
                ),
            );
        }
        if let Some(more) = self.handlers.get(MAX_INPUTS) {
            mistakes.at(more.port.span(), format!("a node has at most {MAX_INPUTS} inputs"));
        }
        if let Some(method) = &self.on_frontier
            && let Some(extra) = method.inputs().next()
        {
            mistakes.on(extra, "`on_frontier` takes outputs and `&Cx`, which tells the frontier");
        }
        if let Some(method) = &self.on_timer {
            match method.inputs().collect::<Vec<_>>()[..] {
                [] | [_] => {}
                [_, extra, ..] => {
                    mistakes.on(extra, "`on_timer` takes the time of the timer, outputs and `&Cx`")
                }
            }
        }
        if let Some(method) = &self.on_alarm {
            if let [_, extra, ..] = method.inputs().collect::<Vec<_>>()[..] {
                mistakes.on(extra, "`on_alarm` takes the time of the alarm, outputs and `&Cx`");
            }
            if !self.has_cx {
                mistakes.at(
                    method.method.sig.ident.span(),
                    "`on_alarm` is never called: no method takes `&Cx`, by which an alarm is set",
                );
            }
        }
        self.same_outputs(mistakes);
    }

    /// What is called besides the inputs.
    fn others(&self) -> impl Iterator<Item = &Method<'a>> {
        self.on_frontier.iter().chain(&self.on_timer).chain(&self.on_alarm)
    }

    /// Outputs of one name are one port.
    fn same_outputs(&self, mistakes: &mut Mistakes) {
        let methods = self.handlers.iter().map(|handler| &handler.method);
        for method in methods.chain(self.others()) {
            for argument in &method.arguments {
                let Argument::Out(out) = argument else { continue };
                let first = self.outs.iter().find(|other| other.name == out.name).expect("it was noted");
                let text = |out: &OutParam| {
                    let (item, time) = (&out.item, &out.time);
                    quote!(#item, #time).to_string()
                };
                if text(first) != text(out) {
                    mistakes.on(
                        &out.item,
                        format!("the output `{}` carries another type in another method", out.name),
                    );
                }
            }
        }
    }

    /// The time of its inputs, as the methods say it.
    fn known_time(&self, sw: &TokenStream) -> Option<TokenStream> {
        let envelope = self.handlers.iter().find(|handler| is_envelope(&handler.input));
        if let Some(handler) = envelope {
            return Some(Stream::declared(&handler.input, sw).time);
        }
        if let Some(time) = self.on_timer.as_ref().and_then(|method| method.inputs().next()) {
            return Some(quote!(#time));
        }
        let methods = self.handlers.iter().map(|handler| &handler.method);
        let cx = methods.chain(self.others()).find_map(|method| {
            method.arguments.iter().find_map(|argument| match argument {
                Argument::Cx(cx) => {
                    Some(cx.time.as_ref().map_or_else(|| quote!(#sw::EventTime), |time| quote!(#time)))
                }
                _ => None,
            })
        });
        cx.or_else(|| self.time.clone())
    }

    fn expand(&self) -> TokenStream {
        let library = library();
        let sw = &quote!(#library::private);
        let visibility = self.new.map_or(Visibility::Inherited, |new| new.vis.clone());
        let inputs = self.handlers.iter().map(|handler| handler.port.clone()).collect();
        let outputs = self.outs.iter().map(|out| out.name.clone()).collect();
        let ports = Ports::new(self.name, &visibility, sw, inputs, outputs);
        let known = self.known_time(sw);
        let time = known.clone().unwrap_or_else(|| quote!(__T));
        let mut generics = self.block.generics.clone();
        if known.is_none() {
            generics.params.push(syn::parse_quote!(__T: #sw::Timestamp));
        }
        let (generic, _, bounds) = generics.split_for_impl();
        let in_streams: Vec<Stream> =
            self.handlers.iter().map(|handler| self.stream(handler, &time, sw)).collect();
        let out_streams: Vec<Stream> = self
            .outs
            .iter()
            .map(|out| {
                let item = &out.item;
                Stream { data: quote!(#item), time: time.clone(), diff: quote!(()) }
            })
            .collect();
        let items = ports.items();
        let (inlets, inlets_value) = (ports.inlets_type(&in_streams), ports.inlets_value());
        let (origins, origins_value) = (ports.origins_type(&out_streams), ports.origins_value());
        let (params, state) = self.state();
        let (made, ty) = self.operator(&time, sw, &state);
        let edges = in_streams.iter().enumerate().map(|(i, stream)| {
            let (edge, stream) = (crate::ports::edge(i), stream.arguments());
            quote!(#edge: #sw::Edge<#stream>)
        });
        let (self_ty, name) = (&self.block.self_ty, self.name);
        let (own, _, own_bounds) = self.block.generics.split_for_impl();
        let hidden: TokenStream = match known {
            Some(_) => quote!(),
            None => quote!(<__T: #sw::Timestamp>),
        };
        let doc = self.doc();
        quote! {
            #items

            #[allow(dead_code, clippy::type_complexity, clippy::needless_pass_by_value)]
            impl #own #self_ty #own_bounds {
                /// The inputs, as arrows name them.
                #[doc(hidden)]
                #visibility fn inputs #hidden () -> #inlets {
                    #inlets_value
                }

                /// The node whose inputs are fed by name.
                #[doc(hidden)]
                #visibility fn with #hidden (_inputs: #inlets, #(#params),*) -> #sw::Node<#ty, #origins> {
                    #sw::Node::new(#made, #origins_value)
                }
            }

            #[doc = #doc]
            #[allow(
                dead_code,
                non_snake_case,
                clippy::too_many_arguments,
                clippy::type_complexity,
                clippy::needless_pass_by_value
            )]
            #visibility fn #name #generic (#(#edges,)* #(#params),*) -> #sw::Node<#ty, #origins> #bounds {
                #sw::Node::new(#made, #origins_value)
            }
        }
    }

    /// What a reader of the documentation is to know of the ports.
    fn doc(&self) -> String {
        let mut doc = format!("Places a `{}` in a graph.\n\n# Ports\n\n", self.name);
        for Handler { port, input, .. } in &self.handlers {
            doc.push_str(&format!("- input `{port}`: `{}`\n", super::doc::written(input)));
        }
        for OutParam { name, item, .. } in &self.outs {
            doc.push_str(&format!("- output `{name}`: `{}`\n", super::doc::written(item)));
        }
        doc
    }

    fn stream(&self, handler: &Handler<'_>, time: &TokenStream, sw: &TokenStream) -> Stream {
        let input = &handler.input;
        if is_envelope(input) {
            return Stream::declared(input, sw);
        }
        Stream { data: quote!(#input), time: time.clone(), diff: quote!(()) }
    }

    /// The parameters of the constructor, and the state that it makes of them.
    fn state(&self) -> (Vec<TokenStream>, TokenStream) {
        let self_ty = &self.block.self_ty;
        let Some(new) = self.new else {
            let state = Ident::new("state", Span::mixed_site());
            return (vec![quote!(#state: #self_ty)], quote!(#state));
        };
        let types = new.sig.inputs.iter().filter_map(|argument| match argument {
            FnArg::Typed(typed) => Some(&typed.ty),
            FnArg::Receiver(_) => None,
        });
        let (params, names): (Vec<TokenStream>, Vec<Ident>) = types
            .enumerate()
            .map(|(i, ty)| {
                let name = Ident::new(&format!("param{i}"), Span::mixed_site());
                (quote!(#name: #ty), name)
            })
            .unzip();
        let span = new.sig.ident.span().resolved_at(Span::mixed_site());
        (params, quote_spanned!(span=> <#self_ty>::new(#(#names),*)))
    }

    /// The operator as a value and as a type.
    fn operator(
        &self,
        time: &TokenStream,
        sw: &TokenStream,
        state: &TokenStream,
    ) -> (TokenStream, TokenStream) {
        let self_ty = &self.block.self_ty;
        let sent = self.outs.iter().map(|out| {
            let (item, time) = (&out.item, out.time.as_ref().map(|time| quote!(, #time)));
            quote!(#sw::Out<#item #time>,)
        });
        let sent = quote!((#(#sent)*));
        let context = if self.has_cx { quote!(#sw::NodeCx<#time>) } else { quote!(#sw::NoContext) };
        let common = quote!(&mut #sent, &#context);
        let (mut handlers, mut types) = (Vec::new(), Vec::new());
        for handler in &self.handlers {
            let (input, call) = (&handler.input, self.call(&handler.method));
            let wrap = if is_envelope(input) { quote!(#sw::OnUpdate) } else { quote!(#sw::OnValue) };
            handlers.push(
                quote!(#wrap(|state: &mut #self_ty, row: #input, sent: &mut #sent, cx: &#context| #call),),
            );
            types.push(quote!(#wrap<impl ::core::ops::FnMut(&mut #self_ty, #input, #common)>,));
        }
        let (on_frontier, frontier_type) = match &self.on_frontier {
            Some(method) => {
                let call = self.call(method);
                (
                    quote!(|state: &mut #self_ty, sent: &mut #sent, cx: &#context| #call),
                    quote!(impl ::core::ops::FnMut(&mut #self_ty, #common)),
                )
            }
            None => (quote!(#sw::NoFrontier), quote!(#sw::NoFrontier)),
        };
        let (on_timer, timer_type) = match &self.on_timer {
            Some(method) => {
                let call = self.call(method);
                (
                    quote!(|state: &mut #self_ty, row: #time, sent: &mut #sent, cx: &#context| { let _ = &row; #call }),
                    quote!(impl ::core::ops::FnMut(&mut #self_ty, #time, #common)),
                )
            }
            None => (quote!(#sw::NoTimer), quote!(#sw::NoTimer)),
        };
        let (on_alarm, alarm_type) = self.alarm(sw, &sent, &context);
        (
            quote!(#sw::Stateful::new(#state, (#(#handlers)*), #on_frontier, #on_timer, #on_alarm)),
            quote! {
                #sw::Stateful<
                    #self_ty, (#(#types)*), #frontier_type, #timer_type, #alarm_type, #sent, #context, #time
                >
            },
        )
    }

    /// What is done when an alarm goes off, and its type.
    fn alarm(
        &self,
        sw: &TokenStream,
        sent: &TokenStream,
        context: &TokenStream,
    ) -> (TokenStream, TokenStream) {
        let Some(method) = &self.on_alarm else {
            return (quote!(#sw::NoAlarm), quote!(#sw::NoAlarm));
        };
        let (self_ty, call) = (&self.block.self_ty, self.call(method));
        let arguments = quote!(sent: &mut #sent, cx: &#context);
        (
            quote!(#sw::ByAlarm(|state: &mut #self_ty, row: #sw::ProcessingTime, #arguments| { let _ = &row; #call })),
            quote!(#sw::ByAlarm<impl ::core::ops::FnMut(&mut #self_ty, #sw::ProcessingTime, &mut #sent, &#context)>),
        )
    }

    /// The call of a method with what is at hand.
    fn call(&self, method: &Method<'_>) -> TokenStream {
        let (self_ty, name) = (&self.block.self_ty, &method.method.sig.ident);
        let arguments = method.arguments.iter().map(|argument| match argument {
            // What is not of the type that stands there is a mistake there.
            Argument::Input(ty) => quote_spanned!(ty.span().resolved_at(Span::call_site())=> row),
            Argument::Cx(_) => quote!(cx),
            Argument::Out(out) => {
                let at = self.outs.iter().position(|other| other.name == out.name).expect("it was noted");
                let at = syn::Index::from(at);
                quote!(&mut sent.#at)
            }
        });
        let span = name.span().resolved_at(Span::mixed_site());
        let call = quote_spanned!(span=> <#self_ty>::#name);
        quote!({ let _ = (&sent, &cx); #call(state #(, #arguments)*) })
    }
}

impl Method<'_> {
    fn inputs(&self) -> impl Iterator<Item = &Type> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Input(ty) => Some(ty),
            _ => None,
        })
    }
}
