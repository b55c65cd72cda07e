//! What rustc prints for each case, word for word: `ui/<subject>/*.stderr`.
//!
//! After a change of wording write the files anew and read the difference:
//! `TRYBUILD=overwrite cargo test -p streamweave-ui-tests --test words`.

#[test]
fn mistakes_are_reported_in_these_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*/*.rs");
    cases.pass("pass/*.rs");
}
