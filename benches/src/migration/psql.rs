//! The same statements through psql, as people run them who have a script: one psql for each connection, each with its share of the
//! tenants. psql sends each statement by itself.

use super::by_hand::statements;
use crate::Result;
use crate::site::Route;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{iter, thread};

/// Whether there is a psql, and whether it is one that can be started.
pub(super) fn is_there(url: &str) -> Result<bool> {
    let status = Command::new(program(url)?)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    Ok(status.is_ok_and(|status| status.success()))
}

pub(super) fn run(route: &Route<'_>, connections: usize) -> Result<usize> {
    let program = program(route.url)?;
    let share = route.tenants.len().div_ceil(connections).max(1);
    let mut scripts = Vec::new();
    for tenants in route.tenants.chunks(share) {
        let mut script = String::new();
        for tenant in tenants {
            for statement in statements(tenant)? {
                script += &statement;
                script += "\n";
            }
        }
        scripts.push(script);
    }
    thread::scope(|scope| {
        let all: Vec<_> = scripts
            .iter()
            .map(|script| scope.spawn(|| follow(&program, route.url, script)))
            .collect();
        all.into_iter()
            .try_for_each(|psql| psql.join().map_err(|_| "somebody panicked")?)
    })?;
    Ok(route.tenants.len())
}

/// Has psql read a script.
fn follow(program: &str, url: &str, script: &str) -> Result {
    let mut psql = Command::new(program)
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = psql.stdin.take() {
        stdin.write_all(script.as_bytes())?;
    }
    let status = psql.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("psql ended with {status}").into())
}

/// The psql of the server's own version, or else the one on the path.
fn program(url: &str) -> Result<String> {
    let folder = diesel::dsl::sql::<Text>("(SELECT setting FROM pg_config WHERE name = 'BINDIR')");
    let folder: String = diesel::select(folder).get_result(&mut PgConnection::establish(url)?)?;
    let of_server = iter::once(Path::new(&folder).join("psql")).find(|path| path.exists());
    let of_server = of_server.and_then(|path| path.to_str().map(str::to_owned));
    Ok(of_server.unwrap_or_else(|| "psql".to_owned()))
}
