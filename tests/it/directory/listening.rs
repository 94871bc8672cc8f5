//! What other processes change is heard of, and at the latest known when what is known is overdue.

use crate::process::victim;
use diesel::prelude::*;
use std::time::Duration;
use tenant_diesel::{Availability, TenantDirectory};
use tenant_tests::apps::customers::Client;
use tenant_tests::hosts::*;
use tenant_tests::{Fixture, cases, wait_until};

const HOUR: Duration = Duration::from_secs(3600);

/// A directory that listens, and believes what it knows for an hour.
fn hearing(fixture: &Fixture) -> TenantDirectory<Client> {
    let builder = fixture.tenancy.directory::<ClientDomain>();
    let directory = builder.ttl(HOUR).miss_ttl(HOUR).build().unwrap();
    wait_until("it listens", || directory.metrics().is_listening);
    directory
}

/// Runs a call in another process.
fn elsewhere(fixture: &Fixture, call: &str, schemas: &[&str]) {
    elsewhere_as("todo", fixture, call, schemas);
}

/// The same for another application.
fn elsewhere_as(app: &str, fixture: &Fixture, call: &str, schemas: &[&str]) {
    let output = victim(fixture, call, app, schemas).wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn availability(directory: &TenantDirectory<Client>, place: &str) -> Option<Availability> {
    find(directory, place).map(|found| found.availability)
}

/// Sessions of the server that listen.
fn listeners(fixture: &Fixture) -> i64 {
    fixture.count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    )
}

#[test]
fn a_tenant_that_another_process_renames_archives_or_drops_is_heard_of() {
    let fixture = Fixture::with_domains();
    for schema in ["renamed", "archived", "dropped"] {
        fixture.client_at(schema, &[&format!("{schema}.example")]);
    }
    let directory = hearing(&fixture);
    let served = |schema: &str| availability(&directory, &format!("{schema}.example"));
    for schema in ["renamed", "archived", "dropped"] {
        assert_eq!(served(schema), Some(Availability::Served));
        assert!(is_known(&directory, schema));
    }
    elsewhere(&fixture, "rename", &["renamed", "other"]);
    wait_until("the new name is known", || {
        who(&directory, "renamed.example").unwrap().0 == "other" && !is_known(&directory, "renamed")
    });
    elsewhere(&fixture, "archive", &["archived"]);
    wait_until("it is gone", || served("archived") == Some(Availability::Gone));
    elsewhere(&fixture, "drop", &["dropped"]);
    wait_until("it is nowhere", || {
        served("dropped").is_none() && !is_known(&directory, "dropped")
    });
    assert!(!is_known(&directory, "born"));
    elsewhere(&fixture, "create", &["born"]);
    wait_until("it is there", || is_known(&directory, "born"));
}

#[test]
fn without_listening_it_is_known_when_what_is_known_is_overdue() {
    let fixture = Fixture::with_domains();
    for schema in ["renamed", "archived", "dropped"] {
        fixture.client_at(schema, &[&format!("{schema}.example")]);
    }
    let directory = fixture.deaf(|builder| builder.ttl(Duration::from_millis(200)));
    let served = |schema: &str| availability(&directory, &format!("{schema}.example"));
    for schema in ["renamed", "archived", "dropped"] {
        assert_eq!(served(schema), Some(Availability::Served));
    }
    elsewhere(&fixture, "rename", &["renamed", "other"]);
    elsewhere(&fixture, "archive", &["archived"]);
    elsewhere(&fixture, "drop", &["dropped"]);
    wait_until("all is known", || {
        who(&directory, "renamed.example").unwrap().0 == "other"
            && served("archived") == Some(Availability::Gone)
            && served("dropped").is_none()
    });
    assert_eq!(directory.metrics().notifications, 0);
    assert_eq!(listeners(&fixture), 0);
}

#[test]
fn domains_that_another_process_changes_are_heard_of() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example"]);
    let directory = hearing(&fixture);
    let other = fixture.other_process();
    assert!(who(&directory, "new.example").is_none());
    assert!(find(&directory, "acme.example").unwrap().is_primary);
    let new: ClientDomain = other.add_domain(&acme, new_domain(&acme, "new.example")).unwrap();
    wait_until("it is there", || who(&directory, "new.example").is_some());
    other.make_primary(&new).unwrap();
    wait_until("it is primary", || {
        find(&directory, "new.example").unwrap().is_primary
            && !find(&directory, "acme.example").unwrap().is_primary
    });
    other.remove_domain(&new).unwrap();
    wait_until("it is gone", || who(&directory, "new.example").is_none());
    let changed = other.update(&acme, tenant_tests::apps::customers::clients::on_trial.eq(false));
    assert!(!changed.unwrap().on_trial);
    wait_until("its row is known", || {
        !find(&directory, "acme.example").unwrap().tenant.on_trial
    });
}

#[test]
fn changes_by_hand_are_heard_of_with_triggers() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example"]);
    let globex = fixture.client_at("globex", &["globex.example"]);
    let directory = hearing(&fixture);
    let sql = fixture.tenancy.directory::<ClientDomain>().trigger_sql();
    // As often as one likes.
    fixture.run(&format!("{sql}{sql}"));
    let at = |place: &str| who(&directory, place).map(|(schema, _)| schema);
    let is = |schema: &str| Some(schema.to_owned());
    assert_eq!((at("acme.example"), at("new.example")), (is("acme"), None));
    let (acme, globex) = (acme.id, globex.id);
    fixture.run(&format!(
        "INSERT INTO domains (domain, tenant_id) VALUES ('new.example', {acme})"
    ));
    wait_until("it is there", || at("new.example") == is("acme"));
    fixture.run(&format!(
        "UPDATE domains SET tenant_id = {globex} WHERE domain = 'new.example'"
    ));
    wait_until("it is another's", || at("new.example") == is("globex"));
    fixture.run("UPDATE domains SET domain = 'newer.example' WHERE domain = 'new.example'");
    wait_until("it is called otherwise", || at("new.example").is_none());
    fixture.run("DELETE FROM domains WHERE domain = 'newer.example'");
    assert!(find(&directory, "acme.example").unwrap().tenant.on_trial);
    fixture.run(&format!("UPDATE clients SET on_trial = false WHERE id = {acme}"));
    wait_until("the row is known", || {
        !find(&directory, "acme.example").unwrap().tenant.on_trial
    });
    fixture.run("TRUNCATE domains");
    wait_until("all are gone", || {
        at("acme.example").is_none() && at("globex.example").is_none()
    });
    // States have a trigger of their own.
    assert!(is_known(&directory, "acme"));
    fixture.run("UPDATE tenancy.schemas SET state = 'archived' WHERE name = 'acme'");
    wait_until("it is archived", || {
        let found = tenant_diesel::Directory::by_name(&directory, &tenant_tests::name("acme"));
        found.unwrap().unwrap().1 == Availability::Gone
    });
}

#[test]
fn a_listener_whose_session_is_ended_connects_again_and_forgets_what_it_may_have_missed() {
    let fixture = Fixture::with_domains();
    fixture.client_at("acme", &["acme.example"]);
    let globex = fixture.tenant("globex").id;
    let directory = hearing(&fixture);
    assert_eq!(who(&directory, "acme.example").unwrap().0, "acme");
    // Nobody is told of this change.
    fixture.run(&format!("UPDATE domains SET tenant_id = {globex}"));
    assert_eq!(who(&directory, "acme.example").unwrap().0, "acme");
    let ended = fixture.count(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    assert_eq!(ended, 1);
    wait_until("it has forgotten", || {
        who(&directory, "acme.example").unwrap().0 == "globex"
    });
    wait_until("it listens again", || {
        directory.metrics().is_listening && listeners(&fixture) == 1
    });
    // And hears.
    elsewhere(&fixture, "archive", &["globex"]);
    wait_until("it is gone", || {
        availability(&directory, "acme.example") == Some(Availability::Gone)
    });
}

#[test]
fn the_listener_ends_with_the_last_clone_of_its_directory() {
    let fixture = Fixture::with_domains();
    let directory = hearing(&fixture);
    let clone = directory.clone();
    let cached = clone.cached();
    assert_eq!(listeners(&fixture), 1);
    drop((directory, clone));
    assert_eq!(listeners(&fixture), 1);
    drop(cached);
    wait_until("it is gone", || listeners(&fixture) == 0);
}

#[test]
fn a_run_over_many_schemas_tells_once_and_who_serves_some_versions_hears() {
    let fixture = Fixture::with_domains();
    for i in 0..5 {
        fixture.client_at(&format!("t{i}"), &[&format!("t{i}.example")]);
    }
    let directory = hearing(&fixture);
    let newest = application_with_domains()
        .app::<cases::counting::App>()
        .serves("20240103000000"..)
        .connect(fixture.database.url())
        .unwrap();
    // As soon as another process has migrated them, it serves them.
    let builder = newest.directory::<ClientDomain>().listen_at(fixture.other_url());
    let served = builder.ttl(HOUR).miss_ttl(HOUR).build().unwrap();
    wait_until("it listens", || served.metrics().is_listening);
    for i in 0..5 {
        let at = format!("t{i}.example");
        assert_eq!(availability(&directory, &at), Some(Availability::Served));
        assert_eq!(availability(&served, &at), Some(Availability::Unavailable));
    }
    let before = directory.metrics();
    elsewhere_as("counting", &fixture, "migrate", &[]);
    wait_until("it hears of it", || {
        directory.metrics().notifications > before.notifications
    });
    wait_until("all are served", || {
        (0..5).all(|i| availability(&served, &format!("t{i}.example")) == Some(Availability::Served))
    });
    // Whoever serves all versions had nothing to forget.
    assert_eq!(directory.metrics().notifications, before.notifications + 1);
    for i in 0..5 {
        availability(&directory, &format!("t{i}.example"));
    }
    assert_eq!(directory.metrics().queries, before.queries);
}

#[test]
fn a_database_of_an_older_version_of_the_library_is_read_and_then_upgraded() {
    let fixture = Fixture::with_domains();
    let acme = fixture.client_at("acme", &["acme.example"]);
    fixture.run(
        "DROP FUNCTION tenancy.tell_directories CASCADE; \
         DELETE FROM tenancy.library_migrations WHERE version > 1; \
         COMMENT ON SCHEMA tenancy IS 'tenant-diesel keeps the state of tenants here, version 1'; \
         UPDATE tenancy.schemas SET state = 'archived' WHERE name = 'acme'",
    );
    let again = fixture.other_process();
    let directory = again.directory::<ClientDomain>().ttl(HOUR).build().unwrap();
    wait_until("it listens", || directory.metrics().is_listening);
    assert_eq!(availability(&directory, "acme.example"), Some(Availability::Gone));
    assert!(again.with_tenant(&acme, tenant_tests::titles).is_err());
    again.migrate().unwrap();
    fixture.run("UPDATE tenancy.schemas SET state = 'ready' WHERE name = 'acme'");
    wait_until("it is served", || {
        availability(&directory, "acme.example") == Some(Availability::Served)
    });
}
