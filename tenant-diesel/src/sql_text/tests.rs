//! Texts that are easy to split in the wrong place.

use super::*;
use proptest::prelude::*;

fn texts(sql: &str) -> Vec<&str> {
    split(sql).iter().map(|statement| statement.text).collect()
}

/// Statements that have a semicolon, or what looks like a quote, where it is none.
const GOOD: &[&str] = &[
    "SELECT 1",
    "SELECT 'a;b', 'it''s; fine'",
    r"SELECT E'it\'s; \\', 'no escape \', ';'",
    "SELECT E'one'\n  'two\\'; three'",
    "SELECT E'one' -- a comment; '\n 'two\\'; ' \r\n'three\\''",
    "SELECT 'one'\n'two\\', ';'",
    "SELECT U&'d\\0061;' UESCAPE '!', U&\"d;\\0061\", N';', B'1', X'1f'",
    "SELECT 1 AS \"a;\"\"b\"",
    "DO $$ BEGIN PERFORM 1; END $$",
    "DO $tag$ BEGIN; $$ ; $other$ ; $ta$tag$",
    "DO $été$ a; $été$",
    "SELECT a$b$c, $1, b$$d FROM t",
    "SELECT 1 /* a; /* nested; */ still; */ + 1",
    "SELECT 1 -- a; b 'c\n+ 1",
    "SELECT 2 -/* ; */-1, 1*/* ; */2",
    "SELECT '/*', ';', '--', ';'",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)",
    "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a > 1 THEN CASE a WHEN 2 THEN 3 END ELSE 4 END; END",
    "create or replace procedure p() begin /* x */ atomic insert into t values (1); end",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC; SELECT t.end, 1 AS end, 2 AS \"end\" FROM t; END",
    "BEGIN",
    "END",
    "CREATE TABLE atomic (\"begin\" int, \"case\" int)",
    "SELECT CASE WHEN true THEN 1 END",
    "ä = 'ö'",
];

#[test]
fn statements_that_are_joined_come_back() {
    for separator in [";", ";\n", " ;; \n; -- c;\n", "\n/* ; */;/* ' */"] {
        assert_eq!(texts(&GOOD.join(separator)), GOOD, "{separator:?}");
    }
}

#[test]
fn each_alone_is_one_statement() {
    for good in GOOD {
        assert_eq!(texts(good), [*good]);
        assert_eq!(texts(&format!("-- before\n;{good} -- after")), [*good]);
    }
}

#[test]
fn what_holds_no_statement_has_none() {
    for empty in [
        "",
        ";;",
        "-- only; a comment",
        "/* not ended ;",
        " \n\t",
        "\u{feff}",
    ] {
        assert_eq!(texts(empty), [""; 0], "{empty:?}");
    }
}

#[test]
fn what_is_not_closed_goes_to_the_end() {
    for open in [
        "SELECT 'a; b",
        "SELECT (1; 2",
        "DO $a$ ; $b$",
        "SELECT \"a; b",
        "SELECT E'\\';",
    ] {
        assert_eq!(texts(open), [open]);
    }
    assert_eq!(texts("SELECT 1); SELECT 2"), ["SELECT 1)", "SELECT 2"]);
}

#[test]
fn a_statement_knows_its_line_and_column_in_characters() {
    let sql = "\u{feff}-- größer\nSELECT 'é';  SELECT\n 2;\r\n\n  SELECT 3";
    let places: Vec<_> = split(sql)
        .iter()
        .map(|statement| (statement.line, statement.column))
        .collect();
    assert_eq!(places, [(2, 1), (2, 14), (5, 3)]);
    for statement in split(sql) {
        assert_eq!(&sql[statement.offset..statement.end()], statement.text);
    }
}

#[test]
fn the_position_of_an_error_leads_to_its_statement() {
    let sql = "SELECT 'é';\n-- a comment\nSELECT nothing\n  FROM nowhere; ";
    let nowhere = sql.chars().count() - "nowhere; ".len() + 1;
    let located = statement_at(sql, nowhere).unwrap();
    assert_eq!(located.statement.text, "SELECT nothing\n  FROM nowhere");
    assert_eq!(located.position, Position { line: 4, column: 8 });
    let alone = located.statement.position("SELECT nothing\n  FROM ".len() + 1);
    assert_eq!(alone, located.position);
    // Between two, at the ends, and beyond them.
    assert_eq!(statement_at(sql, 13).unwrap().statement.line, 3);
    assert_eq!(statement_at(sql, 1).unwrap().statement.line, 1);
    assert_eq!(statement_at(sql, 0).unwrap().position, Position::START);
    assert_eq!(statement_at(sql, 9999).unwrap().statement.line, 3);
    assert_eq!(statement_at("-- nothing", 3), None);
}

#[test]
fn names_and_strings_are_read_as_the_server_does() {
    let tokens = significant("Public.\"Pla\"\"ns\" 'it''s' $a$x'y$a$ E'x' E'\\x' U&\"public\"");
    let names: Vec<_> = tokens.iter().filter_map(Token::name).collect();
    assert_eq!(names, ["public", "Pla\"ns"]);
    let strings: Vec<_> = tokens.iter().filter_map(Token::string).collect();
    assert_eq!(strings, ["it's", "x'y", "x"]);
    let verbatim: Vec<_> = tokens.iter().filter_map(Token::verbatim).collect();
    assert_eq!(verbatim, [("x'y", 28)]);
    // A quote that is not closed, and one that is its own end.
    for open in ["'", "\"", "$$", "$a$", "$a$x$b$"] {
        let token = significant(open)[0];
        assert_eq!((token.name(), token.string()), (None, None), "{open}");
    }
}

/// Pieces that mean something to a lexer, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        ";",
        "'",
        "\"",
        "$$",
        "$a$",
        "E'",
        "U&\"",
        "\\",
        "--",
        "/*",
        "*/",
        "\n",
        "\r",
        "(",
        ")",
        " ",
        "begin",
        "atomic",
        "end",
        "case",
        "create function f()",
        ".",
        "as",
        "é",
        "\0",
        "\u{feff}",
        "1",
        "x",
        "$",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn is_whole(sql: &str) {
    assert_eq!(
        tokens(sql).iter().map(|token| token.text).collect::<String>(),
        sql
    );
    let mut rejoined = String::new();
    for statement in split(sql) {
        let gap = &sql[rejoined.len()..statement.offset];
        assert!(
            tokens(gap)
                .iter()
                .all(|token| !token.is_significant() || token.kind == Kind::Semicolon)
        );
        assert!(!statement.text.is_empty());
        rejoined = rejoined + gap + statement.text;
    }
    assert!(sql.starts_with(&rejoined));
    assert!(split(&sql[rejoined.len()..]).is_empty(), "{sql:?}");
    for position in 0..sql.chars().count() + 2 {
        if let Some(located) = statement_at(sql, position) {
            assert!(located.position.line <= sql.lines().count() + 1);
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_of_any_text(sql in any::<String>()) {
        is_whole(&sql);
    }

    #[test]
    fn nothing_is_lost_of_texts_full_of_quotes(sql in pieces()) {
        is_whole(&sql);
    }

    #[test]
    fn good_statements_in_any_order_come_back(chosen in prop::collection::vec(prop::sample::select(GOOD), 0..8)) {
        assert_eq!(texts(&chosen.join(";\n")), chosen);
    }
}
