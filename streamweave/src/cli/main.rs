//! Looks into checkpoints.
//!
//! ```text
//! streamweave list DIR                                 the checkpoints, the oldest first
//! streamweave inspect DIR [--checkpoint N]             what one holds: nodes, fields, types, sizes
//! streamweave verify DIR [--checkpoint N]              reads every byte; exit code 1 where one is damaged
//! streamweave dump DIR [--checkpoint N] [--node NAME]  the state as JSON
//! streamweave diff DIR --from N --to M                 what differs between two, as JSON
//! streamweave drop DIR --node NAME [--checkpoint N]    a new checkpoint without the state of a node
//! ```
//!
//! `N` is a number or the name of a savepoint; without it the newest is meant. JSON goes to stdout, complaints to stderr.

mod json;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde_json::{Map, Value, json};
use streamweave::checkpoint::{Archive, Contents, Kept, Kind, LocalDirectory, Manifest};

use json::to_json;

const USAGE: &str = "usage: streamweave list|inspect|verify|dump|diff|drop DIR [--checkpoint N] [--node NAME] [--from N --to M]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("streamweave: {error}");
            ExitCode::from(2)
        }
    }
}

/// What the command line says.
struct Arguments {
    command: String,
    directory: String,
    flags: BTreeMap<String, String>,
}

impl Arguments {
    fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let (mut words, mut flags) = (Vec::new(), BTreeMap::new());
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name @ ("checkpoint" | "node" | "from" | "to")) => {
                    let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
                    flags.insert(name.to_owned(), value);
                }
                Some(_) => return Err(format!("unknown flag `{argument}`; {USAGE}")),
                None => words.push(argument),
            }
        }
        let [command, directory] = <[String; 2]>::try_from(words).map_err(|_| USAGE.to_owned())?;
        Ok(Arguments { command, directory, flags })
    }

    fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str)
    }

    fn needed(&self, name: &str) -> Result<&str, String> {
        self.flag(name).ok_or_else(|| format!("`{}` needs --{name}", self.command))
    }
}

fn run(arguments: Vec<String>) -> Result<ExitCode, String> {
    let arguments = Arguments::parse(arguments)?;
    if !std::path::Path::new(&arguments.directory).is_dir() {
        return Err(format!("there is no directory `{}`", arguments.directory));
    }
    let mut archive = Archive::in_directory(&arguments.directory).map_err(text)?;
    let checkpoints = archive.checkpoints().map_err(text)?;
    let chosen = |name: Option<&str>| choose(&checkpoints, name);
    match arguments.command.as_str() {
        "list" => list(&checkpoints),
        "inspect" => inspect(&archive, chosen(arguments.flag("checkpoint"))?),
        "verify" => {
            let one = arguments.flag("checkpoint").map(|name| chosen(Some(name))).transpose()?;
            verify(&archive, &one.map_or_else(|| checkpoints.iter().collect(), |one| vec![one]))
        }
        "dump" => {
            let manifest = chosen(arguments.flag("checkpoint"))?;
            print(&dump(&contents(&archive, manifest)?, arguments.flag("node"))?)
        }
        "diff" => {
            let (from, to) =
                (chosen(Some(arguments.needed("from")?))?, chosen(Some(arguments.needed("to")?))?);
            print(&diff(&contents(&archive, from)?, &contents(&archive, to)?))
        }
        "drop" => {
            let (node, manifest) = (arguments.needed("node")?, chosen(arguments.flag("checkpoint"))?);
            if !manifest.nodes.contains(node) {
                return Err(format!("checkpoint {} holds no state of a node `{node}`", manifest.number));
            }
            let storage = LocalDirectory::new(&arguments.directory);
            let published = archive.drop_node(storage, manifest, node).map_err(text)?;
            print(&json!({"checkpoint": published.number, "bytes": published.bytes}))
        }
        other => Err(format!("there is no command `{other}`; {USAGE}")),
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// The checkpoint of this number or name, or the newest.
fn choose<'m>(checkpoints: &'m [Manifest], name: Option<&str>) -> Result<&'m Manifest, String> {
    let is_it = |manifest: &&Manifest| {
        name.is_none_or(|name| {
            manifest.number.to_string() == name || manifest.kind == Kind::Savepoint(name.to_owned())
        })
    };
    checkpoints.iter().rev().find(is_it).ok_or_else(|| match name {
        Some(name) => format!("there is no checkpoint `{name}`"),
        None => "there are no checkpoints".to_owned(),
    })
}

fn contents(archive: &Archive, manifest: &Manifest) -> Result<Contents, String> {
    archive.contents(manifest).map_err(text)
}

/// Writes JSON to stdout; a reader who has gone is no failure.
fn print(value: &Value) -> Result<ExitCode, String> {
    let mut text = serde_json::to_string_pretty(value).map_err(text)?;
    text.push('\n');
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn head(manifest: &Manifest) -> Value {
    let Manifest { number, kind, graph, nodes, ended, batches, cut_at, key_groups, segments, .. } = manifest;
    let (kind, savepoint) = match kind {
        Kind::Periodic => ("periodic", None),
        Kind::Savepoint(name) => ("savepoint", Some(name)),
        Kind::Finished => ("finished", None),
        Kind::Drained => ("drained", None),
    };
    json!({
        "checkpoint": number,
        "kind": kind,
        "savepoint": savepoint,
        "graph": graph,
        "nodes": nodes,
        "ended": ended,
        "batches": batches,
        "cut_at": cut_at.to_string(),
        "key_groups": key_groups,
        "segments": segments.len(),
        "bytes": segments.iter().map(|segment| segment.length).sum::<u64>(),
    })
}

fn list(checkpoints: &[Manifest]) -> Result<ExitCode, String> {
    print(&checkpoints.iter().map(head).collect())
}

fn inspect(archive: &Archive, manifest: &Manifest) -> Result<ExitCode, String> {
    let mut shown = head(manifest);
    let mut nodes = Map::new();
    for (node, fields) in contents(archive, manifest)? {
        let fields = fields.into_iter().map(|(field, kept)| {
            let size = match kept {
                Kept::Value(bytes) => json!({"bytes": bytes.len()}),
                Kept::Map(entries) => json!({
                    "entries": entries.len(),
                    "bytes": entries.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>(),
                }),
            };
            (field, size)
        });
        nodes.insert(node, Value::Object(fields.collect()));
    }
    shown["state"] = Value::Object(nodes);
    print(&shown)
}

fn verify(archive: &Archive, checkpoints: &[&Manifest]) -> Result<ExitCode, String> {
    let mut code = ExitCode::SUCCESS;
    let mut verdicts = Vec::new();
    for manifest in checkpoints {
        let verdict = match archive.verify(manifest) {
            Ok(()) => Value::Null,
            Err(error) => {
                code = ExitCode::FAILURE;
                error.to_string().into()
            }
        };
        verdicts.push(json!({"checkpoint": manifest.number, "damage": verdict}));
    }
    print(&Value::Array(verdicts))?;
    Ok(code)
}

fn dump(contents: &Contents, node: Option<&str>) -> Result<Value, String> {
    if let Some(node) = node.filter(|node| !contents.contains_key(*node)) {
        return Err(format!("there is no state of a node `{node}`"));
    }
    let nodes = contents.iter().filter(|(name, _)| node.is_none_or(|node| node == *name));
    let shown = nodes.map(|(name, fields)| {
        let fields = fields.iter().map(|(field, kept)| (field.clone(), show(kept)));
        (name.clone(), Value::Object(fields.collect()))
    });
    Ok(Value::Object(shown.collect()))
}

/// A map is a list of keys and values: its keys need not be texts.
fn show(kept: &Kept) -> Value {
    match kept {
        Kept::Value(bytes) => to_json(bytes),
        Kept::Map(entries) => {
            entries.iter().map(|(key, value)| json!({"key": to_json(key), "value": to_json(value)})).collect()
        }
    }
}

fn diff(from: &Contents, to: &Contents) -> Value {
    let fields = |contents: &Contents| -> BTreeMap<(String, String), Kept> {
        let all = contents.iter().flat_map(|(node, fields)| {
            fields.iter().map(|(field, kept)| ((node.clone(), field.clone()), kept.clone()))
        });
        all.collect()
    };
    let (from, to) = (fields(from), fields(to));
    let mut shown = Vec::new();
    for at in from.keys().chain(to.keys().filter(|at| !from.contains_key(*at))) {
        let (before, after) = (from.get(at), to.get(at));
        if before == after {
            continue;
        }
        let mut change = json!({"node": at.0, "field": at.1});
        match (before, after) {
            (Some(Kept::Map(before)), Some(Kept::Map(after))) => {
                let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    (before.iter().cloned().collect(), after.iter().cloned().collect());
                let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
                let changed = keys.filter(|key| before.get(*key) != after.get(*key)).map(|key| {
                    let show = |value: Option<&Vec<u8>>| value.map_or(Value::Null, |value| to_json(value));
                    json!({"key": to_json(key), "from": show(before.get(key)), "to": show(after.get(key))})
                });
                let changed: Vec<Value> = changed.collect();
                if changed.is_empty() {
                    // The same entries in another order.
                    continue;
                }
                change["entries"] = changed.into();
            }
            _ => {
                change["from"] = before.map_or(Value::Null, show);
                change["to"] = after.map_or(Value::Null, show);
            }
        }
        shown.push(change);
    }
    Value::Array(shown)
}
