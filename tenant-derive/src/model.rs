//! [`Model`]: a tenant model as `#[derive(Tenant)]` understands it: the table, the field with the schema's
//! name, the fields of the primary key.
//!
//! It promises that a struct whose reading noted no mistake has all three.

use crate::attr::{Helper, OF_TENANTS, StructAttrs};
use crate::ctxt::Ctxt;
use crate::diesel_attr::{self, ColumnName, DieselAttr};
use crate::field::Field;
use crate::ident;
use proc_macro2::Span;
use quote::ToTokens;
use syn::{Data, DeriveInput, Fields, Ident, Path, Type};

const SCHEMA_NAME: &str = "schema_name";
const SCHEMA_NAME_TYPE: &str = "SchemaName";
const DOMAIN: &str = "domain";

/// What a derive is for, in the words of its mistakes.
pub(crate) struct Kind {
    pub(crate) helper: &'static Helper,
    /// The name of the derive.
    pub(crate) derive: &'static str,
    /// What it is on.
    pub(crate) model: &'static str,
    /// Whose model that is, and its fields.
    pub(crate) example: (&'static str, &'static str),
}

const TENANT: Kind = Kind {
    helper: &OF_TENANTS,
    derive: "Tenant",
    model: "a tenant model",
    example: ("your tenants", "id: i32, schema_name: SchemaName"),
};

/// The struct, as far as it could be read.
pub(crate) struct Model {
    pub(crate) attrs: StructAttrs,
    /// The module that `diesel::table!` makes.
    pub(crate) table: Path,
    pub(crate) schema: Field,
    pub(crate) keys: Vec<Field>,
    /// The one domain of the tenant, where that is a column.
    pub(crate) domain: Option<Field>,
}

/// The table of a model, which is known even when the rest of it is wrong.
pub(crate) fn table_of(model: &DeriveInput) -> Path {
    // Mistakes are noted when the model is read.
    let ignored = Ctxt::default();
    let named = diesel_attr::read(&ignored, &model.attrs)
        .into_iter()
        .find_map(|word| match word {
            DieselAttr::TableName(_, path) => Some(path),
            _ => None,
        });
    named.unwrap_or_else(|| {
        let default = ident::table_name_of(&model.ident);
        // A name in snake case with an `s` is an identifier, for the name of a struct is one.
        ident::from_text(&default, model.ident.span())
            .unwrap_or_else(|| model.ident.clone())
            .into()
    })
}

impl Model {
    /// Reads a struct. `None` if something that everything else needs is missing; the mistakes are in `cx`.
    pub(crate) fn read(cx: &Ctxt, input: &DeriveInput) -> Option<Self> {
        let attrs = StructAttrs::read(cx, &input.attrs);
        let key_names = read_container(cx, input, &TENANT);
        let fields = read_fields(cx, input, &TENANT)?;
        let domain = find_domain(cx, &fields);
        let schema = find_schema(cx, &input.ident, &fields);
        let keys: Vec<Field> = match &key_names {
            Some(names) => names
                .iter()
                .filter_map(|name| find_key(cx, name, &fields, &input.ident))
                .collect(),
            None => {
                let id = Ident::new("id", input.ident.span());
                find_key(cx, &id, &fields, &input.ident).into_iter().collect()
            }
        };
        for field in schema.iter().chain(&keys).chain(&domain) {
            check_column(cx, &field.column);
        }
        Some(Self {
            attrs,
            table: table_of(input),
            schema: schema?,
            keys,
            domain,
        })
    }
}

/// The columns of the primary key, if they are named. Notes what is wrong with the names.
pub(crate) fn read_container(cx: &Ctxt, input: &DeriveInput, kind: &Kind) -> Option<Vec<Ident>> {
    let (mut tables, mut keys) = (0, None);
    for word in diesel_attr::read(cx, &input.attrs) {
        match word {
            DieselAttr::TableName(span, _) => {
                tables += 1;
                if tables > 1 {
                    let message = format!(
                        "{} has one table, and this is its second `table_name`\nhelp: remove one of the two",
                        kind.model
                    );
                    cx.error_at(span, message);
                }
            }
            DieselAttr::PrimaryKey(names) => {
                if names.is_empty() {
                    let message = "`primary_key()` names no column\nhelp: name those of the table: `#[diesel(primary_key(id))]`";
                    cx.error(&input.ident, message);
                }
                keys = Some(names);
            }
            DieselAttr::ColumnName(_)
            | DieselAttr::SerializeAs(_)
            | DieselAttr::Embed
            | DieselAttr::Other => {}
        }
    }
    keys
}

pub(crate) fn read_fields(cx: &Ctxt, input: &DeriveInput, kind: &Kind) -> Option<Vec<Field>> {
    let (what, token) = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                let named = fields.named.iter();
                let read = named
                    .filter_map(|field| Some(Field::read(cx, kind.helper, field.ident.as_ref()?, field)));
                return Some(read.collect());
            }
            Fields::Unnamed(fields) => ("a tuple struct", fields.to_token_stream()),
            Fields::Unit => ("a unit struct", input.ident.to_token_stream()),
        },
        Data::Enum(data) => ("an enum", data.enum_token.to_token_stream()),
        Data::Union(data) => ("a union", data.union_token.to_token_stream()),
    };
    let (whose, example) = kind.example;
    let message = format!(
        "`#[derive({})]` needs a struct with named fields, and this is {what}\nhelp: derive it for the Diesel model of {whose}: `struct {} {{ {example} }}`",
        kind.derive,
        ident::plain(&input.ident)
    );
    cx.error(token, message);
    None
}

/// The field that is marked with a word; that others are too is noted.
pub(crate) fn find_marked<'f>(
    cx: &Ctxt,
    fields: &'f [Field],
    word: &str,
    because: &str,
    attribute: &str,
) -> Option<&'f Field> {
    let mut marked = fields.iter().filter(|field| field.mark(word).is_some());
    let first = marked.next()?;
    for span in marked.filter_map(|field| field.mark(word)) {
        let message = format!(
            "{because}, and `{}` is marked already\nhelp: leave `#[{attribute}({word})]` on one field",
            first.ident
        );
        cx.error_at(span, message);
    }
    Some(first)
}

fn find_domain(cx: &Ctxt, fields: &[Field]) -> Option<Field> {
    let because = "a tenant model has one domain for each tenant";
    let field = find_marked(cx, fields, DOMAIN, because, "tenant")?;
    if is_text(&field.ty) {
        let name = &field.ident;
        let message = format!(
            "`{name}` must be a `DomainName`\nhelp: write `{name}: DomainName`; it reads and writes a `Text` column. A tenant without a domain, or with several, needs a model of domains: `#[derive(Domain)]`"
        );
        cx.error(&field.ty, message);
    }
    Some(field.clone())
}

fn find_schema(cx: &Ctxt, model: &Ident, fields: &[Field]) -> Option<Field> {
    if let Some(first) = find_marked(cx, fields, SCHEMA_NAME, "a tenant has one schema", "tenant") {
        if is_text(&first.ty) {
            wrong_type(cx, first);
        }
        return Some(first.clone());
    }
    let by_name = fields
        .iter()
        .find(|field| ident::plain(&field.ident) == SCHEMA_NAME);
    let by_column = || fields.iter().find(|field| field.column.name == SCHEMA_NAME);
    if let Some(field) = by_name.or_else(by_column) {
        if !is_schema_name(&field.ty) {
            wrong_type(cx, field);
        }
        return Some(field.clone());
    }
    if let Some(field) = fields.iter().find(|field| is_schema_name(&field.ty)) {
        let name = &field.ident;
        let message = format!(
            "no field is named `schema_name`\nhelp: if `{name}` holds the tenant's schema, put `#[tenant(schema_name)]` on it"
        );
        cx.error(name, message);
    } else {
        let message = "no field holds the tenant's schema\nhelp: add `schema_name: SchemaName`, or put `#[tenant(schema_name)]` on the field that holds it";
        cx.error(model, message);
    }
    None
}

fn wrong_type(cx: &Ctxt, field: &Field) {
    let message = format!(
        "`{name}` must be a `SchemaName`\nhelp: write `{name}: SchemaName`; it reads and writes a `Text` column. If the type is an alias of `SchemaName`, put `#[tenant(schema_name)]` on the field",
        name = field.ident
    );
    cx.error(&field.ty, message);
}

pub(crate) fn last_segment(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

fn is_schema_name(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|name| name == SCHEMA_NAME_TYPE)
}

/// Types that people give a name, and that are not a newtype under another name.
pub(crate) fn is_text(ty: &Type) -> bool {
    matches!(ty, Type::Reference(_))
        || last_segment(ty)
            .is_some_and(|name| ["String", "str", "Cow", "Option"].iter().any(|text| name == text))
}

fn find_key(cx: &Ctxt, name: &Ident, fields: &[Field], model: &Ident) -> Option<Field> {
    let column = ident::plain(name);
    let found = fields
        .iter()
        .find(|field| !field.embedded && field.column.name == column);
    if found.is_none() {
        let message = format!(
            "no field of `{model}` is the column `{column}` of the primary key\nhelp: add the field, or name the columns of the key: `#[diesel(primary_key(..))]`"
        );
        cx.error(name, message);
    }
    found.cloned()
}

pub(crate) fn check_column(cx: &Ctxt, column: &ColumnName) {
    if column.ident().is_none() {
        let message = format!(
            "`{}` is not the Rust name of a column\nhelp: write the name that stands in `table!`, where `#[sql_name = \"..\"]` gives the one of the database",
            column.name
        );
        cx.error_at(column.span, message);
    }
}

/// A place for tokens that have none of their own.
pub(crate) fn place(ty: &Type) -> Span {
    syn::spanned::Spanned::span(ty)
}
