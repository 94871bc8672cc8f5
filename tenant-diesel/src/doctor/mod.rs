//! The doctor: what is wrong with the database of an application, named before somebody meets it, and mended where that is
//! safe.
//!
//! | module | owns |
//! |---|---|
//! | [`check`] | what is looked for |
//! | [`checks`] | how each is found: by one query over all tenants |
//! | [`facts`] | what every check must know: the configuration, and what this role can see |
//! | [`ask`] | how a check asks, and what is nobody's work at this moment |
//! | [`fix`] | what is mended, each schema under its lock |
//! | [`diagnosis`], [`display`] | what people get |

mod ask;
mod check;
mod checks;
mod diagnosis;
mod display;
mod facts;
mod fix;

pub use check::Check;
pub use diagnosis::{Complaint, Concerned, Diagnosis, Fixed, LISTED, Treatment, Unseen};

use crate::model::TenantModel;
use crate::{Error, Tenancy};
use ask::Visit;
use diesel::result::DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};

const ACTION: &str = "look for what is wrong";

impl<T: TenantModel> Tenancy<T> {
    #[doc = include_str!("../docs/doctor.md")]
    ///
    /// # Errors
    ///
    /// [`Error::PoolTimeout`], or a connection that was lost. What this role has no right to see is in the diagnosis.
    pub fn doctor(&self) -> Result<Diagnosis, Error> {
        let failed = || Error::attempt(ACTION, self.public_schema());
        let mut diagnosis = Diagnosis::default();
        let mut lease = self.pool().workbench()?;
        let pg = &mut lease.pg;
        let facts = self.facts(pg).map_err(failed())?;
        for examination in checks::all() {
            if let Some(reason) = examination.hindrance(&facts) {
                diagnosis.unseen.push(Unseen {
                    check: examination.check,
                    reason,
                });
                continue;
            }
            let asked = (examination.ask)(&mut Visit {
                pg,
                facts: &facts,
                unseen: &mut diagnosis.unseen,
            });
            match asked {
                Ok(complaint) => diagnosis.complaints.extend(complaint),
                Err(error) if is_of_the_connection(&error) => return Err(failed()(error)),
                // One question that the server refuses takes no other with it.
                Err(error) => diagnosis.unseen.push(Unseen {
                    check: examination.check,
                    reason: error.to_string(),
                }),
            }
        }
        diagnosis
            .complaints
            .sort_by_key(|complaint| (complaint.severity, complaint.check));
        Ok(diagnosis)
    }
}

/// Whether the connection failed, and not a question.
fn is_of_the_connection(error: &diesel::result::Error) -> bool {
    matches!(
        error,
        diesel::result::Error::DatabaseError(ClosedConnection | UnableToSendCommand, _)
    )
}
