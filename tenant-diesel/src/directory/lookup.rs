//! One look-up: what is known, else one question to the database, which others who want the same wait for.

use super::flight::Flights;
use super::key::Key;
use super::limits::Allowance;
use super::metrics::{Counters, count};
use super::source::{self, Source};
use super::store::{Hit, Known, Since, Store};
use super::{Hears, Notice};
use crate::{Error, Tenancy, TenantModel};
use std::sync::Arc;
use tenant_core::{Folder, Hostname, SchemaName};

/// What a [`TenantDirectory`](super::TenantDirectory) is made of.
#[derive(Debug)]
pub(super) struct Inner<T> {
    pub(super) tenancy: Tenancy<T>,
    pub(super) source: Source,
    pub(super) store: Store<T>,
    flights: Flights<Answer<T>>,
    pub(super) allowance: Allowance,
    pub(super) counters: Counters,
}

/// What is found, if anybody is.
pub(super) type Answer<T> = Option<Arc<Hit<T>>>;

impl<T> Inner<T> {
    pub(super) fn new(tenancy: Tenancy<T>, source: Source, store: Store<T>, allowance: Allowance) -> Self {
        Self {
            tenancy,
            source,
            store,
            flights: Flights::default(),
            allowance,
            counters: Counters::default(),
        }
    }

    /// What is known, without asking the database. `None`: it must be asked.
    pub(super) fn known(&self, known: Known<T>) -> Option<Answer<T>> {
        match known {
            Known::Found(hit) => {
                count(&self.counters.hits);
                Some(Some(hit))
            }
            Known::Nobody => {
                count(&self.counters.misses);
                Some(None)
            }
            Known::Unknown { .. } => None,
        }
    }

    /// What is known of a host. Where there are no folders, all are alike.
    pub(super) fn host_known(&self, host: &Hostname, folder: &Folder) -> Known<T> {
        if !self.source.has_domains() {
            return Known::Nobody;
        }
        self.store.of_host(host, self.folder(folder))
    }

    fn folder<'f>(&self, folder: &'f Folder) -> &'f Folder {
        const NONE: &Folder = &Folder::NONE;
        if self.source.has_folders() { folder } else { NONE }
    }
}

impl<T: TenantModel + Sync> Inner<T> {
    pub(super) fn by_host(&self, host: &Hostname, folder: &Folder) -> Result<Answer<T>, Error> {
        let Some(answer) = self.known(self.host_known(host, folder)) else {
            let folder = self.folder(folder);
            let key = Key::Host(host.clone(), folder.clone());
            return self.answer(
                &key,
                || self.host_known(host, folder),
                |since| self.ask_for_host(host, folder, since),
            );
        };
        Ok(answer)
    }

    pub(super) fn by_name(&self, schema: &SchemaName) -> Result<Answer<T>, Error> {
        let Some(answer) = self.known(self.store.of_name(schema)) else {
            let key = Key::Name(schema.clone());
            return self.answer(
                &key,
                || self.store.of_name(schema),
                |since| self.ask_for_name(schema, since),
            );
        };
        Ok(answer)
    }

    /// Asks, or waits for who asks already.
    fn answer(
        &self,
        key: &Key,
        look: impl Fn() -> Known<T>,
        ask: impl FnOnce(Since) -> Result<(Answer<T>, bool), Error>,
    ) -> Result<Answer<T>, Error> {
        // Before anything is looked at: what changes from now on makes the answer one that is not kept.
        let since = self.store.now();
        self.flights.answer(key, since.generation(), || {
            // The one who asked before may have landed meanwhile.
            let was_found = match look() {
                Known::Found(hit) => return Ok(Some(hit)),
                Known::Nobody => return Ok(None),
                Known::Unknown { was_found } => was_found,
            };
            if !was_found && !self.allowance.allows_one() {
                count(&self.counters.refused);
                return Err(Error::DirectoryBusy {
                    asked: key.to_string(),
                });
            }
            count(&self.counters.queries);
            let (answer, is_somebodys) = ask(since)?;
            if !was_found && !is_somebodys {
                self.allowance.spend();
            }
            Ok(answer)
        })
    }

    /// Asks for a host, and keeps what it learns. Also whether host and folder are somebody's.
    fn ask_for_host(
        &self,
        host: &Hostname,
        folder: &Folder,
        since: Since,
    ) -> Result<(Answer<T>, bool), Error> {
        let serves = &self.tenancy.pool().paths().standing.serves;
        let rows = self.tenancy.on_model("look for the tenant of a host", |conn| {
            let states = self.states(conn)?;
            T::read(conn, self.source.by_host(host, folder, states.as_deref()))
        })?;
        let at_host = source::read_host(rows, host, serves);
        let has_folders = at_host.has_folders;
        let in_folder = Key::Host(host.clone(), folder.clone());
        let at_root = Key::Host(host.clone(), Folder::NONE);
        let is_in_folder = |found: &super::store::Found<T>| {
            let place = found.place.as_ref();
            place.is_some_and(|place| !place.address.folder.is_none())
        };
        match at_host.found {
            Some(found) if is_in_folder(&found) => {
                // There is a folder: this one.
                let hit = self.store.keep(in_folder, found, true, since);
                let is_somebodys = !hit.is_wild();
                Ok((Some(hit), is_somebodys))
            }
            found => {
                // What has no folder is the same for each.
                let answer = match found {
                    Some(found) => Some(self.store.keep(at_root, found, has_folders, since)),
                    None => {
                        self.store.keep_nobody(at_root, has_folders, since);
                        None
                    }
                };
                let is_nobodys_folder = has_folders && !folder.is_none();
                if is_nobodys_folder {
                    self.store.keep_nobody(in_folder, has_folders, since);
                } else if !folder.is_none() {
                    self.store.forget_key(&in_folder, since);
                }
                // A host below a wildcard may be one that somebody made up.
                let is_named = answer.as_ref().is_some_and(|hit| !hit.is_wild());
                let is_somebodys = is_named && !is_nobodys_folder;
                Ok((answer, is_somebodys))
            }
        }
    }

    fn ask_for_name(&self, schema: &SchemaName, since: Since) -> Result<(Answer<T>, bool), Error> {
        let serves = &self.tenancy.pool().paths().standing.serves;
        let rows = self.tenancy.on_model("look for a tenant by its name", |conn| {
            let states = self.states(conn)?;
            T::read(conn, self.source.by_name(schema, states.as_deref()))
        })?;
        let key = Key::Name(schema.clone());
        match source::read_name(rows, serves) {
            Some(found) => Ok((Some(self.store.keep(key, found, false, since)), true)),
            None => {
                self.store.keep_nobody(key, false, since);
                Ok((None, false))
            }
        }
    }

    /// The library's table, once it is there.
    fn states(&self, conn: &mut crate::PublicConnection) -> diesel::QueryResult<Option<String>> {
        let records = self.tenancy.records();
        Ok(records.look(conn.raw())?.then(|| records.table("schemas")))
    }
}

impl<T: TenantModel + Sync> Hears for Inner<T> {
    fn hear(&self, notices: &[Notice]) {
        self.counters.noticed(notices.len());
        let heeds_versions = !self.tenancy.pool().paths().standing.serves.is_unbounded();
        let mut notices = notices.to_vec();
        // All of them are served, whatever they are at.
        notices.retain(|notice| heeds_versions || *notice != Notice::Versions);
        if !notices.is_empty() {
            self.store.forget(&notices);
        }
    }
}
