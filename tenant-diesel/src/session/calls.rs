//! Which functions a query calls: those of PostgreSQL that leave a session as it was, or others.
//!
//! A function that somebody wrote may set the path or a role, or make a temporary table, and its text is on the
//! server. So a query that calls one counts as having changed the session.

/// Functions of PostgreSQL that applications call often and that change nothing of a session. One that is
/// not listed costs a round trip before the next statement of the scope, and a reset at the next checkout (in
/// the message that sets the path).
#[rustfmt::skip] // a word a line would be all that one sees
const HARMLESS: &[&str] = &[
    "abbrev", "abs", "acos", "age", "any_value", "array_agg", "array_append", "array_cat", "array_dims",
    "array_fill", "array_length", "array_lower", "array_ndims", "array_position", "array_positions",
    "array_prepend", "array_remove", "array_replace", "array_to_json", "array_to_string",
    "array_to_tsvector", "array_upper", "ascii", "asin", "atan", "atan2", "avg", "bit_and", "bit_or",
    "bit_xor", "bool_and", "bool_or", "broadcast", "btrim", "cardinality", "cbrt", "ceil", "ceiling",
    "char_length", "chr", "clock_timestamp", "coalesce", "col_description", "concat", "concat_ws",
    "convert_from", "convert_to", "corr", "cos", "count", "covar_pop", "covar_samp", "crc32", "cume_dist",
    "current_schema", "current_setting", "currval", "date", "date_add", "date_bin", "date_part",
    "date_subtract", "date_trunc", "daterange", "decode", "degrees", "dense_rank", "div", "encode",
    "every", "exp", "extract", "factorial", "family", "first_value", "floor", "format", "gcd",
    "gen_random_uuid", "generate_series", "get_bit", "get_byte", "greatest", "grouping", "host",
    "hostmask", "inet_client_addr", "inet_merge", "inet_same_family", "initcap", "int4range", "int8range",
    "isempty", "isfinite", "json_agg", "json_array_elements", "json_array_elements_text",
    "json_array_length", "json_build_array", "json_build_object", "json_each", "json_each_text",
    "json_extract_path", "json_extract_path_text", "json_object", "json_object_agg", "json_object_keys",
    "json_populate_record", "json_populate_recordset", "json_strip_nulls", "json_to_record",
    "json_to_recordset", "json_typeof", "jsonb_agg", "jsonb_array_elements", "jsonb_array_elements_text",
    "jsonb_array_length", "jsonb_build_array", "jsonb_build_object", "jsonb_delete", "jsonb_each",
    "jsonb_each_text", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_insert", "jsonb_object",
    "jsonb_object_agg", "jsonb_object_keys", "jsonb_path_exists", "jsonb_path_match", "jsonb_path_query",
    "jsonb_path_query_array", "jsonb_path_query_first", "jsonb_populate_record",
    "jsonb_populate_recordset", "jsonb_pretty", "jsonb_set", "jsonb_strip_nulls", "jsonb_to_record",
    "jsonb_to_recordset", "jsonb_typeof", "justify_days", "justify_hours", "justify_interval", "lag",
    "last_value", "lastval", "lcm", "lead", "least", "left", "length", "ln", "lower", "lower_inc",
    "lower_inf", "lpad", "ltrim", "make_date", "make_interval", "make_time", "make_timestamp",
    "make_timestamptz", "masklen", "max", "md5", "min", "mod", "mode", "mxid_age", "netmask", "network",
    "nextval", "normalize", "now", "nth_value", "ntile", "nullif", "num_nonnulls", "num_nulls", "numnode",
    "numrange", "obj_description", "octet_length", "overlaps", "overlay", "percent_rank",
    "percentile_cont", "percentile_disc", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared",
    "pg_backend_pid", "pg_cancel_backend", "pg_column_size", "pg_current_xact_id",
    "pg_current_xact_id_if_assigned", "pg_notify", "pg_relation_size", "pg_size_pretty", "pg_sleep",
    "pg_terminate_backend", "pg_total_relation_size", "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared", "pg_typeof", "phraseto_tsquery", "pi", "plainto_tsquery",
    "position", "power", "querytree", "quote_ident", "quote_literal", "quote_nullable", "radians",
    "random", "random_normal", "range_agg", "range_merge", "rank", "regexp_count", "regexp_instr",
    "regexp_like", "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array",
    "regexp_split_to_table", "regexp_substr", "regr_count", "regr_intercept", "regr_r2", "regr_slope",
    "repeat", "replace", "reverse", "right", "round", "row_number", "row_to_json", "rpad", "rtrim",
    "scale", "set_bit", "set_byte", "set_masklen", "setweight", "sha224", "sha256", "sha384", "sha512",
    "sign", "sin", "split_part", "sqrt", "starts_with", "statement_timestamp", "stddev", "stddev_pop",
    "stddev_samp", "string_agg", "string_to_array", "string_to_table", "strip", "strpos", "substr",
    "substring", "sum", "tan", "timeofday", "to_char", "to_date", "to_hex", "to_json", "to_jsonb",
    "to_number", "to_regclass", "to_timestamp", "to_tsquery", "to_tsvector", "transaction_timestamp",
    "translate", "trim", "trim_array", "trunc", "ts_headline", "ts_rank", "ts_rank_cd", "tsrange",
    "tstzrange", "tsvector_to_array", "txid_current", "txid_current_if_assigned", "unnest", "upper",
    "upper_inc", "upper_inf", "uuid_extract_timestamp", "uuidv4", "uuidv7", "var_pop", "var_samp",
    "variance", "version", "websearch_to_tsquery", "width_bucket", "xmlagg",
];

/// Words of the language, types with a length, and methods of sampling, that stand before a parenthesis.
#[rustfmt::skip] // a word a line would be all that one sees
const WORDS: &[&str] = &[
    "all", "and", "any", "array", "as", "bernoulli", "between", "bit", "by", "cast", "char", "character",
    "conflict", "decimal", "distinct", "else", "except", "exists", "filter", "from", "group", "having",
    "ilike", "in", "intersect", "interval", "is", "join", "lateral", "like", "limit", "materialized",
    "not", "numeric", "offset", "on", "only", "or", "over", "partition", "returning", "row", "select",
    "set", "similar", "some", "system", "then", "time", "timestamp", "to", "union", "using", "values",
    "varchar", "varying", "when", "where", "with", "within",
];

/// Whether a query calls a function that is not known to leave the session as it was.
pub(super) fn calls_something_unknown(sql: &str) -> bool {
    // A comment may stand between a name and its parenthesis, or be taken for a name.
    let has_comment = sql.contains("--") || sql.contains("/*");
    sql.match_indices('(')
        .any(|(open, _)| has_comment || is_unknown_call(&sql[..open]))
}

fn is_unknown_call(before: &str) -> bool {
    let trimmed = before.trim_end();
    if trimmed.ends_with('"') {
        // A quoted name is a function's, unless it is the table of `INSERT INTO "public"."tasks" ("title")`.
        return !is_target_of_insert(trimmed);
    }
    let start = trimmed
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + 1);
    let name = trimmed[start..].to_ascii_lowercase();
    let is_harmless = HARMLESS.contains(&name.as_str());
    match trimmed[..start].trim_end().strip_suffix('.') {
        // Behind a period, any word of the language is a name.
        Some(qualified) => !(is_harmless && last_word(qualified) == "pg_catalog"),
        None => !(name.is_empty() || is_harmless || WORDS.contains(&name.as_str())),
    }
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let is_boundary = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '$'));
    &text[text.rfind(is_boundary).map_or(0, |at| at + 1)..]
}

/// Whether a text ends in `INTO` and a quoted name.
fn is_target_of_insert(before: &str) -> bool {
    // Outside quotes are every other of these; between the parts of a name, a period.
    let mut outside = before.split('"').step_by(2).collect::<Vec<_>>();
    let after_name = outside.pop();
    while outside.last().is_some_and(|between| between.trim() == ".") {
        outside.pop();
    }
    let word_before = outside
        .last()
        .and_then(|text| text.split_whitespace().next_back());
    after_name == Some("") && word_before.is_some_and(|word| word.eq_ignore_ascii_case("into"))
}

/// Words that stand outside quotes in what Diesel writes, beside [`WORDS`] and functions.
#[rustfmt::skip] // a word a line would be all that one sees
const OF_DIESEL: &[&str] = &[
    "asc", "by", "default", "delete", "desc", "do", "excluded", "false", "insert", "into", "nothing", "null", "nulls",
    "first", "last", "order", "true", "update",
];

/// Whether a statement names something without quotes. Diesel quotes every name, so people wrote at least a part
/// of it; and what looks like a column there may call a function (`SELECT tasks.audit FROM tasks`).
pub(super) fn has_bare_names(sql: &str) -> bool {
    let is_known = |word: &str| {
        let word = word.to_ascii_lowercase();
        let lists = [OF_DIESEL, WORDS, HARMLESS];
        word.starts_with(|c: char| c.is_ascii_digit())
            || lists.iter().any(|list| list.contains(&word.as_str()))
    };
    let outside = sql.split('"').step_by(2);
    let mut words = outside.flat_map(|text| text.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    words.any(|word| !word.is_empty() && !is_known(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diesel_quotes_every_name_and_people_do_not() {
        for sql in [
            r#"INSERT INTO "tasks" ("title", "done") VALUES ($1, DEFAULT) ON CONFLICT ("id") DO UPDATE SET "title" = excluded."title" RETURNING "tasks"."id""#,
            r#"UPDATE "tasks" SET "at" = now(), "done" = $2 WHERE (("tasks"."id" = $1) AND ("done" IS NOT NULL))"#,
            r#"DELETE  FROM "public"."tasks" WHERE ("tasks"."title" LIKE $1)"#,
        ] {
            assert!(!has_bare_names(sql), "{sql}");
        }
        for sql in [
            "UPDATE tasks SET done = true",
            r#"UPDATE "tasks" SET "owner" = tasks.audit"#,
        ] {
            assert!(has_bare_names(sql), "{sql}");
        }
    }

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
            r#"SELECT "audit" ($1)"#,
            r#"UPDATE "tasks" SET "title" = public."audit" ("title")"#,
            r#"INSERT INTO "tasks" ("title") VALUES ("audit" ($1))"#,
            "SELECT public.lower($1)",
            "SELECT public . lower($1)",
            "SELECT public. lower($1)",
            "SELECT ctx.set($1)",
            "SELECT my_pg_catalog.lower($1)",
            "SELECT x.pg_catalog.lower($1)",
            "SELECT ctx.go/**/($1)",
            "SELECT ctx.go -- lower\n($1)",
            "SELECT query_to_xml($1, true, true, '')",
            r#"UPDATE "tasks" SET "title" = audit("title")"#,
        ] {
            assert!(calls_something_unknown(sql), "{sql}");
        }
    }
}
