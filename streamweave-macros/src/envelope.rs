//! Which declared types are envelopes: what a node or a port says that it takes.

use syn::Type;

/// Whether a type is written as `Timed<..>` or `Update<..>`: the envelope is seen, not the value alone.
pub(crate) fn is_seen(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "Timed" || last.ident == "Update")
}
