//! Ledgers: those of `diesel_migrations`, which reads and writes them too.

use super::*;
use diesel::connection::SimpleConnection;
use diesel_migrations::MigrationHarness;
use tenant_diesel::{EmbeddedApp, Error};
use tenant_tests::apps::customers;
use tenant_tests::apps::todo;
use tenant_tests::{Fixture, cases};

#[test]
fn diesels_own_harness_finds_nothing_pending_on_our_connections_and_on_its_own() {
    let fixture = Fixture::new();
    let tenant = fixture.tenant("quo\"te");
    let tenancy = &fixture.tenancy;
    let nothing = |pending: Vec<_>| assert!(pending.is_empty());
    tenancy
        .with_tenant(&tenant, |conn| {
            nothing(
                conn.pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
                    .unwrap(),
            );
            assert_eq!(conn.applied_migrations().unwrap().len(), 2);
            Ok::<_, Error>(())
        })
        .unwrap();
    tenancy
        .with_public(|conn| {
            nothing(
                conn.pending_migrations(<customers::App as EmbeddedApp>::MIGRATIONS)
                    .unwrap(),
            );
            Ok::<_, Error>(())
        })
        .unwrap();
    let mut plain = fixture.outside();
    nothing(
        plain
            .pending_migrations(<customers::App as EmbeddedApp>::MIGRATIONS)
            .unwrap(),
    );
    plain.batch_execute("SET search_path TO \"quo\"\"te\"").unwrap();
    nothing(
        plain
            .pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
            .unwrap(),
    );
    let applied: Vec<String> = plain
        .applied_migrations()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(applied.len(), 2);
    // The table is of the same shape as Diesel's.
    let shape = |schema: &str| {
        fixture.texts(&format!(
            "SELECT column_name || data_type || is_nullable || coalesce(character_maximum_length, 0) \
               || coalesce(column_default, '') FROM information_schema.columns \
             WHERE table_name = '__diesel_schema_migrations' AND table_schema = '{schema}' ORDER BY 1"
        ))
    };
    plain
        .batch_execute("CREATE SCHEMA diesels; SET search_path TO diesels")
        .unwrap();
    plain
        .run_pending_migrations(<cases::accounts::App as EmbeddedApp>::MIGRATIONS)
        .unwrap();
    assert_eq!(shape("quo\"te"), shape("diesels"));
}

#[test]
fn what_diesels_own_harness_applied_is_not_applied_again() {
    let fixture = bare(&["acme"]);
    let mut plain = fixture.outside();
    plain.batch_execute("SET search_path TO acme").unwrap();
    plain
        .run_pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
        .unwrap();
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    assert_eq!(tenancy.migrate().unwrap().applied(), 0);
    // And the other way round: reverted by Diesel, applied again by us.
    plain
        .revert_last_migration(<todo::App as EmbeddedApp>::MIGRATIONS)
        .unwrap();
    let found = tenancy.verify().unwrap();
    assert_eq!(found.mended[0].found.as_deref(), Some(TODO[0]));
    assert_eq!(applied(&tenancy.migrate().unwrap())[1], ("acme", vec![TODO[1]]));
}

#[test]
fn migrations_can_be_run_and_reverted_by_diesels_harness_inside_a_scope() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| {
            conn.revert_all_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
                .unwrap();
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations"]);
    assert_eq!(fixture.titles(&tenants[1]), ["globex"]);
    fixture
        .tenancy
        .with_tenant(&tenants[0], |conn| {
            conn.run_pending_migrations(<todo::App as EmbeddedApp>::MIGRATIONS)
                .unwrap();
            Ok::<_, Error>(())
        })
        .unwrap();
    assert!(fixture.titles(&tenants[0]).is_empty());
    assert_eq!(fixture.versions("acme"), TODO);
}
