//! [`DomainModel`]: a model of domains as `#[derive(Domain)]` understands it: the table, the tenant model, and which
//! field is what.
//!
//! It promises that a struct whose reading noted no mistake has all that is not optional.

use crate::attr::{self, OF_DOMAINS};
use crate::ctxt::Ctxt;
use crate::field::Field;
use crate::ident;
use crate::model::{self, Kind};
use syn::{DeriveInput, Path, Type};

const DOMAIN: Kind = Kind {
    helper: &OF_DOMAINS,
    derive: "Domain",
    model: "a model of domains",
    example: (
        "your domains",
        "domain: DomainName, tenant_id: i32, is_primary: bool",
    ),
};

/// The struct, as far as it could be read.
pub(crate) struct DomainModel {
    pub(crate) tenant: Path,
    /// The module that `diesel::table!` makes.
    pub(crate) table: Path,
    pub(crate) host: Field,
    pub(crate) folder: Option<Field>,
    pub(crate) tenant_keys: Vec<Field>,
    pub(crate) primary: Field,
    pub(crate) redirect: Option<Field>,
}

/// What a field can be.
struct Role {
    /// The word that marks it.
    word: &'static str,
    /// What it is called without one.
    names: &'static [&'static str],
    ty: &'static str,
    /// In the words of a mistake.
    what: &'static str,
    is_optional: bool,
}

const HOST: Role = Role {
    word: "host",
    names: &["domain", "host"],
    ty: "DomainName",
    what: "the domain",
    is_optional: false,
};

const FOLDER: Role = Role {
    word: "folder",
    names: &["folder"],
    ty: "Folder",
    what: "the folder",
    is_optional: true,
};

const PRIMARY: Role = Role {
    word: "primary",
    names: &["is_primary"],
    ty: "bool",
    what: "whether the domain is the tenant's primary one",
    is_optional: false,
};

const REDIRECT: Role = Role {
    word: "redirect_to_primary",
    names: &["redirect_to_primary"],
    ty: "bool",
    what: "whether the domain redirects to the primary one",
    is_optional: true,
};

const TENANT_KEY: &str = "tenant_key";
const TENANT_ID: &str = "tenant_id";

impl DomainModel {
    /// Reads a struct. `None` if something that everything else needs is missing; the mistakes are in `cx`.
    pub(crate) fn read(cx: &Ctxt, input: &DeriveInput) -> Option<Self> {
        let tenant = attr::tenant_of(cx, &input.attrs);
        if tenant.is_none() {
            let message = "whose domains are these?\nhelp: name the model of your tenants: `#[domain(tenant = Client)]`";
            cx.error(&input.ident, message);
        }
        model::read_container(cx, input, &DOMAIN);
        let fields = model::read_fields(cx, input, &DOMAIN)?;
        let [host, folder, primary, redirect] =
            [HOST, FOLDER, PRIMARY, REDIRECT].map(|role| role.find(cx, input, &fields));
        let tenant_keys = find_tenant_keys(cx, input, &fields);
        let found = [&host, &folder, &primary, &redirect].into_iter().flatten();
        for field in found.chain(&tenant_keys) {
            model::check_column(cx, &field.column);
        }
        Some(Self {
            tenant: tenant?,
            table: model::table_of(input),
            host: host?,
            folder,
            tenant_keys,
            primary: primary?,
            redirect,
        })
    }
}

impl Role {
    fn find(&self, cx: &Ctxt, input: &DeriveInput, fields: &[Field]) -> Option<Field> {
        let Self { word, what, ty, .. } = self;
        let because = format!("one field holds {what}");
        if let Some(field) = model::find_marked(cx, fields, word, &because, "domain") {
            // It may be an alias.
            if model::is_text(&field.ty) {
                self.wrong_type(cx, field);
            }
            return Some(field.clone());
        }
        if let Some(field) = self.named(fields) {
            if !is_called(&field.ty, ty) {
                self.wrong_type(cx, field);
            }
            return Some(field.clone());
        }
        if !self.is_optional {
            let name = self.names[0];
            let message = format!(
                "no field holds {what}\nhelp: add `{name}: {ty}`, or put `#[domain({word})]` on the field that holds it"
            );
            cx.error(&input.ident, message);
        }
        None
    }

    /// The field that is called so, or whose column is. One that is marked as something else is not meant.
    fn named<'f>(&self, fields: &'f [Field]) -> Option<&'f Field> {
        let unmarked = || {
            fields
                .iter()
                .filter(|field| field.marks.is_empty() && !field.embedded)
        };
        let called = |name: &str| {
            let by_field = unmarked().find(|field| ident::plain(&field.ident) == name);
            by_field.or_else(|| unmarked().find(|field| field.column.name == name))
        };
        self.names.iter().find_map(|name| called(name))
    }

    fn wrong_type(&self, cx: &Ctxt, field: &Field) {
        let Self { word, ty, .. } = self;
        let message = format!(
            "`{name}` must be a `{ty}`\nhelp: write `{name}: {ty}`. If the type is an alias of `{ty}`, put `#[domain({word})]` on the field",
            name = field.ident
        );
        cx.error(&field.ty, message);
    }
}

fn is_called(ty: &Type, name: &str) -> bool {
    model::last_segment(ty).is_some_and(|segment| segment == name)
}

/// Several where the tenant's primary key has several columns.
fn find_tenant_keys(cx: &Ctxt, input: &DeriveInput, fields: &[Field]) -> Vec<Field> {
    let marked = fields.iter().filter(|field| field.mark(TENANT_KEY).is_some());
    let marked: Vec<Field> = marked.cloned().collect();
    if !marked.is_empty() {
        return marked;
    }
    let named = |field: &&Field| ident::plain(&field.ident) == TENANT_ID || field.column.name == TENANT_ID;
    let named: Vec<Field> = fields.iter().find(named).cloned().into_iter().collect();
    if named.is_empty() {
        let message = "no field holds the tenant's primary key\nhelp: add `tenant_id`, or put `#[domain(tenant_key)]` on the field that holds it, or on each of those that do";
        cx.error(&input.ident, message);
    }
    named
}
