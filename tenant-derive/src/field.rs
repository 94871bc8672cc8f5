//! [`Field`]: one field of a model, with its column.

use crate::attr::{Helper, Mark};
use crate::ctxt::Ctxt;
use crate::diesel_attr::{self, ColumnName, DieselAttr};
use proc_macro2::Span;
use syn::{Ident, Type};

/// A field that is a column of the model's table.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) column: ColumnName,
    /// The type that Diesel is given instead of `ty`, for a key: `#[diesel(serialize_as = ..)]`.
    pub(crate) serialize_as: Option<Type>,
    /// The words of ours that stand on it.
    pub(crate) marks: Vec<Mark>,
    /// Columns of another model, not of the table.
    pub(crate) embedded: bool,
}

impl Field {
    /// Reads a named field.
    pub(crate) fn read(cx: &Ctxt, helper: &Helper, ident: &Ident, field: &syn::Field) -> Self {
        let mut out = Self {
            ident: ident.clone(),
            ty: field.ty.clone(),
            column: ColumnName::from(ident),
            serialize_as: None,
            marks: helper.marks(cx, &field.attrs),
            embedded: false,
        };
        for word in diesel_attr::read(cx, &field.attrs) {
            match word {
                DieselAttr::ColumnName(column) => out.column = column,
                DieselAttr::SerializeAs(ty) => out.serialize_as = Some(ty),
                DieselAttr::Embed => out.embedded = true,
                DieselAttr::TableName(..) | DieselAttr::PrimaryKey(_) | DieselAttr::Other => {}
            }
        }
        out
    }

    /// Where a word of ours stands on it, if it does.
    pub(crate) fn mark(&self, word: &str) -> Option<Span> {
        let mut marks = self.marks.iter();
        marks.find(|mark| mark.word == word).map(|mark| mark.span)
    }

    /// The type that its column is compared with.
    pub(crate) fn key_type(&self) -> &Type {
        self.serialize_as.as_ref().unwrap_or(&self.ty)
    }
}
