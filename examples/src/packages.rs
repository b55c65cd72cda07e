//! Packages and what they need: `package<TAB>needs`, a line each.

use std::collections::HashMap;

use streamweave::lines;
use streamweave::prelude::*;

/// Names as numbers, which are smaller and compare faster.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// The number of a name, a new one where it is new.
    ///
    /// # Panics
    ///
    /// With more than 2^32 names.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }

    /// The name with a number.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// All names, by number.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// The edges of a file, in its order, each as often as it stands there; a line that is none is reported on stderr.
///
/// # Errors
///
/// A file that cannot be read.
pub async fn edges(path: &str, names: &mut Names) -> Result<Vec<(u32, u32)>, streamweave::Error> {
    let file = graph! {
        text = lines::read(path);
        read = map(Ok);
        bad  = map(|bad: streamweave::format::Malformed| Err(bad.reason));
        text -> read;
        text.err -> bad;
        [read, bad] -> lines;
        lines = collect();
    }
    .run()
    .await?;
    let mut edges = Vec::new();
    for (number, line) in (1..).zip(file.lines) {
        match line.and_then(|line| edge(&line, names)) {
            Ok(edge) => edges.extend(edge),
            Err(reason) => eprintln!("{path}:{number}: {reason}: skipped"),
        }
    }
    Ok(edges)
}

/// The edge of a line; none where it is blank.
fn edge(line: &str, names: &mut Names) -> Result<Option<(u32, u32)>, String> {
    match line.split_once('\t') {
        None if line.trim().is_empty() => Ok(None),
        Some((package, needs)) if !package.is_empty() && !needs.is_empty() && !needs.contains('\t') => {
            Ok(Some((names.number(package), names.number(needs))))
        }
        _ => Err(format!("expected `package<TAB>needs`, found `{line}`")),
    }
}
