//! How often each word stands in a text: `word_count FILE`, where `-` is stdin.
//!
//! A line that is not UTF-8 is reported on stderr with its number, and skipped.

use std::process::ExitCode;

use streamweave::io::read::Input;
use streamweave::lines;
use streamweave::prelude::*;
use streamweave_examples::{Arguments, ctrl_c, failed};

async fn word_count(input: Input) -> Result<(), streamweave::Error> {
    // The words of a line are borrowed from it: each is owned once, when it is new.
    let counted = graph! {
        text = lines::read(input);
        text -> flat_map_ref(TextTally::new(), |line, words| {
            for word in line.split_whitespace() {
                words.add(word);
            }
        }) -> counts;
        text.err -> for_each(|bad| eprintln!("line {} skipped: {}", bad.line, bad.reason));
        counts = collect();
    }
    .run_until(ctrl_c())
    .await?;

    let mut counts = counted.counts;
    counts.sort_unstable();

    graph! {
        counts = from_iter(counts);
        counts -> map(|(word, count)| format!("{word}\t{count}")) -> lines::write(stdout());
    }
    .run_until(ctrl_c())
    .await?;
    Ok(())
}

fn arguments() -> Result<Input, String> {
    let mut arguments = Arguments::of_process()?;
    let file = arguments.positional().ok_or("expected a file, or `-` for stdin")?;
    arguments.done()?;
    Ok(if file == "-" { stdin() } else { Input::from(file) })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let input = match arguments() {
        Ok(input) => input,
        Err(error) => return failed("word_count FILE", error),
    };
    match word_count(input).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("word_count", error),
    }
}
