//! A `macro_rules!` of the user's that expands to a graph, with its own names and the caller's.

use streamweave::prelude::*;

macro_rules! through {
    ($rows:expr, $operator:expr) => {
        graph! {
            rows = from_iter($rows);
            rows -> $operator -> all;
            all = collect();
        }
    };
}

macro_rules! chain {
    ($name:ident = $rows:expr; $($stage:ident($($argument:expr),*)),+ => $sink:ident) => {
        graph! {
            $name = from_iter($rows);
            $name $(-> $stage($($argument),*))+ -> $sink;
            $sink = collect();
        }
    };
}

fn main() {
    let all = 2_u64;
    let _ = through!([1_u64, 2], map(|n| n * all));
    let _ = chain!(numbers = [1_u64, 2]; map(|n| n + all), filter(|n| n % 2 == 0) => even);
}
