//! What was once wrong, each as the sentence that holds since.
//!
//! | module | tries |
//! |---|---|
//! | [`waiting`] | who waits for a connection, and for how long |
//! | [`policies`] | that each switch does to statements and types what the policy says |
//! | [`dropped`] | schemas that went |
//! | [`repeated`] | that nothing is sent twice that may have been done |
//! | [`calls`] | functions that change the session, however they are called |
//! | [`pooled`] | raw ends of the transaction that a scope is behind a pooler |
//! | [`cursors`] | rows and messages on their way |
//! | [`limits`] | that the limits of one tenant are its own |
//! | [`lives`] | tenants that are adopted, renamed and deleted |
//! | [`set_up`] | an `on_connect` that fails |
//! | [`replacements`] | dead connections that cannot be replaced |
//! | [`first_statements`] | the first statement after a checkout that asked nothing |
//! | [`spellings`] | calls in other spellings |

mod calls;
mod cursors;
mod dropped;
mod first_statements;
mod fleets;
mod limits;
mod lives;
mod policies;
mod pooled;
mod repeated;
mod replacements;
mod set_up;
mod spellings;
mod waiting;

use crate::affinity::with;
use diesel::prelude::*;
use tenant_diesel::Error;
use tenant_tests::apps::customers::Client;
use tenant_tests::*;

/// One tenant on one connection.
fn one() -> (Fixture, Client) {
    let fixture = with(1, |pool| pool);
    let acme = fixture.tagged(&["acme"]).remove(0);
    (fixture, acme)
}

/// The value; or the test fails with the error and all that caused it.
fn ok<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// Whoever asks the catalog for a schema waits for the end of the transaction that this begins.
const LOCK_CATALOG: &str = "BEGIN; LOCK TABLE pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE";

/// Whether somebody waits for that, asked by the one that all wait for: another would wait too.
fn is_waited_for(locker: &mut PgConnection) -> bool {
    ask_bool(
        locker,
        "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'pg_catalog.pg_namespace'::regclass \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
    )
}
