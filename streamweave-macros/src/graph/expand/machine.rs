//! The state machine: its heads, its stages, and what a run yields.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;

use super::super::ir::{Edge, Node, Operator};
use super::nodes::Promise;
use super::{Expansion, MAX_DEPTH, io, local, local_at, mixed};

impl<'a> Expansion<'a> {
    /// Tells the entrance of each circle whether nodes of it have work of their own.
    pub(super) fn paces(&self) -> impl Iterator<Item = TokenStream> {
        self.graph.circles.iter().enumerate().map(|(number, circle)| {
            let (sw, entrance) = (&self.sw, local("node", circle.entrance));
            let others = self.circle_of(number).into_iter().map(|node| local("node", node));
            quote!(#entrance.operator.pace(false #(|| #sw::circle::is_active(&#others))*);)
        })
    }

    /// The named sinks.
    pub(super) fn yielding(&self) -> Vec<(usize, Ident)> {
        let named = |&node: &usize| Some((node, self.graph.nodes[node].named.clone()?));
        self.order.iter().filter(|&&node| self.graph.is_sink(node)).filter_map(named).collect()
    }

    /// The struct of a run's result.
    pub(super) fn outcome(&self) -> TokenStream {
        let sw = &self.sw;
        let (fields, types): (Vec<Ident>, Vec<Ident>) =
            self.yielding().into_iter().map(|(node, name)| (name, format_ident!("Y{node}"))).unzip();
        let report = Ident::new("__report", Span::mixed_site());
        quote! {
            /// What the named sinks of the graph yield, and the books of the run.
            #[derive(Debug)]
            #[allow(dead_code, missing_docs, unreachable_pub)]
            pub struct Outcome<#(#types),*> {
                #(pub #fields: #types,)*
                #report: #sw::Report,
            }
            impl<#(#types),*> #sw::Yielded for Outcome<#(#types),*> {
                fn set_report(&mut self, report: #sw::Report) {
                    self.#report = report;
                }
            }
            #[allow(dead_code, missing_docs, unreachable_pub)]
            impl<#(#types),*> Outcome<#(#types),*> {
                /// How many rows met with which fate, node by node.
                pub fn report(&self) -> &#sw::Report {
                    &self.#report
                }
                /// Panics unless every row that entered a node is accounted for.
                #[track_caller]
                pub fn assert_conserved(&self) {
                    #sw::assert_conserved(&self.#report);
                }
            }
        }
    }

    /// Pass two.
    pub(super) fn machine(&self) -> TokenStream {
        let sw = &self.sw;
        let numbered = || self.order.iter().enumerate().map(|(place, &node)| (place, local("node", node)));
        let validate = numbered().map(|(place, node)| quote!(.and(#node.validate::<#place>())));
        let wake = self.order.iter().enumerate().map(|(place, &number)| {
            let node = local("node", number);
            let room = self.room_behind(number);
            match self.graph.nodes[number].operator {
                Operator::Entrance(circle) => {
                    let ready = self.ready_behind(number);
                    let look = self.look_round(circle, &quote!(#room #ready));
                    quote!(.or({ #look #node.poll_wake::<#place>(turn, || true) }))
                }
                _ => quote!(.or(#node.poll_wake::<#place>(turn, || #room))),
            }
        });
        let clock = numbered().map(|(_, node)| quote!(|| #node.uses_clock()));
        let enter_loop =
            numbered().map(|(_, node)| quote!(#sw::Operator::enters_loop(&mut #node.operator, agenda);));
        let abandon = numbered().map(|(_, node)| quote!(+ #sw::Operator::abandon(&mut #node.operator)));
        let flush = numbered().map(|(place, node)| quote!(.and(#node.poll_flush::<#place>(turn, flush))));
        let idle = numbered().map(|(_, node)| quote!(&& #sw::Operator::idle(&mut #node.operator)));
        let durable = |method: &str, argument: &str| -> TokenStream {
            if self.graph.durable.is_none() {
                let argument = Ident::new(argument, Span::call_site());
                return quote!({ let _ = #argument; #sw::Reply::Ready });
            }
            let each = self.order.iter().enumerate().map(|(place, &number)| {
                let Node { name, span, .. } = &self.graph.nodes[number];
                let node = local_at("node", number, *span);
                let whose = match self.promise(number) {
                    Promise::Saved => "",
                    Promise::Replays => "_source",
                    Promise::Commits => "_sink",
                };
                let method = Ident::new(&format!("{method}{whose}"), mixed(*span));
                // All on the tokens of the node: where it does not do what is asked is reported there.
                let argument = Ident::new(argument, span.resolved_at(Span::call_site()));
                let (mut place, mut called) = (Literal::usize_unsuffixed(place), Literal::string(name));
                place.set_span(mixed(*span));
                called.set_span(mixed(*span));
                let name = (argument == "fields").then(|| quote_spanned!(mixed(*span)=> #called,));
                quote_spanned!(mixed(*span)=> .and(#node.#method::<#place>(#name #argument)))
            });
            quote!(#sw::Reply::Ready #(#each)*)
        };
        let (visit, pre_commit, commit) =
            (durable("visit", "fields"), durable("poll_pre_commit", "turn"), durable("poll_commit", "turn"));
        let gone = self.order.iter().map(|&node| match (self.graph.is_sink(node), local("node", node)) {
            (true, node) => quote!(.and(#node.is_gone_sink())),
            (false, node) => quote!(.and(#node.is_gone_inside())),
        });
        let enter = self.order.iter().map(|&number| {
            let (node, ports) = (local("node", number), local("ports", number));
            quote!(report.enter(&topology, &mut #node, &#ports);)
        });
        let explain = self.order.iter().map(|&number| {
            let (node, ports) = (local("node", number), local("ports", number));
            quote!(explanation.enter(&topology, &mut #node, &#ports);)
        });
        let topology = self.topology();
        let poll = self.sources().enumerate().map(|(source, number)| {
            let place =
                self.order.iter().position(|&other| other == number).expect("every node is in the order");
            let node = local("node", number);
            match self.graph.nodes[number].operator {
                Operator::Entry(port) => {
                    let (io, port) = (io(), syn::Index::from(port));
                    quote!(#source => #sw::Reply::when(!#io.ins.#port.is_empty()),)
                }
                _ => quote!(#source => #node.poll_source::<#place>(turn),),
            }
        });
        let room = self.sources().enumerate().map(|(source, number)| {
            let (clear, ready) = (self.room_behind(number), self.ready_behind(number));
            quote!(#source => #sw::Reply::when(#clear #ready),)
        });
        let fields = self.yielding().into_iter().map(|(node, name)| {
            let node = local("node", node);
            quote!(#name: #sw::Operator::finish(&mut #node.operator))
        });
        let report = Ident::new("__report", Span::mixed_site());
        let run = self.run();
        // On the first node: rustc names the closure by its place, where a graph cannot be sent.
        let first = mixed(self.graph.nodes[self.order[0]].span);
        let command = Ident::new("command", first);
        let ty = quote!(#sw::Command<'_, '_, '_, _>);
        let head = match self.graph.signature {
            Some(_) => {
                let (io, io_type) = (io(), self.io_type());
                quote_spanned!(first=> move |#command: #ty, #io: &mut #io_type|)
            }
            None => quote_spanned!(first=> move |#command: #ty|),
        };
        let result = match self.graph.signature {
            Some(_) => quote!(#sw::Report::default()),
            None => quote!(Outcome { #(#fields,)* #report: #sw::Report::default() }),
        };
        let io_used = self.graph.signature.as_ref().map(|_| {
            let io = io();
            quote!(let _ = &#io;)
        });
        quote! {
            #head {
                #io_used
                match #command {
                    #sw::Command::Validate => #sw::Reply::Ready #(#validate)*,
                    #sw::Command::EnterLoop(agenda) => {
                        let _ = agenda;
                        #(#enter_loop)*
                        #sw::Reply::Ready
                    }
                    #sw::Command::UsesClock => #sw::Reply::when(false #(#clock)*),
                    #sw::Command::Room { source } => match source {
                        #(#room)*
                        _ => #sw::Reply::Pending,
                    },
                    #sw::Command::PollSource { source, turn } => match source {
                        #(#poll)*
                        _ => {
                            let _ = &turn;
                            #sw::Reply::Pending
                        }
                    },
                    #sw::Command::PollWake(turn) => {
                        let _ = &turn;
                        #sw::Reply::Pending #(#wake)*
                    }
                    #sw::Command::Run { source, batch } => { #run }
                    #sw::Command::PollFlush(flush, turn) => #sw::Reply::Ready #(#flush)*,
                    #sw::Command::Abandon(rows) => {
                        *rows += 0 #(#abandon)*;
                        #sw::Reply::Ready
                    }
                    #sw::Command::Fields(fields) => #visit,
                    #sw::Command::PollPreCommit(turn) => #pre_commit,
                    #sw::Command::PollCommit(turn) => #commit,
                    #sw::Command::Gone => #sw::Gone::Nowhere #(#gone)*.into(),
                    #sw::Command::Idle => #sw::Reply::when(true #(#idle)*),
                    #sw::Command::Finish(result) => {
                        *result = ::core::option::Option::Some(#result);
                        #sw::Reply::Ready
                    }
                    #sw::Command::Explain(explanation) => {
                        let topology = #topology;
                        #(#explain)*
                        #sw::Reply::Ready
                    }
                    #sw::Command::Report(report) => {
                        let topology = #topology;
                        #(#enter)*
                        #sw::Reply::Ready
                    }
                }
            }
        }
    }

    /// The queues at the ports of a named graph.
    pub(in crate::graph) fn io_type(&self) -> TokenStream {
        let sw = &self.sw;
        let (inputs, outputs) = (&self.signature().inputs, &self.signature().outputs);
        let queue = |stream: TokenStream| quote!(#sw::Queue<#stream>,);
        let ins = (0..inputs.len()).map(|port| queue(self.input(port)));
        let outs = (0..outputs.len()).map(|port| queue(self.output(port)));
        quote!(#sw::Io<(#(#ins)*), (#(#outs)*)>)
    }

    /// One batch: the stages, sinks first; then the source that was chosen; then the books.
    pub(super) fn run(&self) -> TokenStream {
        let sw = &self.sw;
        let stages = self.order.iter().rev().map(|&node| self.stage(node));
        let wake = self.heads("wake");
        let settle = self.heads("settle");
        let sources = self.sources().enumerate().map(|(source, node)| {
            let stage = local("stage", node);
            quote!(::core::option::Option::Some(#source) => #sw::Reply::from(#stage.run()),)
        });
        quote! {
            #(#stages)*
            #wake
            let reply = match source {
                #(#sources)*
                _ => #sw::Reply::Ready,
            };
            #settle
            reply
        }
    }

    /// Calls `method` of every stage that no other stage owns, in topological order.
    pub(super) fn heads(&self, method: &str) -> TokenStream {
        let sw = &self.sw;
        let method = Ident::new(method, Span::mixed_site());
        self.order
            .iter()
            .filter_map(|&node| {
                let stage = local("stage", node);
                match (self.is_shared(node), self.graph.is_source(node)) {
                    (true, _) => Some(quote!(#sw::Shared::#method(&#stage);)),
                    (false, true) => Some(quote!(#sw::Chain::#method(&mut #stage);)),
                    (false, false) => None,
                }
            })
            .collect()
    }

    /// The stage of a node, with everything attached that stands behind it.
    pub(super) fn stage(&self, number: usize) -> TokenStream {
        let sw = &self.sw;
        let (node, ports, stage) = (local("node", number), local("ports", number), local("stage", number));
        let mut wires = quote!(#sw::Ports::open(#ports));
        let mut cuts = TokenStream::new();
        for first in self.first_of_each_port(number) {
            let port = &first.port;
            let (beyond, arrows): (Vec<TokenStream>, Vec<TokenStream>) =
                self.arrows_from(first).map(|edge| self.behind(edge)).unzip();
            cuts.extend(beyond);
            let behind = tee(sw, &self.fan_name(first), &arrows);
            wires = quote!(#sw::attach(#ports.#port, #wires, #behind));
        }
        if self.leads_nowhere(number) {
            wires = quote!(#sw::attach(#ports.incomplete, #wires, #sw::Nowhere));
        }
        if let Some(default) = self.default().filter(|&default| default != number) {
            let (default, name) = (local("stage", default), &self.graph.nodes[number].name);
            wires = quote!(#sw::OrDefault::or(#wires, #default.port::<1, _>(#sw::on_error::From(#name))));
        }
        let inlet = match self.graph.entering(number).next() {
            Some(edge) if !self.is_shared(number) => {
                let along = local("along", self.number(edge));
                quote!(#along)
            }
            _ => quote!(#sw::NoInput),
        };
        let place = self.place_of(number);
        let at_queue = |at: &str, queues: &str, port: usize| {
            let (at, queues) = (format_ident!("{at}"), Ident::new(queues, Span::mixed_site()));
            let (queue, io, port) = (local("queue", number), io(), syn::Index::from(port));
            (
                quote!(let mut #queue = #sw::#at(&mut #io.#queues.#port);),
                quote!(#node.stage_at::<#place, _, _, _>(&mut #queue, #inlet, #wires, batch)),
            )
        };
        let (queue, built) = match self.graph.nodes[number].operator {
            Operator::Entry(port) => at_queue("EntryAt", "ins", port),
            Operator::Exit(port) => at_queue("ExitAt", "outs", port),
            _ => (TokenStream::new(), quote!(#node.stage::<#place, _, _>(#inlet, #wires, batch))),
        };
        cuts.extend(queue);
        match (self.is_shared(number), self.graph.is_source(number)) {
            (true, _) => quote!(#cuts let #stage = #sw::Shared::new(#built);),
            (false, true) => quote!(#cuts let mut #stage = #built;),
            (false, false) => quote!(#cuts let #stage = #built;),
        }
    }

    /// What stands behind an edge: the stage at its end; where stages nest too deep, the call of a
    /// closure that borrows it, and the statement that it borrows from.
    pub(super) fn behind(&self, edge: &Edge) -> (TokenStream, TokenStream) {
        let sw = &self.sw;
        let stage = local("stage", edge.to);
        let to = if self.is_shared(edge.to) {
            let place = |other: &Edge| std::ptr::eq(other, edge);
            let place = self.graph.entering(edge.to).position(place).expect("it enters the node");
            let place = edge.lane.unwrap_or(place);
            let along = local("along", self.number(edge));
            match self.inlet(edge) {
                Some(inlet) => quote!(#stage.port_at(#inlet, #along)),
                None => quote!(#stage.port::<#place, _>(#along)),
            }
        } else {
            quote!(#stage)
        };
        if self.depth[edge.to] < MAX_DEPTH {
            return (TokenStream::new(), to);
        }
        let (ports, port) = (local("ports", edge.from), &edge.port);
        let beyond = local("beyond", self.number(edge));
        (
            quote!(let mut #beyond = #to;),
            quote!(#sw::cut(#ports.#port, |__signal| #sw::deliver(&mut #beyond, __signal))),
        )
    }
}

/// How deep what stands behind an edge nests, given the depth of the stage at its end.
pub(super) fn cut_depth(depth: usize) -> usize {
    if depth < MAX_DEPTH { depth } else { 1 }
}

/// A balanced fan-out: the order of the arrows, at the least depth.
pub(super) fn tee(sw: &TokenStream, fan: &Ident, arrows: &[TokenStream]) -> TokenStream {
    match arrows {
        [] => quote!(()),
        [arrow] => arrow.clone(),
        _ => {
            let (left, right) = arrows.split_at(arrows.len().div_ceil(2));
            let (left, right) = (tee(sw, fan, left), tee(sw, fan, right));
            quote!(#sw::Tee(#left, #right, #fan))
        }
    }
}
