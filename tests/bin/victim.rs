//! A process that the tests start, several at once or to be killed: `victim <call> <app> <url> [schema]`.
//!
//! When it is ready, it asks for an advisory lock that the test may hold, so that several start at one moment.

use diesel::prelude::*;
use std::error::Error;
use tenant_diesel::{EmbeddedApp, MigrationTarget, Selection, r2d2};
use tenant_tests::{apps::todo, cases, name, new_client};

/// The lock that the test may hold.
const GATE: &str = "SELECT pg_advisory_lock_shared(42), pg_advisory_unlock_shared(42)";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [call, "todo", rest @ ..] => run::<todo::App>(call, rest),
        [call, "concurrent", rest @ ..] => run::<cases::concurrent::App>(call, rest),
        [call, "halves", rest @ ..] => run::<cases::rough_halves::App>(call, rest),
        [call, "counting", rest @ ..] => run::<cases::counting::App>(call, rest),
        _ => Err("no such app".into()),
    }
}

fn run<A: EmbeddedApp>(call: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let url = arguments.first().ok_or("no URL")?;
    // A run is parallel.
    let limits = r2d2::Pool::builder().max_size(if call == "run" { 4 } else { 1 });
    let tenancy = cases::builder().app::<A>().r2d2(limits).connect(url)?;
    diesel::sql_query(GATE).execute(&mut PgConnection::establish(url)?)?;
    match (call, arguments) {
        ("migrate", _) => drop(tenancy.migrate()?),
        ("run", _) => drop(tenancy.migration().parallel(4).run()?),
        ("redo", _) => {
            let run = tenancy.migration().select(Selection::tenants());
            drop(run.target(MigrationTarget::Redo).run()?);
        }
        ("create", [_, schema]) => drop(tenancy.create(new_client(schema))?),
        ("create_if_free", [_, schema]) => match tenancy.create(new_client(schema)) {
            Err(error) if error.is_taken() => {}
            created => drop(created?),
        },
        ("rename", [_, old, new]) => {
            let tenant = tenancy.find_by_schema(&name(old))?.ok_or("no such tenant")?;
            tenancy.rename(&tenant, &name(new))?;
        }
        ("archive", [_, schema]) => {
            let tenant = tenancy.find_by_schema(&name(schema))?.ok_or("no such tenant")?;
            tenancy.archive(&tenant)?;
        }
        ("drop", [_, schema]) => {
            let tenant = tenancy.find_by_schema(&name(schema))?.ok_or("no such tenant")?;
            tenancy.delete_with_schema(&tenant)?;
        }
        ("create_missing", _) => {
            let report = tenancy.create_missing_schemas()?;
            if report.has_failures() {
                return Err(report.to_string().into());
            }
        }
        _ => return Err("no such call".into()),
    }
    Ok(())
}
