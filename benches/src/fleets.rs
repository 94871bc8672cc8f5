//! [`Fleets`]: databases for what is about all tenants at once, each made when it is asked for and kept for the next case.

use crate::Result;
use crate::schemas::Schemas;
use crate::site::Site;
use std::collections::HashMap;

/// Databases beside the one of the requests.
#[derive(Debug)]
pub(crate) struct Fleets<'s> {
    site: &'s Site,
    /// Those whose tenants have a ledger each and nothing else, by their number.
    of_ledgers: HashMap<usize, Site>,
    of_workload: Option<Site>,
}

impl<'s> Fleets<'s> {
    /// None yet.
    pub(crate) fn beside(site: &'s Site) -> Self {
        Self {
            site,
            of_ledgers: HashMap::new(),
            of_workload: None,
        }
    }

    /// So many tenants whose schemas have a ledger and nothing else, and no migration is pending: all that anybody asks who starts.
    pub(crate) fn of_ledgers(&mut self, tenants: usize) -> Result<&Site> {
        if !self.of_ledgers.contains_key(&tenants) {
            let made = self.site.beside(tenants, &Schemas::ledger_of_shop())?;
            self.of_ledgers.insert(tenants, made);
        }
        Ok(&self.of_ledgers[&tenants])
    }

    /// So many tenants of the workload, without its last migration.
    pub(crate) fn of_workload(&mut self, tenants: usize) -> Result<&Site> {
        let made = match self.of_workload.take() {
            Some(made) => made,
            None => self.site.beside(tenants, &Schemas::workload_before_last())?,
        };
        Ok(self.of_workload.insert(made))
    }

    /// So many shops with empty tables. Nobody else wants them.
    pub(crate) fn of_empty_tables(&self, tenants: usize) -> Result<Site> {
        self.site.beside(tenants, &Schemas::shop_without_rows())
    }

    /// Nobody yet.
    pub(crate) fn empty(&self) -> Result<Site> {
        self.site.beside(0, &Schemas::ledger_of_shop())
    }
}
