use tenant_tests::*;
#[test]
fn two_tenants_read_their_own_rows() {
    let fixture = Fixture::new();
    let tenants = fixture.tagged(&["acme", "globex"]);
    for t in &tenants { assert_eq!(fixture.titles(t), [t.schema_name.as_str()]); }
    assert_eq!(fixture.tables("acme"), ["__diesel_schema_migrations", "labels", "tasks"]);
    println!("{}", fixture.tenancy.migrate().unwrap());
    let n: i64 = fixture.tenancy.with_public(|c| { use diesel::prelude::*; apps::customers::clients::table.count().get_result(c)}).unwrap();
    assert_eq!(n, 2);
    assert!(matches!(fixture.try_tenant("ACME"), Err(tenant_diesel::Error::TenantExists { .. })));
    fixture.tenancy.delete_with_schema(&tenants[0]).unwrap();
    println!("{:?}", fixture.tenancy.with_tenant(&tenants[0], |c| titles(c)));
    assert_eq!(fixture.tenancy.tenants().count(), 1);
}
