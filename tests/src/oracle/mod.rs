//! Naive reference answers ("oracles") for the `flight_board` and `word_count`
//! programs and the `nexmark` queries, and deterministic generators of hostile
//! inputs for the first two.
//!
//! Everything here favours being obviously right over being fast: the whole
//! input is held in memory and the answer is computed from all rows at once.

mod board;
mod calendar;
mod generate;
mod nexmark;
#[cfg(test)]
mod tests;
mod words;

pub use board::{Asked, Board, flight_board, flight_board_of};
pub use generate::{flights_csv, flights_csv_multiline, text};
pub use nexmark::Tables;
pub use words::word_count;
