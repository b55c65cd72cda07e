//! What the documentation of a node says of its ports.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ReturnType;

use super::model::{Node, Shape};

/// A type as a user would write it.
pub(super) fn written(ty: &impl ToTokens) -> String {
    let text = ty.to_token_stream().to_string();
    let closed = [
        (" :: ", "::"),
        (" < ", "<"),
        (" >", ">"),
        ("< ", "<"),
        (" ,", ","),
        ("& ", "&"),
        ("' ", "'"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
    ];
    closed.iter().fold(text, |text, (from, to)| text.replace(from, to)).replace(",(", ", (")
}

/// A list of the ports of a function node, for its documentation.
pub(super) fn ports(node: &Node) -> TokenStream {
    let input = written(&node.input);
    let borrowed = if node.by_ref { "&" } else { "" };
    let mut lines =
        vec![String::new(), "# Ports".to_owned(), String::new(), format!("- input: `{borrowed}{input}`")];
    if node.outs.is_empty() {
        lines.extend(outputs(node));
    } else {
        lines
            .extend(node.outs.iter().map(|out| format!("- output `{}`: `{}`", out.name, written(&out.item))));
    }
    let doc = lines.join("\n");
    quote!(#[doc = #doc])
}

/// The outputs of a node that returns what it makes.
fn outputs(node: &Node) -> Vec<String> {
    let output = match &node.function.sig.output {
        ReturnType::Default => "()".to_owned(),
        ReturnType::Type(_, output) => written(output),
    };
    match node.shape {
        Shape::Map => vec![format!("- output `out`: `{output}`")],
        Shape::FilterMap => vec![format!("- output `out`: what is in the `{output}`")],
        Shape::FlatMap => match &node.items {
            Some(item) => vec![format!("- output `out`: `{}`, any number a row", written(item))],
            None => vec![format!("- output `out`: the items of the `{output}`")],
        },
        Shape::TryMap => vec![
            format!("- output `out`: what is in the `Ok` of `{output}`"),
            "- output `err`: what is in its `Err`, in a `Failed`".to_owned(),
        ],
    }
}
