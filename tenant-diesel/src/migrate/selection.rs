//! [`Selection`]: which schemas a piece of work is for.

use crate::SchemaKind;
use std::collections::BTreeSet;
use std::fmt;
use tenant_core::SchemaName;

/// Which schemas a run of migrations, or any other work over many schemas, is for.
///
/// | selection | the shared schema | reference schema | static tenants | tenants |
/// |---|---|---|---|---|
/// | [`all`](Self::all) | yes | yes | yes | yes |
/// | [`statics`](Self::statics) | yes | yes | yes | |
/// | [`tenant_like`](Self::tenant_like) | | yes | | yes |
/// | [`tenants`](Self::tenants) | | | | yes |
/// | [`shared`](Self::shared) | yes | | | |
/// | [`names`](Self::names) | if named | if named | those named | those named |
///
/// Each less what [`except`](Self::except) names.
///
/// ```
/// use tenant_diesel::{SchemaName, Selection};
///
/// let acme = SchemaName::new("acme")?;
/// let most = Selection::tenants().except([acme.clone()]);
/// assert_eq!(most.to_string(), "tenants except acme");
/// assert_eq!(Selection::names([acme]).to_string(), "acme");
/// # Ok::<(), tenant_diesel::schema_name::SchemaNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    of: Of,
    except: BTreeSet<SchemaName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Of {
    Kinds(&'static str, &'static [SchemaKind]),
    Names(BTreeSet<SchemaName>),
}

impl Selection {
    const fn kinds(name: &'static str, kinds: &'static [SchemaKind]) -> Self {
        Self {
            of: Of::Kinds(name, kinds),
            except: BTreeSet::new(),
        }
    }

    /// Every schema of the application.
    #[must_use]
    pub const fn all() -> Self {
        use SchemaKind::{Reference, Shared, Static, Tenant};
        Self::kinds("all", &[Shared, Reference, Static, Tenant])
    }

    /// What comes from the configuration: the shared schema, the reference schema, static tenants.
    #[must_use]
    pub const fn statics() -> Self {
        use SchemaKind::{Reference, Shared, Static};
        Self::kinds("static", &[Shared, Reference, Static])
    }

    /// The tenants of the tenant model.
    #[must_use]
    pub const fn tenants() -> Self {
        Self::kinds("tenants", &[SchemaKind::Tenant])
    }

    /// The tenants of the tenant model, and the reference schema that new ones are cloned from.
    #[must_use]
    pub const fn tenant_like() -> Self {
        Self::kinds("tenant-like", &[SchemaKind::Tenant, SchemaKind::Reference])
    }

    /// The shared schema alone.
    #[must_use]
    pub const fn shared() -> Self {
        Self::kinds("shared", &[SchemaKind::Shared])
    }

    /// The schemas of these names: of a list, or of any iterator of yours. A name that is no schema of the
    /// application is an error of what is given the selection.
    #[must_use]
    pub fn names(names: impl IntoIterator<Item = SchemaName>) -> Self {
        Self {
            of: Of::Names(names.into_iter().collect()),
            except: BTreeSet::new(),
        }
    }

    /// Leaves these out.
    #[must_use]
    pub fn except(mut self, names: impl IntoIterator<Item = SchemaName>) -> Self {
        self.except.extend(names);
        self
    }

    /// Whether a schema is one of them.
    #[must_use]
    pub fn includes(&self, schema: &SchemaName, kind: SchemaKind) -> bool {
        let is_in = match &self.of {
            Of::Kinds(_, kinds) => kinds.contains(&kind),
            Of::Names(names) => names.contains(schema),
        };
        is_in && !self.except.contains(schema)
    }

    /// Whether there can be schemas of this kind in it.
    pub(crate) fn may_include(&self, kind: SchemaKind) -> bool {
        match &self.of {
            Of::Kinds(_, kinds) => kinds.contains(&kind),
            Of::Names(_) => true,
        }
    }

    /// The names, where it is made of names.
    pub(crate) fn named(&self) -> Option<&BTreeSet<SchemaName>> {
        match &self.of {
            Of::Kinds(..) => None,
            Of::Names(names) => Some(names),
        }
    }

    /// The names that are left out.
    pub(crate) fn excepted(&self) -> &BTreeSet<SchemaName> {
        &self.except
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<SchemaName>| {
            let names: Vec<&str> = names.iter().map(SchemaName::as_str).collect();
            names.join(", ")
        };
        match &self.of {
            Of::Kinds(name, _) => f.write_str(name)?,
            Of::Names(names) => f.write_str(&list(names))?,
        }
        if !self.except.is_empty() {
            write!(f, " except {}", list(&self.except))?;
        }
        Ok(())
    }
}
