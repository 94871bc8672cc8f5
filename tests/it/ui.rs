//! Programs that must not compile, with what the compiler says of them. `TRYBUILD=overwrite` blesses.

#[test]
fn misuse_is_refused_by_the_compiler_in_words_that_help() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
