//! Which tables are where: shared apps in `public` only, tenant apps in tenants only, both in both; and
//! that what joins them works.

use diesel::prelude::*;
use tenant_diesel::{Error, PublicConnection, Tenancy, TenantConnection};
use tenant_tests::apps::customers::{self, Client, clients, plans};
use tenant_tests::apps::todo::{self, labels, tasks};
use tenant_tests::cases::accounts::{self, users};
use tenant_tests::cases::notes::{self, notes as notes_table};
use tenant_tests::{Fixture, add_task, insert_task, new_client, titles};

const LEDGER: &str = "__diesel_schema_migrations";

/// Customers (shared), to-do lists and accounts (tenant), notes (both).
fn application() -> Fixture {
    let builder = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .app::<accounts::App>()
        .app::<notes::App>();
    let fixture = Fixture::of(4, builder);
    fixture.tenancy.migrate().unwrap();
    fixture
}

#[test]
fn shared_apps_have_their_tables_in_the_shared_schema_and_tenant_apps_have_none_there() {
    let fixture = Fixture::new();
    assert_eq!(fixture.tables("public"), [LEDGER, "clients", "plans"]);
    assert_eq!(fixture.versions("public"), ["20240101000000"]);
}

#[test]
fn tenant_apps_have_exactly_their_tables_and_a_ledger_in_each_tenant() {
    let fixture = Fixture::new();
    fixture.tagged(&["acme", "globex"]);
    for schema in ["acme", "globex"] {
        assert_eq!(fixture.tables(schema), [LEDGER, "labels", "tasks"]);
        // Views, sequences and indexes are where their tables are.
        let relations = fixture.count(&format!(
            "SELECT count(*) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'S', 'v')"
        ));
        assert_eq!(relations, 5);
    }
    assert_eq!(fixture.tables("public"), [LEDGER, "clients", "plans"]);
}

#[test]
fn an_application_without_tenant_apps_has_tenants_without_tables() {
    let fixture = Fixture::<Client>::of(2, Tenancy::builder().app::<customers::App>());
    fixture.tenancy.migrate().unwrap();
    let tenant = fixture.tenant("acme");
    assert_eq!(fixture.tables("acme"), [LEDGER]);
    assert_eq!(fixture.tenancy.migrate().unwrap().applied(), 0);
    fixture
        .tenancy
        .with_tenant(&tenant, |conn| plans::table.count().get_result::<i64>(conn))
        .unwrap();
}

#[test]
fn an_app_of_both_scopes_has_its_tables_in_both_and_the_connection_says_which_is_meant() {
    let fixture = application();
    let acme = fixture.tenant("acme");
    assert_eq!(fixture.tables("public"), [LEDGER, "clients", "notes", "plans"]);
    assert_eq!(
        fixture.tables("acme"),
        [LEDGER, "labels", "notes", "tasks", "users"]
    );
    let tenancy = &fixture.tenancy;
    let insert_shared = |conn: &mut PublicConnection| {
        diesel::insert_into(notes_table::table)
            .values(notes_table::text.eq("for all"))
            .execute(conn)
    };
    let insert_own = |conn: &mut TenantConnection| {
        diesel::insert_into(notes_table::table)
            .values(notes_table::text.eq("acme's"))
            .execute(conn)
    };
    tenancy.with_public(insert_shared).unwrap();
    tenancy.with_tenant(&acme, insert_own).unwrap();
    assert_eq!(fixture.texts("SELECT text FROM public.notes"), ["for all"]);
    assert_eq!(fixture.texts("SELECT text FROM acme.notes"), ["acme's"]);
    let own: Vec<String> = tenancy
        .with_tenant(&acme, |conn| {
            notes_table::table.select(notes_table::text).load(conn)
        })
        .unwrap();
    assert_eq!(own, ["acme's"]);
    let shared: Vec<String> = tenancy
        .with_public(|conn| notes_table::table.select(notes_table::text).load(conn))
        .unwrap();
    assert_eq!(shared, ["for all"]);
    // Both ledgers know it.
    for schema in ["public", "acme"] {
        assert!(
            fixture.versions(schema).contains(&"20240202000000".to_owned()),
            "{schema}"
        );
    }
}

#[test]
fn in_public_only_shared_tables_answer_and_in_a_tenant_both_do() {
    let fixture = application();
    let acme = fixture.tenant("acme");
    let tenancy = &fixture.tenancy;
    let missing = |result: Result<i64, Error>, table: &str| {
        let error = result.unwrap_err().to_string();
        assert_eq!(error, format!("relation \"{table}\" does not exist"));
    };
    missing(
        tenancy.with_public(|conn| tasks::table.count().get_result(conn)),
        "tasks",
    );
    missing(
        tenancy.with_public(|conn| labels::table.count().get_result(conn)),
        "labels",
    );
    missing(
        tenancy.with_public(|conn| users::table.count().get_result(conn)),
        "users",
    );
    for count in [
        tenancy.with_public(|conn| clients::table.count().get_result::<i64>(conn)),
        tenancy.with_tenant(&acme, |conn| clients::table.count().get_result::<i64>(conn)),
    ] {
        assert_eq!(count.unwrap(), 1);
    }
    for count in [
        tenancy.with_tenant(&acme, |conn| tasks::table.count().get_result::<i64>(conn)),
        tenancy.with_tenant(&acme, |conn| users::table.count().get_result::<i64>(conn)),
    ] {
        assert_eq!(count.unwrap(), 0);
    }
    // A shared table is reached because it is qualified, not because of the path.
    let unqualified = tenancy.with_tenant(&acme, |conn| {
        diesel::sql_query("SELECT FROM clients").execute(conn)
    });
    assert_eq!(
        unqualified.unwrap_err().to_string(),
        "relation \"clients\" does not exist"
    );
}

#[test]
fn a_foreign_key_from_a_tenants_table_points_at_the_shared_one() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    for schema in ["acme", "globex"] {
        let namespaces = fixture.texts(&format!(
            "SELECT c.relnamespace::regnamespace FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid \
             WHERE k.contype = 'f' AND k.conrelid IN ('{schema}.tasks'::regclass, '{schema}.labels'::regclass) \
             ORDER BY k.conrelid::regclass::text"
        ));
        // From `labels` to the tenant's own tasks, from `tasks` to the shared plans.
        assert_eq!(namespaces, [schema, "public"]);
    }
    let refused = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        diesel::update(tasks::table)
            .set(tasks::plan_id.eq(999))
            .execute(conn)
    });
    assert!(refused.unwrap_err().to_string().contains("tasks_plan_id_fkey"));
    // A shared row that a tenant refers to cannot go.
    fixture.run("UPDATE acme.tasks SET plan_id = 1");
    let refused = fixture
        .tenancy
        .with_public(|conn| diesel::delete(plans::table.find(1)).execute(conn));
    assert!(refused.unwrap_err().to_string().contains("tasks_plan_id_fkey"));
}

#[test]
fn joins_from_a_tenants_table_to_a_shared_one_and_back_find_the_tenants_rows_only() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run("UPDATE acme.tasks SET plan_id = 1; UPDATE globex.tasks SET plan_id = 2");
    for (tenant, plan) in tenants.iter().zip(["free", "paid"]) {
        let (forward, back) = fixture
            .tenancy
            .with_tenant(tenant, |conn| {
                let forward: Vec<(String, String)> = tasks::table
                    .inner_join(plans::table)
                    .select((tasks::title, plans::title))
                    .load(conn)?;
                let back: Vec<(String, Option<String>)> = plans::table
                    .left_join(tasks::table)
                    .select((plans::title, tasks::title.nullable()))
                    .order(plans::title)
                    .load(conn)?;
                Ok::<_, Error>((forward, back))
            })
            .unwrap();
        let own = tenant.schema_name.to_string();
        assert_eq!(forward, [(own.clone(), plan.to_owned())]);
        let expected: Vec<_> = ["free", "paid"]
            .map(|title| (title.to_owned(), (title == plan).then(|| own.clone())))
            .into();
        assert_eq!(back, expected);
    }
}

/// Whether somebody with this login and password may enter, as an application would ask.
fn authenticate(conn: &mut TenantConnection, login: &str, password: &str) -> QueryResult<bool> {
    let user = users::table
        .filter(users::login.eq(login))
        .filter(users::password.eq(password));
    diesel::select(diesel::dsl::exists(user)).get_result(conn)
}

#[test]
fn the_credentials_of_one_tenant_do_not_open_another() {
    let fixture = application();
    let tenants: Vec<Client> = ["acme", "globex", "initech"]
        .map(|schema| {
            let tenant = fixture.tenant(schema);
            let user = (
                users::login.eq("admin"),
                users::password.eq(format!("{schema}'s secret")),
            );
            let insert = diesel::insert_into(users::table).values(user);
            fixture
                .tenancy
                .with_tenant(&tenant, |conn| insert.execute(conn))
                .unwrap();
            tenant
        })
        .into();
    for owner in &tenants {
        let password = format!("{}'s secret", owner.schema_name);
        for other in &tenants {
            let enters = fixture
                .tenancy
                .with_tenant(other, |conn| authenticate(conn, "admin", &password))
                .unwrap();
            assert_eq!(
                enters,
                other == owner,
                "{} into {}",
                owner.schema_name,
                other.schema_name
            );
        }
    }
    // In the shared schema there is nothing to authenticate against.
    let public = fixture
        .tenancy
        .with_public(|conn| users::table.count().get_result::<i64>(conn));
    assert_eq!(
        public.unwrap_err().to_string(),
        "relation \"users\" does not exist"
    );
}

#[test]
fn ten_tenants_all_have_their_tables_after_one_run() {
    let fixture = Fixture::<Client>::of(2, Tenancy::builder().app::<customers::App>());
    fixture.tenancy.migrate().unwrap();
    let schemas: Vec<String> = (0..10).map(|i| format!("t{i}")).collect();
    for schema in &schemas {
        fixture.tenancy.create(new_client(schema)).unwrap();
    }
    let whole = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>();
    let report = whole.connect(fixture.database.url()).unwrap().migrate().unwrap();
    assert_eq!(report.applied(), 20);
    for schema in &schemas {
        assert_eq!(fixture.versions(schema), ["20240101000000", "20240102000000"]);
        assert_eq!(fixture.tables(schema), [LEDGER, "labels", "tasks"]);
    }
}

#[test]
fn keys_count_in_each_tenant_by_themselves() {
    let fixture = Fixture::new();
    for tenant in fixture.tagged(&["acme", "globex"]) {
        add_task(&fixture.tenancy, &tenant, "second");
        let keys: Vec<i64> = fixture
            .tenancy
            .with_tenant(&tenant, |conn| {
                tasks::table.select(tasks::id).order(tasks::id).load(conn)
            })
            .unwrap();
        assert_eq!(keys, [1, 2]);
    }
}

#[test]
fn a_missing_table_in_a_tenant_does_not_fall_through_to_one_of_its_name_in_public_unless_asked_for() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run("CREATE TABLE public.tasks AS SELECT * FROM globex.tasks; DROP TABLE acme.tasks CASCADE");
    for result in [
        fixture.tenancy.with_tenant(&tenants[0], titles).map(drop),
        fixture
            .tenancy
            .with_tenant(&tenants[0], |conn| insert_task(conn, "lost"))
            .map(drop),
        fixture.tenancy.transaction(&tenants[0], titles).map(drop),
    ] {
        assert_eq!(
            result.unwrap_err().to_string(),
            "relation \"tasks\" does not exist"
        );
    }
    let asked_for = Tenancy::<Client>::builder()
        .app::<customers::App>()
        .app::<todo::App>()
        .public_behind_tenants_where_missing_tables_fall_through()
        .connect(fixture.database.url())
        .unwrap();
    assert_eq!(asked_for.with_tenant(&tenants[0], titles).unwrap(), ["globex"]);
    // A table of the tenant's own still comes first.
    fixture.run("UPDATE public.tasks SET title = 'shared'");
    assert_eq!(asked_for.with_tenant(&tenants[1], titles).unwrap(), ["globex"]);
}
