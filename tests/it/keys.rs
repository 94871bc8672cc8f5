//! Tenant models with other keys than a serial: one that the client makes, one that the server makes, and
//! one of two columns.

use diesel::prelude::*;
use tenant_diesel::prelude::*;
use tenant_diesel::{Error, TenantChanges};
use tenant_tests::{Fixture, name, wait_until};
use uuid::Uuid;

#[shared_app(migrations = "fixtures/firms")]
mod firms_app {
    use super::*;
    diesel::table! { firms (key) { key -> Uuid, home -> Text, title -> Text } }

    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone, PartialEq)]
    #[diesel(table_name = firms, primary_key(key))]
    #[tenant(auto_drop_schema = true)]
    pub(crate) struct Firm {
        pub(crate) key: Uuid,
        #[tenant(schema_name)]
        pub(crate) home: SchemaName,
        pub(crate) title: String,
    }
}

#[shared_app(migrations = "fixtures/shops")]
mod shops_app {
    use super::*;
    diesel::table! { shops (region, number) { region -> Text, number -> Int4, schema_name -> Text, title -> Text } }

    #[derive(Tenant, Queryable, Selectable, Identifiable, Debug, Clone, PartialEq)]
    #[diesel(table_name = shops, primary_key(region, number))]
    pub(crate) struct Shop {
        pub(crate) region: String,
        pub(crate) number: i32,
        pub(crate) schema_name: SchemaName,
        pub(crate) title: String,
    }
}

#[tenant_app(migrations = "fixtures/notes")]
mod notes_app {
    diesel::table! { notes (id) { id -> Int8, text -> Text } }
}

use firms_app::{Firm, firms};
use notes_app::notes;
use shops_app::{Shop, shops};

fn firms() -> Fixture<Firm> {
    let fixture = Fixture::of(
        2,
        Tenancy::builder().app::<firms_app::App>().app::<notes_app::App>(),
    );
    fixture.tenancy.migrate().unwrap();
    fixture
}

fn shops() -> Fixture<Shop> {
    let fixture = Fixture::of(
        2,
        Tenancy::builder().app::<shops_app::App>().app::<notes_app::App>(),
    );
    fixture.tenancy.migrate().unwrap();
    fixture
}

/// Writes, reads, changes and deletes one of two tenants, and sees that the other is left alone.
fn lives<T, C>(fixture: &Fixture<T>, tenant: &T, other: &T, change: C) -> T
where
    T: TenantModel + PartialEq + std::fmt::Debug,
    C: TenantChanges<T>,
{
    let tenancy = &fixture.tenancy;
    for tenant in [tenant, other] {
        let note = notes::text.eq(tenant.schema_name().as_str());
        tenancy
            .with_tenant(tenant, |conn| {
                diesel::insert_into(notes::table).values(note).execute(conn)
            })
            .unwrap();
        assert_eq!(tenancy.find(&tenant.key()).unwrap().as_ref(), Some(tenant));
        assert_eq!(
            tenancy.find_by_schema(tenant.schema_name()).unwrap().as_ref(),
            Some(tenant)
        );
    }
    let changed = tenancy.update(tenant, change).unwrap();
    assert_eq!(tenancy.find(&tenant.key()).unwrap().as_ref(), Some(&changed));
    assert_eq!(tenancy.find(&other.key()).unwrap().as_ref(), Some(other));
    tenancy.delete_with_schema(tenant).unwrap();
    assert!(matches!(tenancy.delete(tenant), Err(Error::TenantMissing { .. })));
    assert_eq!(tenancy.find(&tenant.key()).unwrap(), None);
    assert_eq!(
        tenancy.tenants().map(Result::unwrap).collect::<Vec<_>>(),
        [tenancy.find(&other.key()).unwrap().unwrap()]
    );
    let read: Vec<String> = tenancy
        .with_tenant(other, |conn| notes::table.select(notes::text).load(conn))
        .unwrap();
    assert_eq!(read, [other.schema_name().as_str()]);
    changed
}

#[test]
fn a_tenant_can_have_a_key_that_the_client_makes() {
    let fixture = firms();
    let key = Uuid::new_v4();
    let new = |key: Uuid, home: &str| {
        (
            firms::key.eq(key),
            firms::home.eq(name(home)),
            firms::title.eq("new"),
        )
    };
    let firm = fixture.tenancy.create(new(key, "acme")).unwrap();
    assert_eq!(firm.key, key);
    let other = fixture.tenancy.create(new(Uuid::new_v4(), "globex")).unwrap();
    // A key that is taken is refused with everything that came with it.
    assert!(matches!(
        fixture.tenancy.create(new(key, "initech")),
        Err(Error::Attempt { .. })
    ));
    assert!(!fixture.has_schema("initech"));
    assert_eq!(
        lives(&fixture, &firm, &other, firms::title.eq("changed")).title,
        "changed"
    );
    // The model drops the schema with the row.
    fixture.tenancy.delete(&other).unwrap();
    assert_eq!(fixture.schemas(), ["public"]);
}

#[test]
fn a_tenant_can_have_a_key_that_the_server_makes() {
    let fixture = firms();
    let new = |home: &str| (firms::home.eq(name(home)), firms::title.eq("new"));
    let firm = fixture.tenancy.create(new("acme")).unwrap();
    let other = fixture.tenancy.create(new("globex")).unwrap();
    assert_ne!(firm.key, other.key);
    lives(&fixture, &firm, &other, firms::title.eq("changed"));
}

#[test]
fn a_tenant_can_have_a_key_of_two_columns() {
    let fixture = shops();
    let new = |region: &str, number: i32, schema: &str| {
        (
            shops::region.eq(region.to_owned()),
            shops::number.eq(number),
            shops::schema_name.eq(name(schema)),
        )
    };
    // They share the first column, or the second.
    let shop = fixture.tenancy.create(new("north", 1, "north_1")).unwrap();
    let other = fixture.tenancy.create(new("north", 2, "north_2")).unwrap();
    assert_eq!(shop.key(), ("north".to_owned(), 1));
    lives(&fixture, &shop, &other, shops::title.eq("changed"));
    let third = fixture.tenancy.create(new("south", 2, "south_2")).unwrap();
    fixture.tenancy.delete_with_schema(&third).unwrap();
    assert_eq!(fixture.schemas(), ["north_2", "public"]);
    // No unique constraint stands on the name of the schema, and it is unique all the same.
    let error = fixture.tenancy.create(new("south", 3, "North_2")).unwrap_err();
    assert!(matches!(error, Error::TenantExists { .. }), "{error:?}");
    assert_eq!(fixture.tenancy.tenants().count(), 1);
    wait_until("no connection is left in a transaction", || {
        !fixture.is_true("EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%')")
    });
}

/// A job finds the tenant that was meant, and not the next one of its name.
fn jobs<T, N>(fixture: &Fixture<T>, new: impl Fn() -> N, key: &str)
where
    T: TenantModel,
    N: tenant_diesel::NewTenant<T>,
{
    let tenancy = &fixture.tenancy;
    let first = tenancy.create(new()).unwrap();
    let queued = tenancy.tenant_ref(&first);
    assert!(queued.key.as_deref().unwrap().starts_with(key), "{queued:?}");
    let job = |conn: &mut TenantConnection| notes::table.count().get_result::<i64>(conn);
    assert_eq!(tenancy.run_as(&queued, job).unwrap(), 0);
    tenancy.delete_with_schema(&first).unwrap();
    assert!(matches!(
        tenancy.run_as(&queued, job),
        Err(Error::TenantMissing { .. })
    ));
    let second = tenancy.create(new()).unwrap();
    let refused = tenancy.run_as(&queued, job);
    assert!(
        matches!(&refused, Err(Error::OtherTenant { found, .. }) if found.starts_with(key)),
        "{refused:?}"
    );
    tenancy.run_as(&tenancy.tenant_ref(&second), job).unwrap();
}

#[test]
fn a_job_knows_its_tenant_by_a_key_of_any_type() {
    let firm = || {
        (
            firms::key.eq(Uuid::new_v4()),
            firms::home.eq(name("acme")),
            firms::title.eq("new"),
        )
    };
    jobs(&firms(), firm, "");
    let number = std::cell::Cell::new(0);
    let shop = || {
        number.set(number.get() + 1);
        (
            shops::region.eq("north"),
            shops::number.eq(number.get()),
            shops::schema_name.eq(name("acme")),
            shops::title.eq("new"),
        )
    };
    jobs(&shops(), shop, "(\"north\", ");
}
