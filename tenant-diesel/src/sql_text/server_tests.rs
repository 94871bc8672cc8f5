//! What the server does with the statements of a file, one by one, is what it does with the file.

use super::split;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::path::{Path, PathBuf};
use tenant_testing::{Database, Postgres};

/// Those in the shared schema, which others need.
const FIRST: &[&str] = &["customers", "domains", "extensions", "library", "rates"];

/// Files that no server is meant to run.
const NOT_RUN: &str = "careless";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn directories(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut directories: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    directories.sort();
    directories
}

/// Runs the migrations of an app as a start-up would, on a path of their own.
fn run(pg: &mut PgConnection, app: &Path, one_by_one: bool) {
    let name = app.file_name().unwrap().to_str().unwrap();
    let path = if FIRST.contains(&name) {
        "public".to_owned()
    } else {
        pg.batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
        format!("{name}, extensions, pg_temp")
    };
    for migration in directories(app) {
        let sql = std::fs::read_to_string(migration.join("up.sql")).unwrap();
        let has_metadata = migration.join("metadata.toml").exists();
        let mut send = |sql: &str| {
            let sent = pg.batch_execute(sql);
            sent.unwrap_or_else(|error| panic!("{}: {error}\n{sql}", migration.display()));
        };
        send(&format!("SET search_path TO {path}"));
        if !has_metadata {
            send("BEGIN");
        }
        if one_by_one {
            split(&sql).iter().for_each(|statement| send(statement.text));
        } else {
            send(&sql);
        }
        // A warning at most, where none is open.
        send("COMMIT");
    }
}

/// Everything that the files could have made, and every row.
fn everything(pg: &mut PgConnection) -> Vec<String> {
    let query = "WITH schemas AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$') \
         SELECT 'column ' || format('%I.%I.%I %s %s %s', nspname, relname, attname, format_type(atttypid, atttypmod), \
             attnotnull, pg_get_expr(adbin, adrelid)) AS line \
           FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN schemas s ON s.oid = relnamespace \
           LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
         UNION ALL SELECT 'index ' || indexdef FROM pg_indexes JOIN schemas ON nspname = schemaname \
         UNION ALL SELECT 'rule ' || definition FROM pg_rules JOIN schemas ON nspname = schemaname \
         UNION ALL SELECT 'constraint ' || conname || pg_get_constraintdef(k.oid) \
           FROM pg_constraint k JOIN schemas s ON s.oid = connamespace \
         UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p JOIN schemas s ON s.oid = pronamespace \
         UNION ALL SELECT 'rows ' || tablename || query_to_xml(format('SELECT t::text FROM %I.%I t ORDER BY 1', \
             schemaname, tablename), true, true, '') FROM pg_tables JOIN schemas ON nspname = schemaname \
         ORDER BY 1";
    pg.batch_execute("SET search_path TO pg_catalog").unwrap();
    let lines = diesel::sql_query(query).load::<Line>(pg).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

fn database_after(apps: &[PathBuf], one_by_one: bool) -> (Vec<String>, Database) {
    let database = Postgres::shared().unwrap().database().unwrap();
    let mut pg = PgConnection::establish(database.url()).unwrap();
    for app in apps {
        run(&mut pg, app, one_by_one);
    }
    (everything(&mut pg), database)
}

#[test]
fn statements_sent_one_by_one_do_what_their_file_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut apps = directories(&root.join("tests/fixtures"));
    apps.extend(
        directories(&root.join("benches/migrations"))
            .into_iter()
            .filter(|app| app.ends_with("shop")),
    );
    // Those that are made to fail, or to leave something behind, are called rough.
    let is_rough = |app: &PathBuf| app.to_string_lossy().contains("fixtures/rough_");
    apps.retain(|app| !app.ends_with(NOT_RUN) && !is_rough(app));
    apps.sort_by_key(|app| !FIRST.iter().any(|first| app.ends_with(first)));
    assert!(apps.len() > 15, "{apps:?}");
    let (whole, _whole) = database_after(&apps, false);
    let (one_by_one, _one_by_one) = database_after(&apps, true);
    assert!(whole.iter().any(|line| line.starts_with("rule ")));
    assert!(whole.iter().any(|line| line.contains("product_weight_idx")));
    assert_eq!(whole, one_by_one);
}
