//! Which functions a query calls: those of PostgreSQL that leave a session as it was, or others.
//!
//! A function that somebody wrote may set a role or make a temporary table, and its text is on the server.
//! So a query that calls one counts as having changed the session.

/// Functions of PostgreSQL that applications call often and that change nothing of a session. One that is
/// not listed costs a reset at the next checkout, in the message that sets the path.
const HARMLESS: &[&str] = &[
    "abs",
    "age",
    "array_agg",
    "array_append",
    "array_length",
    "array_position",
    "array_remove",
    "array_to_string",
    "ascii",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "btrim",
    "cardinality",
    "ceil",
    "ceiling",
    "char_length",
    "chr",
    "clock_timestamp",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "current_schema",
    "current_setting",
    "currval",
    "date",
    "date_part",
    "date_trunc",
    "decode",
    "dense_rank",
    "div",
    "encode",
    "every",
    "exp",
    "extract",
    "first_value",
    "floor",
    "format",
    "gen_random_uuid",
    "generate_series",
    "greatest",
    "host",
    "initcap",
    "isfinite",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_each",
    "jsonb_extract_path",
    "jsonb_object_agg",
    "jsonb_set",
    "jsonb_typeof",
    "lag",
    "last_value",
    "lastval",
    "lead",
    "least",
    "left",
    "length",
    "ln",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "make_timestamp",
    "max",
    "md5",
    "min",
    "mod",
    "mode",
    "nextval",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "overlaps",
    "overlay",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_backend_pid",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
    "phraseto_tsquery",
    "plainto_tsquery",
    "position",
    "power",
    "random",
    "rank",
    "regexp_match",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "row_to_json",
    "rpad",
    "rtrim",
    "sha256",
    "sign",
    "split_part",
    "sqrt",
    "statement_timestamp",
    "stddev",
    "string_agg",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "sum",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "transaction_timestamp",
    "translate",
    "trim",
    "trunc",
    "ts_headline",
    "ts_rank",
    "ts_rank_cd",
    "unnest",
    "upper",
    "variance",
    "websearch_to_tsquery",
    "width_bucket",
];

/// Words of the language, and types with a length, that stand before a parenthesis.
const WORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "between",
    "bit",
    "by",
    "cast",
    "char",
    "character",
    "conflict",
    "decimal",
    "distinct",
    "else",
    "except",
    "exists",
    "filter",
    "from",
    "group",
    "having",
    "ilike",
    "in",
    "intersect",
    "interval",
    "is",
    "join",
    "lateral",
    "like",
    "limit",
    "materialized",
    "not",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "over",
    "partition",
    "returning",
    "row",
    "select",
    "set",
    "similar",
    "some",
    "then",
    "time",
    "timestamp",
    "to",
    "union",
    "using",
    "values",
    "varchar",
    "varying",
    "when",
    "where",
    "with",
    "within",
];

/// Whether a query calls a function that is not known to leave the session as it was.
pub(super) fn calls_something_unknown(sql: &str) -> bool {
    sql.match_indices('(')
        .any(|(open, _)| is_unknown_call(&sql[..open]))
}

fn is_unknown_call(before: &str) -> bool {
    let trimmed = before.trim_end();
    if trimmed.ends_with('"') {
        // `INSERT INTO "tasks" ("title")` has a space there; a quoted function is called without one.
        return trimmed.len() == before.len();
    }
    let start = trimmed
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + 1);
    let name = trimmed[start..].to_ascii_lowercase();
    if name.is_empty() || WORDS.contains(&name.as_str()) {
        return false;
    }
    let qualifier = trimmed[..start]
        .strip_suffix('.')
        .map(|before| before.ends_with("pg_catalog"));
    qualifier == Some(false) || !HARMLESS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_diesel_writes_calls_nothing_unknown() {
        for sql in [
            r#"SELECT "tasks"."id" FROM ("tasks" INNER JOIN "labels" ON ("labels"."task_id" = "tasks"."id")) WHERE (("tasks"."title" = $1) AND ("tasks"."id" IN ($2, $3)))"#,
            r#"INSERT INTO "tasks" ("title", "done") VALUES ($1, DEFAULT) ON CONFLICT ("id") DO UPDATE SET "title" = excluded."title" RETURNING "tasks"."id""#,
            r#"SELECT COUNT(*), max("tasks"."id"), coalesce(sum("tasks"."id"), $1) FROM "tasks" WHERE "tasks"."id" = ANY($2)"#,
            r#"SELECT EXISTS (SELECT 1 FROM "tasks" WHERE NOT ("done"))"#,
            r#"SELECT CAST("tasks"."id" AS numeric(10)), pg_catalog.lower("title") FROM "tasks""#,
            r#"UPDATE "tasks" SET "at" = now() WHERE ("id" = $1)"#,
        ] {
            assert!(!calls_something_unknown(sql), "{sql}");
        }
    }

    #[test]
    fn calls_of_other_functions_are_seen() {
        for sql in [
            "SELECT audit($1)",
            "SELECT audit ($1)",
            r#"SELECT "public"."audit"($1)"#,
            "SELECT public.lower($1)",
            "SELECT query_to_xml($1, true, true, '')",
            r#"UPDATE "tasks" SET "title" = audit("title")"#,
        ] {
            assert!(calls_something_unknown(sql), "{sql}");
        }
    }
}
