//! What stands for an edge: what it is called, where it comes from, and how it fans out.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

use super::super::ir::{Edge, Operator};
use super::{Expansion, local, local_at, mixed};

impl<'a> Expansion<'a> {
    /// The witness of where an arrow starts.
    pub(super) fn origin(&self, edge: &Edge) -> TokenStream {
        let port = &edge.port;
        // Both tokens on the user's: a port that is not there is reported where it is named.
        let ports = local_at("ports", edge.from, port.span());
        quote!(#ports.#port)
    }

    /// The number of an edge.
    pub(super) fn number(&self, edge: &Edge) -> usize {
        self.graph
            .edges
            .iter()
            .position(|other| std::ptr::eq(other, edge))
            .expect("it is an edge of the graph")
    }

    /// The witness of where an arrow ends.
    ///
    /// The one local that is the user's by its hygiene, too: what is wrong with an argument rustc
    /// shows on a token of the same macro as the call, or else on the whole graph.
    pub(super) fn end_name(&self, edge: &Edge) -> Ident {
        Ident::new(&format!("__end{}", self.number(edge)), edge.to_span)
    }

    pub(super) fn slot_name(&self, edge: &Edge) -> Ident {
        local_at("slot", self.number(edge), edge.to_span)
    }

    /// Checks what may flow along an edge: gives the witness of its end, and how rows get there.
    pub(super) fn edge(&self, edge: &Edge) -> TokenStream {
        let sw = &self.sw;
        let (slot, along) = (self.slot_name(edge), local("along", self.number(edge)));
        let end = self.end_name(edge);
        let origin = self.origin(edge);
        let message = match self.graph.nodes[edge.to].operator {
            Operator::Merge => format!(
                "`{}` carries `{{Self}}`, but the streams beside it in this list carry `{{To}}`",
                edge.from_words
            ),
            _ => {
                format!("`{}` carries `{{Self}}`, but `{}` takes `{{To}}`", edge.from_words, edge.to_words)
            }
        };
        let note =
            "to change the value on its way put `map(|x| ..)` between the two, to key it `key_by(|x| ..)`";
        let (from, to) = (&edge.from_words, &edge.to_words);
        let time_message =
            format!("`{from}` carries rows with the time `{{Self}}`, but `{to}` takes the time `{{To}}`");
        let time_label = "the time is missing or of another kind along this edge";
        let time_note = "`()` is no time: between the two put `event_time(|row| .., bounded(..))`, which reads it from the \
            data, `epochs(..)`, which numbers the input, or `from_start()`, which says that all of it is there at \
            the first time; `untimed()` drops a time";
        // What an operator takes is known once its mode is; until then neither implementation is chosen.
        let modes = [quote!(#sw::ByValue), quote!(#sw::ByRef)];
        let diff_message =
            format!("`{from}` carries rows with the diff `{{Self}}`, but `{to}` takes the diff `{{To}}`");
        let diff_label = "a stream of changes cannot flow where rows are only ever added";
        let diff_note = "`()` stands for rows that are only ever added, a number for changes: this node cannot take back \
            what it was given; put it before `to_changes()`, or make a row of each change with `to_log()`";
        let check = Ident::new("along_this_edge", mixed(edge.port.span()));
        let witness = Ident::new("origin", mixed(edge.to_span));
        let at_end = self.library_at(edge.to_span);
        let slot_and_end = match self.inlet(edge) {
            Some(inlet) => quote_spanned!(mixed(edge.to_span)=> #at_end::end_at(#inlet)),
            None => quote_spanned!(mixed(edge.to_span)=> #at_end::end()),
        };
        let row = Ident::new("row", mixed(edge.to_span));
        let frontier = Ident::new("frontier", mixed(edge.to_span));
        let call = quote_spanned!(mixed(edge.to_span)=> #check(#row, #slot));
        let frontier_check = Ident::new("along_this_edge", mixed(edge.to_span));
        let frontier_call = quote_spanned!(mixed(edge.to_span)=> #frontier_check(#frontier, #witness, #slot));
        quote! {
            let #witness = #origin;
            let (#slot, #end) = #slot_and_end;
            let #along = {
                #[diagnostic::on_unimplemented(message = #message, label = "type mismatch along this edge", note = #note)]
                trait Flows<To: ?::core::marker::Sized, Mode>: ::core::marker::Sized {
                    type Arrives;
                    fn arrive(self) -> Self::Arrives;
                }
                impl<D> Flows<D, #sw::ByValue> for D {
                    type Arrives = D;
                    #[inline(always)]
                    fn arrive(self) -> D {
                        self
                    }
                }
                #[diagnostic::do_not_recommend]
                impl<D: ::core::borrow::Borrow<A>, A: ?::core::marker::Sized> Flows<A, #sw::ByRef> for D {
                    type Arrives = #sw::Lent<D, A>;
                    #[inline(always)]
                    fn arrive(self) -> #sw::Lent<D, A> {
                        #sw::Lent::new(self)
                    }
                }
                #[diagnostic::on_unimplemented(message = #time_message, label = #time_label, note = #time_note)]
                trait FlowsInTime<To: #sw::Timestamp, Mode>: #sw::FlowsAsTime<To> {}
                #(
                    #[diagnostic::do_not_recommend]
                    impl<T: #sw::FlowsAsTime<U>, U: #sw::Timestamp> FlowsInTime<U, #modes> for T {}
                )*
                #[diagnostic::on_unimplemented(message = #diff_message, label = #diff_label, note = #diff_note)]
                trait FlowsWithDiff<To, Mode>: #sw::FlowsAsDiff<To> {}
                #(
                    #[diagnostic::do_not_recommend]
                    impl<R: #sw::FlowsAsDiff<Q>, Q> FlowsWithDiff<Q, #modes> for R {}
                )*
                #[inline(always)]
                fn #check<D, T, R, S: #sw::Slot>(
                    row: #sw::Update<D, T, R>,
                    _slot: ::core::marker::PhantomData<S>,
                ) -> #sw::Update<S::Arrives, S::Time, S::Diff>
                where
                    D: Flows<S::Takes, S::Mode, Arrives = S::Arrives>,
                    T: FlowsInTime<S::Time, S::Mode>,
                    R: FlowsWithDiff<S::Diff, S::Mode>,
                {
                    #sw::Update {
                        data: Flows::arrive(row.data),
                        time: #sw::FlowsAsTime::time(row.time),
                        diff: #sw::FlowsAsDiff::diff(row.diff),
                    }
                }
                // The checks stand in the bodies of closures: what is reported there is reported once.
                #sw::along(#witness, #slot, move |#row| #call, move |#frontier| {
                    // Of the same name and on the same tokens: what is said of both is said once.
                    #[inline(always)]
                    fn #frontier_check<I, D, T, R, S: #sw::Slot>(
                        frontier: #sw::Frontier<T>,
                        _origin: #sw::Origin<I, D, T, R>,
                        _slot: ::core::marker::PhantomData<S>,
                    ) -> #sw::Frontier<S::Time>
                    where
                        T: FlowsInTime<S::Time, S::Mode>,
                    {
                        #sw::FlowsAsTime::frontier(frontier)
                    }
                    #frontier_call
                })
            };
        }
    }

    /// How a port's rows go along several arrows.
    pub(super) fn fan(&self, first: &Edge) -> TokenStream {
        let Some(second) = self.arrows_from(first).nth(1) else { return TokenStream::new() };
        let origin = self.origin(second);
        let span = second.port.span();
        let sw = self.library_at(span);
        let fan = self.fan_name(first);
        let witness = Ident::new("origin", mixed(span));
        let row = Ident::new("row", mixed(span));
        let duplicate = Ident::new("duplicate", mixed(span));
        quote_spanned!(mixed(span)=> let #witness = #origin; let #fan = { use #sw::duplicate; #sw::fan(#witness, |#row| #duplicate(#row)) };)
    }

    pub(super) fn fan_name(&self, edge: &Edge) -> Ident {
        {
            use syn::ext::IdentExt;
            Ident::new(&format!("__fan{}_{}", edge.from, edge.port.unraw()), Span::mixed_site())
        }
    }

    /// The arrows that leave the same port as this one, in the order in which they are written.
    pub(super) fn arrows_from(&self, edge: &Edge) -> impl Iterator<Item = &Edge> {
        self.graph.leaving(edge.from).filter(|other| other.port == edge.port)
    }

    /// One edge for each port that arrows leave, in the order in which they are written.
    pub(super) fn first_of_each_port(&self, node: usize) -> Vec<&Edge> {
        let mut first: Vec<&Edge> = Vec::new();
        for edge in self.graph.leaving(node) {
            if !first.iter().any(|other| other.port == edge.port) {
                first.push(edge);
            }
        }
        first
    }
}
