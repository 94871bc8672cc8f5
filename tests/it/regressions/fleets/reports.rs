//! What reports say.

use super::*;

#[test]
fn a_schema_that_is_half_done_when_the_run_stops_is_not_reported_as_done() {
    let fixture = bare(2);
    fixture.run("CREATE TABLE t001.tasks ()");
    let holder = Mutex::new(None);
    let url = fixture.database.url().to_owned();
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = failure(
        tenancy
            .migration()
            .sequential()
            .lock_timeout(Duration::from_millis(50))
            .on_error(OnError::StopRun)
            .on_event(move |event| {
                if let RunEvent::StepDone { schema, .. } = event
                    && schema.as_str() == "t000"
                {
                    let mut conn = PgConnection::establish(&url).unwrap();
                    conn.batch_execute("BEGIN; LOCK TABLE t000.tasks IN ACCESS EXCLUSIVE MODE")
                        .unwrap();
                    *holder.lock().unwrap() = Some(conn);
                }
            })
            .run(),
    );
    let entry = report.schema(&name("t000")).unwrap();
    assert_eq!(entry.applied, [TODO[0]]);
    assert_ne!(entry.outcome, Outcome::Done, "{report} {entry:?}");
}

#[derive(Debug)]
struct Deaf;

impl Executor for Deaf {
    fn execute(&self, work: &Work<'_>) {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| while work.run_next() {});
            let _whatever = thread.join();
        });
        while work.run_next() {}
    }
}

#[test]
fn a_schema_that_is_lost_in_a_panic_does_not_go_unnoticed() {
    let fixture = bare(3);
    let tenancy = again(&fixture, cases::builder().app::<todo::App>());
    let report = tenancy
        .migration()
        .executor(Deaf)
        .on_event(|event| {
            if let RunEvent::SchemaStarted { schema } = event {
                assert!(schema.as_str() != "t001", "an observer that panics");
            }
        })
        .run();
    assert!(fixture.versions("t001").is_empty());
    assert!(report.is_err(), "{}", report.unwrap());
}

#[test]
fn handlers_hear_once_of_a_schema_that_somebody_else_is_at() {
    let fixture = bare(1);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heard);
    let builder = cases::builder()
        .app::<todo::App>()
        .on(Moment::MigratingSchema, move |event| {
            seen.lock().unwrap().push(event.schema().to_string());
            Ok(())
        });
    let tenancy = again(&fixture, builder);
    let mut holder = fixture.outside();
    holder
        .batch_execute("SELECT pg_advisory_lock(hashtextextended('t000', 7310575218))")
        .unwrap();
    let holder = Mutex::new(Some(holder));
    tenancy
        .migration()
        .on_event(move |event| {
            if matches!(event, RunEvent::Busy { .. }) {
                holder.lock().unwrap().take();
            }
        })
        .run()
        .unwrap();
    assert_eq!(*heard.lock().unwrap(), ["t000"]);
}
