//! Statuses, blocks, and what a run leaves to others.

use super::*;

#[test]
fn a_pool_of_its_own_refuses_who_is_archived_too() {
    let fixture = Fixture::new();
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.tenancy.archive(&acme).unwrap();
    let pool = tenant_diesel::TenantPool::builder()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .connect(fixture.database.url())
        .unwrap();
    let served = pool.tenant(&name("acme")).map(|mut conn| titles(&mut conn));
    assert!(
        matches!(served, Err(Error::TenantUnavailable { .. })),
        "{served:?}"
    );
}

#[test]
fn who_was_done_before_and_is_archived_since_is_not_counted_twice() {
    let fixture = bare(3);
    fixture.run("CREATE TABLE t001.tasks ()");
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    failure(tenancy.migrate());
    let gone = tenancy.find_by_schema(&name("t000")).unwrap().unwrap();
    tenancy.delete_with_schema(&gone).unwrap();
    fixture.run("DROP TABLE t001.tasks");
    let report = tenancy.migrate().unwrap();
    // The shared schema, t001 and t002.
    assert!(
        report.to_string().contains("3 schemas up to date"),
        "{report} {report:?}"
    );
}

#[test]
fn a_role_that_only_serves_refuses_who_is_archived_and_starts_up_where_nothing_is_pending() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.tenancy.archive(&tenants[1]).unwrap();
    let role = "rough_app";
    fixture.run(&format!(
        "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA public, acme, globex TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public, acme, globex TO {role}"
    ));
    let url = format!("{}?options=-crole%3D{role}", fixture.database.url());
    let tenancy = application::<Client>()
        .r2d2(r2d2::Pool::builder().max_size(2))
        .connect(&url)
        .unwrap();
    let served = tenancy.with_tenant(&tenants[0], titles);
    let refused = tenancy.with_tenant(&tenants[1], titles);
    let started = tenancy.migrate().map(drop).map_err(|error| chain(&error));
    // One tenant's row is wrong: nothing is pending all the same.
    fixture.run("UPDATE tenancy.schemas SET state = 'failed' WHERE name = 'acme'");
    let started_again = tenancy.migrate().map(drop).map_err(|error| chain(&error));
    drop(tenancy);
    fixture.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert!(
        served.is_ok() && refused.is_err() && started.is_ok(),
        "{served:?} {refused:?} {started:?}"
    );
    assert!(started_again.is_ok(), "{started_again:?}");
}

#[test]
fn a_status_with_a_tenant_that_is_half_dropped_is_not_well() {
    let fixture = Fixture::new();
    fixture.tenant("acme");
    for state in ["dropping", "provisioning", "migrating"] {
        fixture.run(&format!(
            "UPDATE tenancy.schemas SET state = '{state}' WHERE name = 'acme'"
        ));
        let status = fixture.tenancy.status().unwrap();
        assert!(!status.is_well(), "{status}");
    }
}

#[test]
fn a_file_that_makes_tables_as_another_role_is_recorded() {
    let fixture = bare(2);
    fixture.run("DROP ROLE IF EXISTS rough_owner; CREATE ROLE rough_owner; GRANT ALL ON SCHEMA t000, t001 TO rough_owner");
    let tenancy = again(&fixture, cases::builder().app::<cases::rough_owner::App>());
    let report = tenancy.migrate().map(drop).map_err(|error| chain(&error));
    fixture.run("DROP OWNED BY rough_owner; DROP ROLE rough_owner");
    assert!(report.is_ok(), "{report:?}");
}

#[test]
fn a_function_in_a_file_does_not_cost_each_schema_a_connection() {
    let fixture = bare(10);
    let tenancy = again(&fixture, cases::builder().app::<cases::rough_block::App>());
    tenancy.migration().sequential().run().unwrap();
    let pids: Vec<_> = (0..10)
        .map(|i| format!("SELECT pid FROM t{i:03}.made_by"))
        .collect();
    assert_eq!(
        fixture.count(&format!(
            "SELECT count(DISTINCT pid) FROM ({}) AS p",
            pids.join(" UNION ALL ")
        )),
        1
    );
}
