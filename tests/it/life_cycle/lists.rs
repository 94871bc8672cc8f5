//! The list of tenants, in pages and one by one.

use tenant_diesel::{Error, PAGE_SIZE};
use tenant_tests::models::RowFirst;
use tenant_tests::{Fixture, name};

#[test]
fn tenants_are_streamed_over_several_pages_each_once_and_in_order() {
    let fixture = Fixture::<RowFirst>::row_first();
    let count = usize::try_from(PAGE_SIZE).unwrap() * 2 + 1;
    fixture.run(&format!(
        "INSERT INTO clients (schema_name, name) SELECT 'T' || lpad((i * 7919 % {count})::text, 4, '0'), '' \
         FROM generate_series(1, {count}) i"
    ));
    let all: Vec<String> = fixture
        .tenancy
        .tenants()
        .map(|tenant| tenant.unwrap().schema_name.to_string())
        .collect();
    let expected: Vec<String> = (0..count).map(|i| format!("T{i:04}")).collect();
    assert_eq!(all, expected);
}

#[test]
fn the_end_of_the_list_is_found_at_the_edge_of_a_page() {
    let fixture = Fixture::<RowFirst>::row_first();
    for (count, more) in [
        (0, 0),
        (1, 1),
        (PAGE_SIZE - 2, PAGE_SIZE - 1),
        (1, PAGE_SIZE),
        (1, PAGE_SIZE + 1),
    ] {
        fixture.run(&format!(
            "INSERT INTO clients (schema_name, name) SELECT gen_random_uuid()::text, '' \
             FROM generate_series(1, {count})"
        ));
        let listed: Result<Vec<RowFirst>, Error> = fixture.tenancy.tenants().collect();
        assert_eq!(i64::try_from(listed.unwrap().len()).unwrap(), more);
    }
}

#[test]
fn no_connection_is_held_between_pages_and_a_deleted_tenant_is_no_error() {
    let fixture = Fixture::with_one_connection();
    fixture.tagged(&["a", "b", "c"]);
    let mut seen = Vec::new();
    for tenant in fixture.tenancy.tenants() {
        // Needs the only connection.
        let tenant = tenant.unwrap();
        seen.push(fixture.titles(&tenant).remove(0));
        fixture.tenancy.delete_with_schema(&tenant).unwrap();
    }
    assert_eq!(seen, ["a", "b", "c"]);
}

#[test]
fn a_tenant_is_found_by_its_key_and_by_its_schema() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("acme");
    let tenancy = &fixture.tenancy;
    assert_eq!(tenancy.find(&acme.id).unwrap().as_ref(), Some(&acme));
    assert_eq!(tenancy.find(&(acme.id + 1)).unwrap(), None);
    assert_eq!(tenancy.find_by_schema(&name("acme")).unwrap(), Some(acme));
    assert_eq!(tenancy.find_by_schema(&name("globex")).unwrap(), None);
}
