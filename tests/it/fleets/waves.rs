//! Waves, order, gates, and where a run stops.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tenant_diesel::{Executor, Gate, OnError, Outcome, RunEvent, Selection, Wave, Work};
use tenant_tests::apps::customers::clients;
use tenant_tests::apps::todo;
use tenant_tests::name;

fn todo(fixture: &Fixture) -> Tenancy<Client> {
    again(fixture, cases::builder().app::<todo::App>())
}

/// The schemas that are migrated, as the server has them.
fn migrated(fixture: &Fixture) -> Vec<String> {
    let all = fixture.schemas().into_iter().filter(|schema| schema != "public");
    all.filter(|schema| !fixture.versions(schema).is_empty())
        .collect()
}

#[test]
fn a_canary_comes_first_and_its_gate_decides_about_the_others() {
    let fixture = bare(6);
    let tenancy = todo(&fixture);
    let asked = Arc::new(AtomicUsize::new(0));
    let times = Arc::clone(&asked);
    let canary = Wave::canary(2).gate(move |end| {
        assert_eq!((end.wave, end.schemas.len(), end.left), (0, 2, 4));
        assert_eq!(end.report.applied(), 4);
        match times.fetch_add(1, Ordering::SeqCst) {
            0 => Gate::Wait(Duration::from_millis(1)),
            _ => Gate::stop("somebody looked at the canary"),
        }
    });
    let report = failure(tenancy.migration().wave(canary).run());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(report.stopped.as_deref(), Some("somebody looked at the canary"));
    assert!(!report.has_failures());
    assert_eq!(migrated(&fixture), ["t000", "t001"]);
    let not_started = report
        .schemas
        .iter()
        .filter(|entry| entry.outcome == Outcome::NotStarted);
    assert_eq!(not_started.count(), 4);
    assert!(
        report
            .to_string()
            .contains("stopped because somebody looked at the canary"),
        "{report}"
    );
    assert_eq!(
        fixture.texts("SELECT state FROM tenancy.runs ORDER BY id DESC LIMIT 1"),
        ["stopped"]
    );
    // The same again goes on where it stopped.
    let report = tenancy.migrate().unwrap();
    assert!(report.is_resumed);
    assert_eq!(report.done_before, [name("t000"), name("t001")]);
    assert_eq!(schemas(&report), ["t002", "t003", "t004", "t005"]);
    assert_eq!(
        fixture.texts("SELECT state FROM tenancy.runs ORDER BY id DESC LIMIT 1"),
        ["done"]
    );
}

#[test]
fn groups_follow_each_other_and_named_canaries_come_first() {
    let fixture = bare(7);
    let waves = Mutex::new(Vec::new());
    let waves = Arc::new(waves);
    let seen = Arc::clone(&waves);
    let report = todo(&fixture)
        .migration()
        .wave(Wave::canary_of([name("t005")]))
        .wave(Wave::groups_of(4).parallel(2).pause(Duration::from_millis(1)))
        .on_event(move |event| {
            if let RunEvent::WaveStarted { wave, schemas } = event {
                seen.lock().unwrap().push((*wave, *schemas));
            }
        })
        .run()
        .unwrap();
    assert_eq!(*waves.lock().unwrap(), [(0, 1), (1, 4), (2, 2)]);
    assert_eq!(
        schemas(&report),
        ["t005", "t000", "t001", "t002", "t003", "t004", "t006"]
    );
    let of: Vec<_> = report.schemas.iter().filter_map(|entry| entry.wave).collect();
    assert_eq!(of, [0, 1, 1, 1, 1, 2, 2]);
}

#[test]
fn a_run_stops_where_it_is_told_to() {
    for (on_error, most, waves, begun) in [
        (OnError::Continue, None, false, 6),
        (OnError::StopRun, None, false, 2),
        // The next wave comes, and is left at its first failure too.
        (OnError::StopWave, None, true, 3),
        (OnError::Continue, Some(2), false, 4),
    ] {
        let fixture = bare(6);
        for schema in ["t001", "t003"] {
            fixture.run(&format!("CREATE TABLE {schema}.labels_task_id ()"));
        }
        let tenancy = todo(&fixture);
        let mut run = tenancy.migration().sequential().on_error(on_error);
        if let Some(most) = most {
            run = run.max_failures(most);
        }
        if waves {
            run = run.wave(Wave::of(3));
        }
        let report = failure(run.run());
        let done = report
            .schemas
            .iter()
            .filter(|entry| entry.wave.is_some() && entry.outcome != Outcome::NotStarted);
        assert_eq!(done.count(), begun, "{on_error:?} {most:?}");
        assert_eq!(report.stopped.is_some(), begun < 6);
        assert_eq!(report.schemas.len(), 7);
    }
}

#[test]
fn tenants_come_in_the_order_of_a_column_or_of_a_key() {
    let fixture = bare(4);
    fixture.run("UPDATE clients SET name = (9 - id)::text");
    let tenancy = todo(&fixture);
    let order = |run: tenant_diesel::MigrationRun<'_, Client>| {
        let plan = run.plan().unwrap();
        plan.schemas
            .iter()
            .map(|planned| planned.schema.to_string())
            .collect::<Vec<_>>()
    };
    let by_name = ["t003", "t002", "t001", "t000"];
    assert_eq!(order(tenancy.migration().order_by(clients::name)), by_name);
    assert_eq!(order(tenancy.migration().order_by_desc(clients::id)), by_name);
    let parity = |client: &Client| (client.id % 2, client.id);
    let by_parity = order(tenancy.migration().order_by_key(parity));
    assert_eq!(by_parity.len(), 4);
    assert_ne!(by_parity, by_name);
    // Public first, then in order: as events, and in the report.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&seen);
    let report = tenancy
        .migration()
        .order_by_desc(clients::schema_name)
        .sequential()
        .on_event(move |event| {
            if let RunEvent::SchemaStarted { schema } = event {
                events.lock().unwrap().push(schema.to_string());
            }
        })
        .run()
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), by_name);
    assert_eq!(schemas(&report), by_name);
}

/// Runs two schemas and leaves the rest.
#[derive(Debug)]
struct Lazy;

impl Executor for Lazy {
    fn execute(&self, work: &Work<'_>) {
        assert!(work.run_next() && work.run_next());
    }
}

#[test]
fn an_executor_that_leaves_schemas_undone_does_not_go_unnoticed() {
    let fixture = bare(3);
    let report = failure(todo(&fixture).migration().executor(Lazy).run());
    assert_eq!(migrated(&fixture).len(), 2);
    assert!(report.stopped.unwrap().contains("left schemas undone"));
}

#[test]
fn threads_are_bounded_by_the_pool_and_a_pool_of_one_is_enough() {
    let fixture = bare(8);
    let limits = r2d2::Pool::builder()
        .max_size(1)
        .connection_timeout(Duration::from_secs(2));
    let one = cases::builder()
        .app::<todo::App>()
        .r2d2(limits)
        .connect(fixture.database.url())
        .unwrap();
    let report = one.migration().parallel(16).run().unwrap();
    assert_eq!(report.applied(), 16);
    assert_eq!(
        one.migration()
            .select(Selection::tenants())
            .plan()
            .unwrap()
            .up_to_date,
        8
    );
}
