//! `#[derive(Tenant)]`: the impls of `Tenant` and `TenantModel` for a Diesel model.
//!
//! All names in the expansion are absolute and all methods are called by their trait, so that nothing
//! that the user's module imports, or does not, changes its meaning.

use crate::ctxt::Ctxt;
use crate::field::Field;
use crate::ident;
use crate::model::{self, Model};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, GenericParam, Generics, Path, WherePredicate, parse_quote};

/// What `#[derive(Tenant)]` expands to.
pub(crate) fn derive_tenant_inner(item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let cx = Ctxt::default();
    let model = Model::read(&cx, &input);
    match model {
        Some(model) if cx.is_clean() => expand(&input, &model),
        _ => {
            let errors = cx.finish();
            let stub = stub(&input);
            quote!(#errors #stub)
        }
    }
}

fn diesel() -> TokenStream {
    quote!(::tenant_diesel::__private::diesel)
}

fn core() -> TokenStream {
    quote!(::tenant_diesel::__private::std)
}

fn expand(input: &DeriveInput, model: &Model) -> TokenStream {
    let (diesel, std) = (diesel(), core());
    let name = &input.ident;
    let table_module = &model.table;
    let table = quote!(#table_module::table);
    let create = model.attrs.auto_create_schema.unwrap_or(true);
    let drop = model.attrs.auto_drop_schema.unwrap_or(false);
    let schema_field = &model.schema.ident;
    // The place of the type, so that one that is not a `SchemaName` after all is reported there.
    let schema = quote_spanned!(model::place(&model.schema.ty)=> &self.#schema_field);
    let schema_column = column(table_module, &model.schema);

    let columns: Vec<TokenStream> = model.keys.iter().map(|key| column(table_module, key)).collect();
    let types: Vec<TokenStream> = model
        .keys
        .iter()
        .map(|key| {
            let ty = key.key_type();
            quote!(#ty)
        })
        .collect();
    let values = model.keys.iter().map(|key| {
        let field = &key.ident;
        match &key.serialize_as {
            Some(ty) => quote!(#std::convert::Into::<#ty>::into(#std::clone::Clone::clone(&self.#field))),
            None => quote!(#std::clone::Clone::clone(&self.#field)),
        }
    });
    let mut by_key_type = table.clone();
    let mut by_key = table.clone();
    for (i, (column, ty)) in columns.iter().zip(&types).enumerate() {
        let part = if columns.len() == 1 {
            quote!(key)
        } else {
            let i = syn::Index::from(i);
            quote!(&key.#i)
        };
        by_key_type = quote!(#diesel::dsl::Filter<#by_key_type, #diesel::dsl::Eq<#column, #ty>>);
        by_key = quote! {
            #diesel::QueryDsl::filter(
                #by_key,
                #diesel::ExpressionMethods::eq(#column, #std::clone::Clone::clone(#part)),
            )
        };
    }
    // One column makes the key itself, several make a tuple.
    let key_type = quote!((#(#types),*));
    let key = quote!((#(#values),*));

    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let model_generics = model_generics(&input.generics, &types, &columns);
    let (model_impl_generics, _, model_where) = model_generics.split_for_impl();

    let select = quote!(<Self as #diesel::SelectableHelper<#diesel::pg::Pg>>);
    let conn = quote!(conn: &mut ::tenant_diesel::PublicConnection);
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #impl_generics ::tenant_diesel::Tenant for #name #type_generics #where_clause {
                const AUTO_CREATE_SCHEMA: bool = #create;
                const AUTO_DROP_SCHEMA: bool = #drop;

                fn schema_name(&self) -> &::tenant_diesel::SchemaName {
                    #schema
                }
            }

            #[automatically_derived]
            impl #model_impl_generics ::tenant_diesel::TenantModel for #name #type_generics #model_where {
                type Table = #table;
                type Key = #key_type;
                type ByKey = #by_key_type;

                const SCHEMA_COLUMN: &'static str = <#schema_column as #diesel::Column>::NAME;

                fn key(&self) -> Self::Key {
                    #key
                }

                fn by_key(key: &Self::Key) -> Self::ByKey {
                    #by_key
                }

                fn find(#conn, key: &Self::Key) -> #diesel::QueryResult<#std::option::Option<Self>> {
                    let query = #diesel::QueryDsl::select(
                        <Self as ::tenant_diesel::TenantModel>::by_key(key),
                        #select::as_select(),
                    );
                    #diesel::OptionalExtension::optional(#diesel::RunQueryDsl::get_result(query, conn))
                }

                fn find_by_schema(
                    #conn,
                    schema: &::tenant_diesel::SchemaName,
                ) -> #diesel::QueryResult<#std::option::Option<Self>> {
                    let query = #diesel::QueryDsl::select(
                        #diesel::QueryDsl::filter(
                            #table,
                            #diesel::ExpressionMethods::eq(#schema_column, #std::clone::Clone::clone(schema)),
                        ),
                        #select::as_select(),
                    );
                    #diesel::OptionalExtension::optional(#diesel::RunQueryDsl::get_result(query, conn))
                }

                fn page(
                    #conn,
                    after: #std::option::Option<&::tenant_diesel::SchemaName>,
                    limit: i64,
                ) -> #diesel::QueryResult<#std::vec::Vec<Self>> {
                    let query = #diesel::QueryDsl::limit(
                        #diesel::QueryDsl::order(
                            #diesel::QueryDsl::select(#table, #select::as_select()),
                            #diesel::ExpressionMethods::asc(#schema_column),
                        ),
                        limit,
                    );
                    match after {
                        #std::option::Option::Some(after) => {
                            let following = #diesel::ExpressionMethods::gt(
                                #schema_column,
                                #std::clone::Clone::clone(after),
                            );
                            #diesel::RunQueryDsl::load(#diesel::QueryDsl::filter(query, following), conn)
                        }
                        #std::option::Option::None => #diesel::RunQueryDsl::load(query, conn),
                    }
                }

                fn delete(#conn, key: &Self::Key) -> #diesel::QueryResult<#std::option::Option<Self>> {
                    let query = #diesel::delete(<Self as ::tenant_diesel::TenantModel>::by_key(key))
                        .returning(#select::as_returning());
                    #diesel::OptionalExtension::optional(#diesel::RunQueryDsl::get_result(query, conn))
                }
            }
        };
    }
}

fn column(table: &Path, field: &Field) -> TokenStream {
    // A name that is not an identifier was noted as a mistake, and then nothing is expanded.
    let column = field.column.ident();
    quote!(#table::#column)
}

/// The generics of the model, with what `TenantModel` asks for beyond them.
///
/// A concrete model gets no bounds: what it lacks is reported where it is used. With type parameters
/// the same things become conditions, so that the struct itself stays as general as its author made it.
fn model_generics(generics: &Generics, types: &[TokenStream], columns: &[TokenStream]) -> Generics {
    let (diesel, std) = (diesel(), core());
    let mut out = generics.clone();
    let mut bounds: Vec<WherePredicate> = Vec::new();
    for lifetime in generics.lifetimes() {
        let lifetime = &lifetime.lifetime;
        bounds.push(parse_quote!(#lifetime: 'static));
    }
    if generics
        .params
        .iter()
        .any(|param| matches!(param, GenericParam::Type(_)))
    {
        let pg = quote!(#diesel::pg::Pg);
        // No bound on `Selectable` itself: it would hide the columns that the derived impl selects.
        let row = quote!(#diesel::dsl::SqlTypeOf<<Self as #diesel::Selectable<#pg>>::SelectExpression>);
        bounds.push(parse_quote!(Self: #diesel::Queryable<#row, #pg> + #std::marker::Send + 'static));
        let is_generic = |ty: &&TokenStream| {
            generics
                .type_params()
                .any(|param| ident::occurs((*ty).clone(), &param.ident))
        };
        for (ty, column) in types.iter().zip(columns).filter(|(ty, _)| is_generic(ty)) {
            let sql_type = quote!(#diesel::dsl::SqlTypeOf<#column>);
            // What `#[derive(AsExpression)]` makes of every type that can be bound.
            let bound = quote!(#diesel::internal::derives::as_expression::Bound<#sql_type, #ty>);
            bounds.push(
                parse_quote!(#ty: #std::clone::Clone + #std::fmt::Debug + #std::marker::Send + 'static),
            );
            bounds.push(parse_quote!(#ty: #diesel::serialize::ToSql<#sql_type, #pg>));
            bounds.push(parse_quote!(#ty: #diesel::expression::AsExpression<#sql_type, Expression = #bound>));
        }
    }
    if !bounds.is_empty() {
        out.make_where_clause().predicates.extend(bounds);
    }
    out
}

/// Impls that do nothing, beside the errors, so that the rest of the program is not reported as well.
fn stub(input: &DeriveInput) -> TokenStream {
    let (diesel, std) = (diesel(), core());
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let tenant = quote! {
        impl #impl_generics ::tenant_diesel::Tenant for #name #type_generics #where_clause {
            fn schema_name(&self) -> &::tenant_diesel::SchemaName {
                loop {}
            }
        }
    };
    // An enum cannot be selected: `TenantModel` would only add to the errors.
    let named_struct =
        matches!(&input.data, syn::Data::Struct(data) if matches!(data.fields, syn::Fields::Named(_)));
    let table = model::table_of(input);
    let model = (named_struct && input.generics.params.is_empty()).then(|| {
        let conn = quote!(_: &mut ::tenant_diesel::PublicConnection);
        let one = quote!(#diesel::QueryResult<#std::option::Option<Self>>);
        quote! {
            impl ::tenant_diesel::TenantModel for #name {
                type Table = #table::table;
                type Key = ();
                type ByKey = #table::table;
                const SCHEMA_COLUMN: &'static str = "";
                fn key(&self) -> Self::Key {}
                fn by_key(_: &Self::Key) -> Self::ByKey { #table::table }
                fn find(#conn, _: &Self::Key) -> #one { loop {} }
                fn find_by_schema(#conn, _: &::tenant_diesel::SchemaName) -> #one { loop {} }
                fn page(
                    #conn,
                    _: #std::option::Option<&::tenant_diesel::SchemaName>,
                    _: i64,
                ) -> #diesel::QueryResult<#std::vec::Vec<Self>> { loop {} }
                fn delete(#conn, _: &Self::Key) -> #one { loop {} }
            }
        }
    });
    quote! {
        const _: () = {
            #tenant
            #model
        };
    }
}
