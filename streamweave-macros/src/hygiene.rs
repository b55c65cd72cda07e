//! The path of the library, by the name that the crate at hand has for it.
//!
//! `graph!` learns it from `$crate`. An attribute cannot, so `#[node]` looks into the manifest.

use std::path::Path;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

const PACKAGE: &str = "streamweave";

/// The path of the library.
pub(crate) fn library() -> TokenStream {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|folder| std::fs::read_to_string(Path::new(&folder).join("Cargo.toml")).ok());
    let name = manifest.as_deref().and_then(renamed).unwrap_or_else(|| PACKAGE.to_owned());
    let name = Ident::new(&name, Span::call_site());
    quote!(::#name)
}

/// The name that a manifest gives the library, where it is another: `name = { package = .. }`, or
/// `package = ..` in a section `[dependencies.name]`.
fn renamed(manifest: &str) -> Option<String> {
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = header;
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        if key == "package" && value == format!("\"{PACKAGE}\"") {
            let name = section.rsplit_once("dependencies.").map(|(_, name)| name);
            return name.map(in_code);
        }
        if section.ends_with("dependencies") && names_package(value) {
            return Some(in_code(key));
        }
    }
    None
}

/// Whether `{ .., package = "streamweave", .. }`.
fn names_package(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("package") else { return false };
    rest.trim_start()
        .strip_prefix('=')
        .is_some_and(|rest| rest.trim_start().starts_with(&format!("\"{PACKAGE}\"")))
}

/// A dependency's name as code writes it.
fn in_code(name: &str) -> String {
    name.trim_matches('"').replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn the_name_in_the_manifest_is_found() {
        let inline =
            "[dependencies]\ntokio = \"1\"\nmy-weave = { version = \"1\", package = \"streamweave\" }\n";
        assert_eq!(renamed(inline).as_deref(), Some("my_weave"));
        let section = "[dev-dependencies.weave]\npackage = \"streamweave\"\npath = \"..\"\n";
        assert_eq!(renamed(section).as_deref(), Some("weave"));
    }

    #[test]
    fn without_another_name_there_is_none() {
        let plain = "[package]\nname = \"streamweave\"\n[dependencies]\nstreamweave = { path = \"..\" }\nother = { package = \"others\" }\n";
        assert_eq!(renamed(plain), None);
    }
}
