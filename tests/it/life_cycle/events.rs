//! Handlers: when they run, what they are told, and what becomes of their errors.

use diesel::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use tenant_diesel::{BoxError, Error, Event, Moment, TenancyBuilder};
use tenant_tests::apps::customers::Client;
use tenant_tests::{Fixture, application, chain, insert_task, name, new_client, titles};

/// What handlers heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, label: &str, event: &Event<'_>) {
        let mut text = format!("{label} {:?} {}", event.moment(), event.schema());
        if let Some(other) = event.other_name() {
            text += &format!(" {other}");
        }
        if let Some(version) = event.version() {
            text += &format!(" {version}");
        }
        self.0.lock().unwrap().push(text);
    }

    fn handler(&self, label: &'static str) -> impl Fn(&mut Event<'_>) -> Result<(), BoxError> + use<> {
        let heard = self.clone();
        move |event| {
            heard.note(label, event);
            Ok(())
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Moments of a life, but for migrations.
const LIFE: [Moment; 9] = [
    Moment::Creating,
    Moment::Created,
    Moment::Renaming,
    Moment::Renamed,
    Moment::Archived,
    Moment::Restored,
    Moment::Dropping,
    Moment::Dropped,
    Moment::Adopted,
];

fn refusing(builder: TenancyBuilder<Client>, moment: Moment) -> TenancyBuilder<Client> {
    builder.on(moment, |event| match event.schema().as_str() {
        "bad" | "badder" => Err("not today".into()),
        _ => Ok(()),
    })
}

fn is_refused<R: std::fmt::Debug>(result: Result<R, Error>, at: Moment) {
    let error = result.unwrap_err();
    assert!(
        matches!(&error, Error::Handler { moment, .. } if *moment == at),
        "{error:?}"
    );
    assert!(chain(&error).contains("not today"), "{}", chain(&error));
}

#[test]
fn the_handlers_of_a_life_run_in_order_before_the_commit_and_after_it() {
    let heard = Heard::default();
    let fixture = Fixture::with(|mut builder| {
        for moment in LIFE {
            builder = builder
                .on(moment, heard.handler("1"))
                .on(moment, heard.handler("2"));
            if moment.is_committed() {
                builder = builder.after_commit(moment, heard.handler("after"));
            }
        }
        builder
    });
    let tenancy = &fixture.tenancy;
    let acme = fixture.tenant("acme");
    assert_eq!(
        heard.take(),
        [
            "1 Creating acme",
            "2 Creating acme",
            "1 Created acme",
            "2 Created acme",
            "after Created acme"
        ]
    );
    let acme = tenancy.rename(&acme, &name("acme_ltd")).unwrap().tenant;
    assert_eq!(
        heard.take(),
        [
            "1 Renaming acme acme_ltd",
            "2 Renaming acme acme_ltd",
            "1 Renamed acme_ltd acme",
            "2 Renamed acme_ltd acme",
            "after Renamed acme_ltd acme"
        ]
    );
    tenancy.archive(&acme).unwrap();
    tenancy.restore(&acme).unwrap();
    assert_eq!(
        heard.take(),
        [
            "1 Archived acme_ltd",
            "2 Archived acme_ltd",
            "after Archived acme_ltd",
            "1 Restored acme_ltd",
            "2 Restored acme_ltd",
            "after Restored acme_ltd"
        ]
    );
    tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(
        heard.take(),
        [
            "1 Dropping acme_ltd",
            "2 Dropping acme_ltd",
            "1 Dropped acme_ltd",
            "2 Dropped acme_ltd",
            "after Dropped acme_ltd"
        ]
    );
    // Without a schema there is nothing to drop.
    let globex = fixture.tenant("globex");
    heard.take();
    tenancy.delete(&globex).unwrap();
    assert_eq!(heard.take(), [""; 0]);
}

#[test]
fn a_birth_tells_of_its_migrations_too() {
    let heard = Heard::default();
    let fixture = Fixture::with(|mut builder| {
        for moment in [
            Moment::Creating,
            Moment::MigratingSchema,
            Moment::ApplyingMigration,
            Moment::AppliedMigration,
            Moment::MigratedSchema,
            Moment::Created,
        ] {
            builder = builder.on(moment, heard.handler(""));
        }
        builder
    });
    heard.take();
    fixture.tenant("acme");
    assert_eq!(
        heard.take(),
        [
            " Creating acme",
            " MigratingSchema acme",
            " ApplyingMigration acme 20240101000000",
            " AppliedMigration acme 20240101000000",
            " ApplyingMigration acme 20240102000000",
            " AppliedMigration acme 20240102000000",
            " MigratedSchema acme",
            " Created acme"
        ]
    );
}

#[test]
fn a_handler_writes_in_the_transaction_of_the_birth_and_others_see_it_with_the_tenant() {
    let database_url = Arc::new(Mutex::new(String::new()));
    let url = Arc::clone(&database_url);
    let fixture = Fixture::with(|builder| {
        builder
            .on(Moment::Created, move |event| {
                let schema = event.schema().clone();
                let conn = event.connection().ok_or("no connection")?;
                assert_eq!(conn.current_schema()?, Some(schema));
                insert_task(conn, "welcome")?;
                let plans = conn.with_public(|conn| {
                    tenant_tests::apps::customers::plans::table
                        .count()
                        .get_result::<i64>(conn)
                })?;
                assert_eq!(plans, 2);
                Ok(())
            })
            .after_commit(Moment::Created, move |event| {
                assert!(event.connection().is_none());
                let mut outside = PgConnection::establish(&url.lock().unwrap())?;
                let exists = format!("SELECT FROM {}.tasks", event.schema().quoted());
                diesel::sql_query(exists).execute(&mut outside)?;
                Ok(())
            })
    });
    *database_url.lock().unwrap() = fixture.database.url().to_owned();
    let acme = fixture.tenant("acme");
    assert_eq!(fixture.titles(&acme), ["welcome"]);
}

#[test]
fn a_handler_that_fails_around_a_birth_leaves_neither_row_nor_schema() {
    for moment in [Moment::Creating, Moment::Created] {
        let fixture = Fixture::with(|builder| refusing(builder, moment));
        fixture.tagged(&["other"]);
        let before = fixture.everything();
        is_refused(fixture.try_tenant("bad"), moment);
        assert_eq!(fixture.everything(), before);
        fixture.tenant("good");
    }
}

#[test]
fn a_handler_that_fails_around_an_end_leaves_the_tenant_as_it_was() {
    for moment in [Moment::Dropping, Moment::Dropped] {
        let fixture = Fixture::with(|builder| refusing(builder, moment));
        let bad = fixture.tagged(&["bad"]).remove(0);
        let before = fixture.everything();
        is_refused(fixture.tenancy.delete_with_schema(&bad), moment);
        is_refused(fixture.tenancy.drop_schema(&bad), moment);
        assert_eq!(fixture.everything(), before);
        assert_eq!(fixture.titles(&bad), ["bad"]);
    }
}

#[test]
fn a_handler_that_fails_around_a_new_name_or_state_changes_nothing() {
    for moment in [Moment::Renaming, Moment::Renamed, Moment::Archived] {
        let fixture = Fixture::with(|builder| refusing(builder, moment));
        let bad = fixture.tagged(&["bad"]).remove(0);
        let before = fixture.everything();
        match moment {
            Moment::Archived => is_refused(fixture.tenancy.archive(&bad), moment),
            _ => is_refused(fixture.tenancy.rename(&bad, &name("badder")), moment),
        }
        assert_eq!(fixture.everything(), before);
        assert_eq!(fixture.titles(&bad), ["bad"]);
    }
    let fixture = Fixture::with(|builder| refusing(builder, Moment::Restored));
    let bad = fixture.tenant("bad");
    fixture.tenancy.archive(&bad).unwrap();
    let before = fixture.everything();
    is_refused(fixture.tenancy.restore(&bad), Moment::Restored);
    assert_eq!(fixture.everything(), before);
}

#[test]
fn before_the_end_a_handler_can_save_the_data() {
    let saved = Arc::new(Mutex::new(Vec::new()));
    let saving = Arc::clone(&saved);
    let fixture = Fixture::with(|builder| {
        builder.on(Moment::Dropping, move |event| {
            let conn = event.connection().ok_or("no connection")?;
            saving.lock().unwrap().extend(titles(conn)?);
            Ok(())
        })
    });
    let acme = fixture.tagged(&["acme"]).remove(0);
    fixture.tenancy.delete_with_schema(&acme).unwrap();
    assert_eq!(*saved.lock().unwrap(), ["acme"]);
    assert!(!fixture.has_schema("acme"));
}

#[test]
fn a_handler_that_fails_after_the_commit_says_that_all_was_done_and_the_next_one_runs() {
    let heard = Heard::default();
    let fixture = Fixture::with(|builder| {
        builder
            .after_commit(Moment::Created, |_| Err("no mail".into()))
            .after_commit(Moment::Created, heard.handler("next"))
            .after_commit(Moment::Created, |_| Err("no cache".into()))
    });
    let error = fixture.try_tenant("acme").unwrap_err();
    assert!(
        matches!(&error, Error::AfterCommit { schema, others, .. } if schema.as_str() == "acme" && others.len() == 1),
        "{error:?}"
    );
    let text = chain(&error);
    assert!(
        text.contains("done and committed") && text.contains("no mail"),
        "{text}"
    );
    assert_eq!(heard.take(), ["next Created acme"]);
    let acme = fixture.tenancy.find_by_schema(&name("acme")).unwrap().unwrap();
    assert!(fixture.titles(&acme).is_empty());
}

#[test]
fn in_a_transaction_of_the_callers_he_says_when_it_was_committed() {
    let heard = Heard::default();
    let fixture = Fixture::with(|builder| {
        builder
            .on(Moment::Created, heard.handler("in"))
            .after_commit(Moment::Created, heard.handler("after"))
    });
    let tenancy = &fixture.tenancy;
    let acme = tenancy
        .with_public(|conn| conn.transaction(|conn| tenancy.create_in(conn, new_client("acme"))))
        .unwrap();
    assert_eq!(heard.take(), ["in Created acme"]);
    tenancy
        .run_after_commit(Moment::Created, &acme.schema_name)
        .unwrap();
    assert_eq!(heard.take(), ["after Created acme"]);
    // Without a transaction of his, it is committed when the call returns.
    tenancy
        .with_public(|conn| tenancy.create_in(conn, new_client("globex")))
        .unwrap();
    assert_eq!(heard.take(), ["in Created globex", "after Created globex"]);
}

#[test]
fn a_handler_that_would_never_run_is_refused_at_once() {
    let builder: TenancyBuilder<Client> = application();
    let refused = builder
        .after_commit(Moment::Activated, |_| Ok(()))
        .connect("postgres://nowhere.invalid/");
    assert!(
        matches!(
            refused,
            Err(Error::HandlerNeverRuns {
                moment: Moment::Activated
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn a_scope_tells_once_that_a_tenant_is_active() {
    let heard = Heard::default();
    let fixture = Fixture::with(|builder| builder.on(Moment::Activated, heard.handler("")));
    let (acme, globex) = (fixture.tenant("acme"), fixture.tenant("globex"));
    let tenancy = &fixture.tenancy;
    assert_eq!(heard.take(), [""; 0]);
    tenancy
        .with_tenant(&acme, |conn| {
            titles(conn)?;
            conn.with_tenant(&acme, titles)?;
            conn.transaction(titles)?;
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(heard.take(), [" Activated acme"]);
    tenancy.transaction(&acme, titles).unwrap();
    drop(tenancy.get(&acme).unwrap());
    drop(tenancy.pool().tenant(&acme.schema_name).unwrap());
    assert_eq!(heard.take(), [" Activated acme"; 3]);
    tenancy
        .with_public(|conn| {
            conn.with_tenant(&acme, |conn| {
                conn.with_tenant(&globex, titles)?;
                titles(conn)?;
                Ok::<_, Error>(())
            })
        })
        .unwrap();
    assert_eq!(heard.take(), [" Activated acme", " Activated globex"]);
    // Nothing is entered, so nothing is told.
    tenancy.delete_with_schema(&globex).unwrap();
    assert!(tenancy.get(&globex).is_err());
    assert_eq!(heard.take(), [""; 0]);
}

#[test]
fn a_handler_can_keep_a_scope_from_being_entered() {
    let fixture = Fixture::with(|builder| refusing(builder, Moment::Activated));
    let (bad, good) = (fixture.tenant("bad"), fixture.tenant("good"));
    let tenancy = &fixture.tenancy;
    is_refused(tenancy.with_tenant(&bad, titles), Moment::Activated);
    is_refused(tenancy.transaction(&bad, titles), Moment::Activated);
    is_refused(tenancy.get(&bad), Moment::Activated);
    tenancy
        .with_tenant(&good, |conn| {
            insert_task(conn, "mine")?;
            is_refused(conn.with_tenant(&bad, titles), Moment::Activated);
            assert_eq!(titles(conn)?, ["mine"]);
            Ok::<_, Error>(())
        })
        .unwrap();
    assert_eq!(tenancy.pool().state().connections, 4);
}

#[test]
fn a_panic_in_a_handler_undoes_the_act_and_harms_nobody_after_it() {
    for moment in [
        Moment::Creating,
        Moment::Created,
        Moment::Dropping,
        Moment::Dropped,
        Moment::Renamed,
    ] {
        let fixture = Fixture::with(|builder| {
            builder.on(moment, |event| match event.schema().as_str() {
                "bad" | "badder" => panic!("in a handler"),
                _ => Ok(()),
            })
        });
        fixture.tenant("other");
        let is_birth = matches!(moment, Moment::Creating | Moment::Created);
        let bad = (!is_birth).then(|| fixture.tenant("bad"));
        let before = fixture.everything();
        let result = catch_unwind(AssertUnwindSafe(|| match &bad {
            None => fixture.try_tenant("bad").map(drop),
            Some(bad) if moment == Moment::Renamed => fixture.tenancy.rename(bad, &name("badder")).map(drop),
            Some(bad) => fixture.tenancy.delete_with_schema(bad),
        }));
        assert!(result.is_err(), "{moment:?}");
        tenant_tests::wait_until("the server has rolled back", || fixture.advisory_locks() == 0);
        assert_eq!(fixture.everything(), before);
        let good = fixture.tenant("good");
        let better = fixture.tenancy.rename(&good, &name("better")).unwrap().tenant;
        fixture.tenancy.delete_with_schema(&better).unwrap();
        assert_eq!(fixture.everything(), before);
    }
}
