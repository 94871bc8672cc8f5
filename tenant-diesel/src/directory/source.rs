//! [`Source`]: where a directory looks, and the one question for a host or a name.

use super::store::{Found, Place};
use crate::domains::{DomainTable, TenantTable};
use crate::pool::Serves;
use crate::rows::{Facts, Rows};
use crate::{DomainColumn, DomainModel, TenantModel, TenantState};
use std::sync::Arc;
use tenant_core::{Address, Availability, DomainName, Folder, Hostname, SchemaName, TenantRef};

/// See the module. Only the rows that are needed are read: of a host that ten thousand tenants share by folders, that
/// of the folder and one other.
#[derive(Debug)]
pub(super) struct Source {
    tenants: TenantTable,
    domains: Domains,
}

#[derive(Debug)]
enum Domains {
    /// A table of them.
    Table(DomainTable),
    /// A column of the table of tenants: as text, and its name.
    Column(String, &'static str),
    /// There are none: tenants are found by name only.
    None,
}

/// What a question for a host found.
#[derive(Debug)]
pub(super) struct AtHost<T> {
    pub(super) found: Option<Found<T>>,
    /// Whether there are folders at the host, other than the one that was asked for.
    pub(super) has_folders: bool,
}

/// What is read of a tenant's state, and how its row is joined.
const STATE: [&str; 2] = ["__state.state", "__state.version"];
const NO_STATE: [&str; 2] = ["NULL", "NULL"];

impl Source {
    pub(super) fn table<D: DomainModel>(public: &SchemaName) -> Self {
        Self {
            tenants: TenantTable::of::<D::Tenant>(public),
            domains: Domains::Table(DomainTable::of::<D>(public)),
        }
    }

    pub(super) fn column<T: DomainColumn>(public: &SchemaName) -> Self {
        let tenants = TenantTable::of::<T>(public);
        Self {
            domains: Domains::Column(tenants.text(T::DOMAIN_COLUMN), T::DOMAIN_COLUMN),
            tenants,
        }
    }

    pub(super) fn names_only<T: TenantModel>(public: &SchemaName) -> Self {
        Self {
            tenants: TenantTable::of::<T>(public),
            domains: Domains::None,
        }
    }

    /// Whether tenants have domains.
    pub(super) fn has_domains(&self) -> bool {
        !matches!(self.domains, Domains::None)
    }

    /// Whether tenants can share a host.
    pub(super) fn has_folders(&self) -> bool {
        matches!(&self.domains, Domains::Table(domains) if domains.has_folders())
    }

    /// The question for a tenant by its schema. `states` is the library's table, if it is there.
    pub(super) fn by_name<T: TenantModel>(&self, schema: &SchemaName, states: Option<&str>) -> Rows<T> {
        let [state, version] = state(states);
        let Self { tenants, .. } = self;
        Rows::new(format!(
            "ARRAY[NULL, NULL, NULL, NULL, NULL, NULL, NULL, {state}, {version}]::text[]"
        ))
        .sql(format!(
            " FROM {}{} WHERE {} = ",
            tenants.name,
            self.joined(states),
            tenants.schema
        ))
        .text(schema.as_str())
        .sql(" LIMIT 1")
    }

    /// The question for a host and a folder: the best domain there is with its tenant, and, where another has a folder
    /// there, one of these.
    ///
    /// Each candidate is looked for by itself, the best first, until one is there. Had the server the choice, as with
    /// `= ANY ($1)`, it would make a plan for ten candidates, and for some thousand domains read all of them each time.
    pub(super) fn by_host<T: TenantModel>(
        &self,
        host: &Hostname,
        folder: &Folder,
        states: Option<&str>,
    ) -> Rows<T> {
        let candidates: Vec<String> = DomainName::candidates(host)
            .iter()
            .map(|domain| domain.as_str().to_owned())
            .collect();
        let [state, version] = state(states);
        let (tenants, joined) = (&self.tenants, self.joined(states));
        let domains = match &self.domains {
            Domains::Table(domains) => domains,
            Domains::Column(column, _) => {
                return Rows::new(format!(
                    "ARRAY[NULL, {column}, '', 'true', 'false', NULL, NULL, {state}, {version}]::text[]"
                ))
                .sql(" FROM pg_catalog.unnest(")
                .texts(candidates)
                .sql(format!(
                    ") WITH ORDINALITY AS __asked JOIN {} ON {column} = __asked.__asked{joined} \
                     ORDER BY __asked.ordinality LIMIT 1",
                    tenants.name
                ));
            }
            Domains::None => {
                return Rows::new("NULL::text[]").sql(format!(" FROM {} WHERE false", tenants.name));
            }
        };
        let (domain, its_folder) = (domains.domain("__domain"), domains.folder("__domain"));
        let one =
            |marker: &str| format!("(SELECT {marker}::text AS __marker, __best.* FROM pg_catalog.unnest(");
        let best = format!(
            ") WITH ORDINALITY AS __asked CROSS JOIN LATERAL (SELECT {domain} AS __at, \
             {its_folder} AS __folder, {} AS __is_primary, {} AS __redirects, {} FROM {} AS __domain \
             WHERE {domain} = __asked.__asked",
            domains.primary("__domain"),
            domains.redirects("__domain"),
            domains.keys("__domain"),
            domains.name
        );
        let mut rows = Rows::new(format!(
            "ARRAY[__found.__marker, __found.__at, __found.__folder, __found.__is_primary::text, __found.__redirects::text, \
             __primary.__at, __primary.__folder, {state}, {version}]::text[]"
        ))
        .sql(format!(" FROM ({}", one("NULL")))
        .texts(candidates.clone())
        .sql(best.clone());
        if domains.has_folders() {
            rows = rows
                .sql(format!(" AND {its_folder} IN ('', "))
                .text(folder.as_str())
                .sql(format!(") ORDER BY {its_folder} = ''"));
        }
        rows = rows.sql(" LIMIT 1) AS __best ORDER BY __asked.ordinality LIMIT 1)");
        if domains.has_folders() {
            rows = rows
                .sql(format!(" UNION ALL {}", one("'folders'")))
                .texts(candidates)
                .sql(best)
                .sql(format!(" AND {its_folder} <> '' LIMIT 1) AS __best LIMIT 1)"));
        }
        rows.sql(format!(
            ") AS __found JOIN {} ON {} LEFT JOIN LATERAL (SELECT {} AS __at, {} AS __folder FROM {} AS __other \
             WHERE __found.__redirects AND {} AND {} LIMIT 1) AS __primary ON true{joined}",
            tenants.name,
            domains.belongs("__found", tenants),
            domains.domain("__other"),
            domains.folder("__other"),
            domains.name,
            domains.same_tenant("__other", "__found"),
            domains.primary("__other")
        ))
    }

    /// The tables whose rows a directory reads: each with what is to be told of when one changes, and by which column.
    pub(super) fn told_by(&self) -> Vec<(&str, Vec<(&'static str, &str)>)> {
        let mut of_tenants = vec![("tenant", self.tenants.schema_column)];
        let mut tables = Vec::new();
        match &self.domains {
            Domains::Table(domains) => {
                tables.push((domains.name.as_str(), vec![("domain", domains.domain_column)]));
            }
            Domains::Column(_, column) => of_tenants.push(("domain", column)),
            Domains::None => {}
        }
        tables.insert(0, (self.tenants.name.as_str(), of_tenants));
        tables
    }

    fn joined(&self, states: Option<&str>) -> String {
        match states {
            Some(states) => format!(
                " LEFT JOIN {states} AS __state ON __state.name = {}",
                self.tenants.schema
            ),
            None => String::new(),
        }
    }
}

fn state(states: Option<&str>) -> [&'static str; 2] {
    if states.is_some() { STATE } else { NO_STATE }
}

/// What was found by name.
pub(super) fn read_name<T: TenantModel>(rows: Vec<(Facts, T)>, serves: &Serves) -> Option<Found<T>> {
    let (facts, tenant) = rows.into_iter().next()?;
    Some(found(tenant, &facts, None, serves))
}

/// What was found at a host.
pub(super) fn read_host<T: TenantModel>(
    rows: Vec<(Facts, T)>,
    host: &Hostname,
    serves: &Serves,
) -> AtHost<T> {
    let mut read = AtHost {
        found: None,
        has_folders: false,
    };
    for (facts, tenant) in rows {
        if fact(&facts, 0).is_some() {
            read.has_folders = true;
        } else if let Some(place) = place(&facts, host) {
            read.found = Some(found(tenant, &facts, Some(place), serves));
        }
    }
    read
}

fn found<T: TenantModel>(tenant: T, facts: &Facts, place: Option<Place>, serves: &Serves) -> Found<T> {
    Found {
        reference: Arc::new(TenantRef::new(tenant.schema_name().clone(), &tenant.key())),
        availability: availability(fact(facts, 7), fact(facts, 8), serves),
        tenant: Arc::new(tenant),
        place,
    }
}

fn place(facts: &Facts, host: &Hostname) -> Option<Place> {
    // What is not one of those that were asked for is not there.
    let domain = DomainName::stored(fact(facts, 1)?).ok()?;
    let domain = match domain.hostname() {
        // Its text is shared with the key then.
        Some(_) => DomainName::from(host.clone()),
        None => domain,
    };
    let address = Address::new(domain, Folder::parse(fact(facts, 2)?).ok()?);
    let is = |i| fact(facts, i) == Some("true");
    let (is_primary, wants_redirect) = (is(3), is(4) && !is(3));
    let primary = || {
        let domain = DomainName::stored(fact(facts, 5)?).ok()?;
        let primary = Address::new(domain, Folder::parse(fact(facts, 6)?).ok()?);
        // A wildcard is no host that one can be sent to.
        (!primary.domain.is_wildcard() && primary != address).then(|| Box::new(primary))
    };
    Some(Place {
        redirect: if wants_redirect { primary() } else { None },
        address,
        is_primary,
        wants_redirect,
    })
}

fn availability(state: Option<&str>, version: Option<&str>, serves: &Serves) -> Availability {
    // A tenant that the library has no row of was made before it kept any.
    let Some(state) = state else {
        return Availability::Served;
    };
    match state.parse() {
        Ok(TenantState::Ready) if serves.holds(version) => Availability::Served,
        Ok(TenantState::Archived | TenantState::Dropping) => Availability::Gone,
        // Nor is one in a state that this version of the library does not know.
        _ => Availability::Unavailable,
    }
}

fn fact(facts: &Facts, i: usize) -> Option<&str> {
    facts.get(i)?.as_deref()
}
