//! Tenants that are adopted, renamed and deleted.

use super::*;
use tenant_diesel::Adoption;

#[test]
fn partitions_of_a_table_that_is_adopted_come_along() {
    let fixture = Fixture::new();
    fixture.run(
        "CREATE TABLE tasks (id BIGSERIAL, title TEXT NOT NULL, owner TEXT NOT NULL DEFAULT current_schema(), \
           plan_id INTEGER) PARTITION BY RANGE (id); \
         CREATE TABLE tasks_1 PARTITION OF tasks FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id); \
         CREATE TABLE tasks_1_1 PARTITION OF tasks_1 FOR VALUES FROM (0) TO (5); \
         CREATE TABLE \"Tasks 2\" PARTITION OF tasks FOR VALUES FROM (10) TO (20); \
         CREATE TABLE labels (id BIGSERIAL PRIMARY KEY, task_id BIGINT NOT NULL, text TEXT NOT NULL); \
         CREATE TABLE old_labels () INHERITS (labels); \
         INSERT INTO tasks (title) VALUES ('old')",
    );
    let how = Adoption::shared_tables().baseline("20240102000000", "was one tenant's");
    let acme = ok(fixture.tenancy.adopt(new_client("acme"), &how));
    assert_eq!(
        fixture.tables("acme"),
        [
            "Tasks 2",
            "__diesel_schema_migrations",
            "labels",
            "old_labels",
            "tasks",
            "tasks_1",
            "tasks_1_1"
        ]
    );
    assert_eq!(
        fixture.tables("public"),
        ["__diesel_schema_migrations", "clients", "plans"]
    );
    assert_eq!(fixture.titles(&acme), ["old"]);
}

#[test]
fn a_function_whose_path_holds_an_empty_name_does_not_keep_a_tenant_from_a_new_one() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    fixture.run("CREATE FUNCTION acme.f() RETURNS int LANGUAGE sql SET search_path = acme, '' AS 'SELECT 1'");
    ok(fixture.tenancy.rename(&acme, &name("globex")));
    assert_eq!(
        fixture.texts("SELECT proconfig[1] FROM pg_proc WHERE proname = 'f'"),
        ["search_path=globex, \"\""]
    );
}
