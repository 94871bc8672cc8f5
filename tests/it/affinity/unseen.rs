//! Code on the server that changes the session where no client can see it, and `verify_always`, which does not
//! care.

use super::*;

/// A trigger on each tenant's tasks that sets a path and a setting when a row comes.
const TRIGGER: &str = "
CREATE FUNCTION public.unseen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('search_path', 'globex', false);
    PERFORM set_config('statement_timeout', '12345', false);
    RETURN new;
END $$;
CREATE TRIGGER unseen AFTER INSERT ON acme.tasks FOR EACH ROW EXECUTE FUNCTION public.unseen();";

fn with_trigger(options: impl FnOnce(TenantPoolBuilder) -> TenantPoolBuilder) -> (Fixture, Vec<Client>) {
    let fixture = with(1, options);
    let tenants = fixture.tagged(&["acme", "globex"]);
    fixture.run(TRIGGER);
    (fixture, tenants)
}

#[test]
fn a_trigger_that_sets_a_path_is_not_seen_which_is_what_verify_always_is_for() {
    // What SECURITY.md says: if this ever fails, the documentation is to be changed.
    let (fixture, tenants) = with_trigger(|pool| pool);
    let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
        insert_task(conn, "x")?;
        titles(conn)
    });
    assert_eq!(read.unwrap(), ["globex"]);
}

#[test]
fn with_verify_always_a_trigger_changes_neither_this_scope_nor_the_next() {
    let (fixture, tenants) = with_trigger(TenantPoolBuilder::verify_always);
    for _ in 0..2 {
        let read = fixture.tenancy.with_tenant(&tenants[0], |conn| {
            insert_task(conn, "x")?;
            let read = titles(conn)?;
            insert_task(conn, "y")?;
            conn.transaction(|conn| {
                insert_task(conn, "z")?;
                titles(conn)
            })?;
            QueryResult::Ok(read)
        });
        assert!(read.unwrap().contains(&"acme".to_owned()));
        let mut conn = fixture.tenancy.get(&tenants[0]).unwrap();
        assert_eq!(setting(&mut conn, "statement_timeout"), "0");
        assert!(titles(&mut conn).unwrap().contains(&"acme".to_owned()));
        drop(conn);
        fixture
            .tenancy
            .transaction(&tenants[0], |conn| {
                insert_task(conn, "x")?;
                assert!(titles(conn)?.contains(&"acme".to_owned()));
                QueryResult::Ok(())
            })
            .unwrap();
        assert_eq!(fixture.titles(&tenants[1]), ["globex"]);
    }
    assert_eq!(fixture.count("SELECT count(*) FROM globex.tasks"), 1);
}

#[test]
fn with_verify_always_a_statement_costs_one_round_trip_more() {
    let (fixture, tenants) = with_trigger(|pool| pool);
    let (proxy, url) = Proxy::before(fixture.database.url()).unwrap();
    let tenancy = application::<Client>()
        .r2d2(r2d2::Pool::builder().max_size(1))
        .pool(|pool| pool.verify_always().alive_bypass_window(LONG))
        .connect(&url)
        .unwrap();
    let read_three = || {
        tenancy.with_tenant(&tenants[1], |conn| {
            for _ in 0..3 {
                titles(conn)?;
            }
            QueryResult::Ok(())
        })
    };
    read_three().unwrap();
    let (round_trips, _) = proxy.count(|| read_three().unwrap());
    assert_eq!(
        round_trips, 6,
        "three reads, and before each a path; the first with the reset"
    );
}
