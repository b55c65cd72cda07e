//! A node works on types that are as private as itself, in a module and beside a method.

use streamweave::prelude::*;

mod parsing {
    use streamweave::prelude::*;

    #[derive(Clone, Debug)]
    pub(crate) struct Row(pub(crate) u64);

    #[derive(Debug)]
    pub(crate) struct Broken;

    #[node]
    pub(crate) fn parse(line: &str) -> Result<Row, Broken> {
        line.parse().map(Row).map_err(|_| Broken)
    }

    #[node]
    pub(super) fn heavy(row: Row, #[param] limit: u64) -> Option<Row> {
        (row.0 > limit).then_some(row)
    }
}

struct Job {
    limit: u64,
}

impl Job {
    fn start(&self) {
        #[derive(Debug)]
        struct Tonnes(u64);

        #[node]
        fn tonnes(row: parsing::Row) -> Tonnes {
            Tonnes(row.0 / 1_000)
        }

        let _ = graph! {
            lines = from_iter(["1200", "x"]);
            parsed = parsing::parse();
            lines -> parsed -> parsing::heavy(self.limit) -> tonnes -> map(|tonnes| tonnes.0) -> all;
            parsed.err -> discard;
            all = collect();
        };
    }
}

fn main() {
    Job { limit: 1_000 }.start();
}
