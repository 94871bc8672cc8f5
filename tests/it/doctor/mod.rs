//! What is wrong with a database is named, each thing by itself; what can be mended is, once.

mod cost;
mod fixes;
mod healthy;
mod provoked;
mod rights;

use diesel::prelude::*;
use tenant_diesel::{Check, Complaint, Diagnosis, Error, Tenancy, TenantModel};
use tenant_tests::Fixture;

/// What the doctor says, who could see everything.
fn diagnose<T: TenantModel>(tenancy: &Tenancy<T>) -> Diagnosis {
    let diagnosis = tenancy.doctor().unwrap();
    assert_eq!(diagnosis.unseen, [], "{diagnosis}");
    diagnosis
}

/// The one thing that it complains about.
fn only<T: TenantModel>(tenancy: &Tenancy<T>, check: Check) -> Complaint {
    let mut diagnosis = diagnose(tenancy);
    let checks: Vec<Check> = diagnosis.complaints.iter().map(|c| c.check).collect();
    assert_eq!(checks, [check], "{diagnosis}");
    diagnosis.complaints.remove(0)
}

/// The names that a complaint lists.
fn objects(complaint: &Complaint) -> Vec<&str> {
    complaint.concerned.iter().map(|c| c.object.as_str()).collect()
}

/// A role of this test, which belongs to the server and not to a database; it goes with the value.
struct Role<'f> {
    name: String,
    fixture: &'f Fixture,
}

impl<'f> Role<'f> {
    fn new(fixture: &'f Fixture, name: &str) -> Self {
        let name = format!("{name}_{}", std::process::id());
        fixture.run(&format!("CREATE ROLE {name} LOGIN"));
        Self { name, fixture }
    }

    /// A URL whose connections have this role from the start.
    fn url(&self) -> String {
        format!("{}?options=-crole%3D{}", self.fixture.database.url(), self.name)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.fixture.run(&format!(
            "REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}",
            role = self.name
        ));
    }
}

/// Holds the lock of a schema until the value goes, as a process that works there would.
fn at_work(fixture: &Fixture, schema: &str) -> PgConnection {
    let mut conn = fixture.outside();
    diesel::sql_query(format!(
        "SELECT pg_advisory_lock(hashtextextended('{schema}', 7310575218))"
    ))
    .execute(&mut conn)
    .unwrap();
    conn
}
