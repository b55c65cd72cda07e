//! What the graph says of itself: its nodes and edges, and what is behind which.

use proc_macro2::TokenStream;
use quote::quote;

use super::super::ir::Operator;
use super::{Expansion, local};

impl<'a> Expansion<'a> {
    pub(super) fn topology(&self) -> TokenStream {
        let sw = &self.sw;
        let nodes = self.order.iter().map(|&node| {
            let name = &self.graph.nodes[node].name;
            let is_source = self.graph.is_source(node);
            let was = &self.graph.nodes[node].was;
            quote!(#sw::NodeInfo { name: #name, is_source: #is_source, was: &[#(#was),*] })
        });
        let place =
            |node| self.order.iter().position(|&other| other == node).expect("every node is in the order");
        let edges = self.order.iter().flat_map(|&node| self.graph.leaving(node)).map(|edge| {
            let (from, port, to) = (place(edge.from), edge.port.to_string(), place(edge.to));
            quote!(#sw::EdgeInfo { from: #from, port: #port, to: #to, by_default: false })
        });
        let has_err = |node: usize| self.graph.leaving(node).any(|edge| edge.port == "err");
        let defaults = self.default().into_iter().flat_map(|default| {
            let to = place(default);
            self.order.iter().filter(move |&&node| node != default && !has_err(node)).map(move |&node| {
                let from = place(node);
                quote!(#sw::EdgeInfo { from: #from, port: "err", to: #to, by_default: true })
            })
        });
        let name = match &self.graph.signature {
            Some(signature) => {
                let name = signature.name.to_string();
                quote!(::core::option::Option::Some(#name))
            }
            None => quote!(::core::option::Option::None),
        };
        quote! {
            const {
                #sw::Topology {
                    name: #name,
                    nodes: &[#(#nodes),*],
                    edges: &[#(#edges,)* #(#defaults),*],
                }
            }
        }
    }

    /// The input ports that rows of a node reach, each as a node and what gives the number of its port.
    pub(super) fn reached_ports(&self, from: usize) -> Vec<(usize, TokenStream)> {
        let mut reached = vec![from];
        let mut ports = Vec::new();
        for &node in self.order {
            for (place, edge) in self.graph.entering(node).enumerate() {
                let port = edge.lane.unwrap_or(place);
                let waits =
                    edge.from != from && matches!(self.graph.nodes[edge.from].operator, Operator::Buffer(_));
                if reached.contains(&edge.from) && !waits {
                    let number = self.inlet(edge).map(|inlet| quote!(#inlet.number()));
                    ports.push((node, number.unwrap_or_else(|| quote!(#port))));
                    if !reached.contains(&node) {
                        reached.push(node);
                    }
                }
            }
        }
        ports
    }

    /// And whether every node that rows of a node reach is ready.
    pub(super) fn ready_behind(&self, from: usize) -> TokenStream {
        let sw = &self.sw;
        let reached = self.reached_ports(from);
        // What comes to a node from one source by several ways the node has to take: were one port held
        // until the other has been fed, neither would ever be.
        let several = |node: usize| reached.iter().filter(|(other, _)| *other == node).count() > 1;
        let ready = reached.iter().filter(|(node, _)| !several(*node)).map(|(node, port)| {
            let node = local("node", *node);
            quote!(#sw::Operator::ready(&mut #node.operator, #port))
        });
        quote!(#(&& #ready)*)
    }

    /// Whether everything that rows of a node reach has been brought out: its room for more.
    pub(super) fn room_behind(&self, from: usize) -> TokenStream {
        let mut reached: Vec<usize> = self.reached_ports(from).into_iter().map(|(node, _)| node).collect();
        reached.extend(self.default());
        reached.sort_unstable();
        reached.dedup();
        reached.retain(|node| *node != from);
        // A node with outputs that keeps rows for the outside, too, is not `ready`.
        reached.retain(|node| self.graph.leaving(*node).next().is_none());
        let clear = reached.into_iter().map(|node| {
            let node = local("node", node);
            quote!(&& #node.is_clear())
        });
        quote!(true #(#clear)*)
    }
}
