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
use syn::{DeriveInput, Generics, Path, parse_quote};

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

pub(crate) fn diesel() -> TokenStream {
    quote!(::tenant_diesel::__private::diesel)
}

pub(crate) fn core() -> TokenStream {
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
    let values = model.keys.iter().map(value);
    let mut by_key_type = table.clone();
    let mut by_key = table.clone();
    for (i, (column, ty)) in columns.iter().zip(&types).enumerate() {
        let part = if columns.len() == 1 {
            quote!(__tenant_key)
        } else {
            let i = syn::Index::from(i);
            quote!(&__tenant_key.#i)
        };
        by_key_type = quote!(#diesel::dsl::Filter<#by_key_type, #diesel::dsl::Eq<#column, #ty>>);
        by_key = quote! {
            #diesel::QueryDsl::filter(
                #by_key,
                #diesel::ExpressionMethods::eq(#column, #std::clone::Clone::clone(#part)),
            )
        };
    }
    let (mut key_type, mut key) = (quote!(#(#types),*), quote!(#(#values),*));
    if types.len() > 1 {
        (key_type, key) = (quote!((#key_type)), quote!((#key)));
    }

    let name_type = quote!(::tenant_diesel::SchemaName);
    let row = quote! {
        ::tenant_diesel::__private::TenantRow<#by_key_type, __TenantBySchema, __TenantFirst, __TenantFollowing>
    };

    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let model_generics = model_generics(input, &types, &columns, &row);
    let (model_impl_generics, _, model_where) = model_generics.split_for_impl();

    let row = quote! {
        <Self as ::tenant_diesel::__private::TenantRow<
            <Self as ::tenant_diesel::TenantModel>::ByKey,
            __TenantBySchema,
            __TenantFirst,
            __TenantFollowing,
        >>
    };
    let rows = quote!(::tenant_diesel::__private::Rows<Self>);
    let read = quote!(#diesel::QueryResult<#std::vec::Vec<(::tenant_diesel::__private::Facts, Self)>>);
    let domain = model.domain.as_ref().map(|field| {
        let column = column(table_module, field);
        let (ident, name_type) = (&field.ident, quote!(::tenant_diesel::DomainName));
        let value = quote_spanned!(model::place(&field.ty)=> &self.#ident);
        quote! {
            #[automatically_derived]
            impl #model_impl_generics ::tenant_diesel::DomainColumn for #name #type_generics #model_where {
                const DOMAIN_COLUMN: &'static str = <#column as #diesel::Column>::NAME;

                fn domain(&self) -> &#name_type {
                    #value
                }
            }
        }
    });
    // Columns are unit structs, and a parameter cannot have the name of one that is imported.
    let conn = quote!(__tenant_conn: &mut ::tenant_diesel::PublicConnection);
    quote! {
        // A path from `table_name` may be longer than it need be.
        #[allow(unused_qualifications)]
        const _: () = {
            type __TenantBySchema = #diesel::dsl::Filter<#table, #diesel::dsl::Eq<#schema_column, #name_type>>;
            type __TenantFirst = #diesel::dsl::Limit<#diesel::dsl::Order<#table, #diesel::dsl::Asc<#schema_column>>>;
            type __TenantFollowing = #diesel::dsl::Filter<__TenantFirst, #diesel::dsl::Gt<#schema_column, #name_type>>;

            #[automatically_derived]
            impl #impl_generics ::tenant_diesel::Tenant for #name #type_generics #where_clause {
                const AUTO_CREATE_SCHEMA: bool = #create;
                const AUTO_DROP_SCHEMA: bool = #drop;

                fn schema_name(&self) -> &#name_type {
                    #schema
                }
            }

            #[automatically_derived]
            impl #model_impl_generics ::tenant_diesel::TenantModel for #name #type_generics #model_where {
                type Table = #table;
                type Key = #key_type;
                type ByKey = #by_key_type;

                const SCHEMA_COLUMN: &'static str = <#schema_column as #diesel::Column>::NAME;
                const KEY_COLUMNS: &'static [&'static str] = &[#(<#columns as #diesel::Column>::NAME),*];

                fn key(&self) -> Self::Key {
                    #key
                }

                fn by_key(__tenant_key: &Self::Key) -> Self::ByKey {
                    #by_key
                }

                fn find(#conn, __tenant_key: &Self::Key) -> #diesel::QueryResult<#std::option::Option<Self>> {
                    #row::find(<Self as ::tenant_diesel::TenantModel>::by_key(__tenant_key), __tenant_conn)
                }

                fn find_by_schema(
                    #conn,
                    __tenant_schema: &#name_type,
                ) -> #diesel::QueryResult<#std::option::Option<Self>> {
                    let __tenant_is_wanted = #diesel::ExpressionMethods::eq(#schema_column, #std::clone::Clone::clone(__tenant_schema));
                    #row::find_by_schema(#diesel::QueryDsl::filter(#table, __tenant_is_wanted), __tenant_conn)
                }

                fn page(
                    #conn,
                    __tenant_after: #std::option::Option<&#name_type>,
                    __tenant_limit: i64,
                ) -> #diesel::QueryResult<#std::vec::Vec<Self>> {
                    let __tenant_in_order = #diesel::QueryDsl::order(#table, #diesel::ExpressionMethods::asc(#schema_column));
                    let __tenant_page = #diesel::QueryDsl::limit(__tenant_in_order, __tenant_limit);
                    match __tenant_after {
                        #std::option::Option::Some(__tenant_after) => {
                            let __tenant_is_after = #diesel::ExpressionMethods::gt(#schema_column, #std::clone::Clone::clone(__tenant_after));
                            #row::following(#diesel::QueryDsl::filter(__tenant_page, __tenant_is_after), __tenant_conn)
                        }
                        #std::option::Option::None => #row::first(__tenant_page, __tenant_conn),
                    }
                }

                fn delete_row(#conn, __tenant_key: &Self::Key) -> #diesel::QueryResult<#std::option::Option<Self>> {
                    #row::delete(<Self as ::tenant_diesel::TenantModel>::by_key(__tenant_key), __tenant_conn)
                }

                fn read(#conn, __tenant_rows: #rows) -> #read {
                    #row::read(__tenant_rows, __tenant_conn)
                }
            }

            #domain
        };
    }
}

/// The value of a field as Diesel is given it.
pub(crate) fn value(key: &Field) -> TokenStream {
    let (std, field) = (core(), &key.ident);
    // The place of the type, so that one that is not the wanted one is reported there.
    let value = quote_spanned!(model::place(&key.ty)=> #std::clone::Clone::clone(&self.#field));
    match &key.serialize_as {
        Some(ty) => quote!(#std::convert::Into::<#ty>::into(#value)),
        None => value,
    }
}

pub(crate) fn column(table: &Path, field: &Field) -> TokenStream {
    // A name that is not an identifier was noted as a mistake, and then nothing is expanded.
    let column = field.column.ident();
    quote!(#table::#column)
}

/// The generics of the model, with what `TenantModel` asks for beyond them.
///
/// That Diesel can read the model is a condition of the impl even where it is known to hold or not to
/// hold: what is missing is then one error, on the model's name.
fn model_generics(
    input: &DeriveInput,
    types: &[TokenStream],
    columns: &[TokenStream],
    row: &TokenStream,
) -> Generics {
    let (diesel, std) = (diesel(), core());
    let mut out = input.generics.clone();
    let bounds = &mut out.make_where_clause().predicates;
    for param in input.generics.lifetimes() {
        let lifetime = &param.lifetime;
        bounds.push(parse_quote!(#lifetime: 'static));
    }
    let is_generic = |ty: &TokenStream| {
        input
            .generics
            .type_params()
            .any(|param| ident::occurs(ty.clone(), &param.ident))
    };
    for (ty, column) in types.iter().zip(columns).filter(|(ty, _)| is_generic(ty)) {
        let sql_type = quote!(#diesel::dsl::SqlTypeOf<#column>);
        // What `#[derive(AsExpression)]` makes of every type that can be bound.
        let bound = quote!(#diesel::internal::derives::as_expression::Bound<#sql_type, #ty>);
        bounds.push(parse_quote!(#ty: #std::clone::Clone + #std::fmt::Debug + #std::marker::Send + 'static));
        bounds.push(parse_quote!(#ty: #diesel::serialize::ToSql<#sql_type, #diesel::pg::Pg>));
        bounds.push(parse_quote!(#ty: #diesel::expression::AsExpression<#sql_type, Expression = #bound>));
    }
    let (name, (_, type_generics, _)) = (&input.ident, input.generics.split_for_impl());
    let model = quote_spanned!(name.span()=> #name #type_generics);
    if input.generics.type_params().next().is_some() {
        // Here it would hide from the compiler what Diesel's derives say of the model, so only what depends
        // on the parameters is asked for.
        let selected = quote!(<#model as #diesel::Selectable<#diesel::pg::Pg>>::SelectExpression);
        let columns = quote!(#diesel::dsl::SqlTypeOf<#selected>);
        bounds.push(parse_quote!(#model: #diesel::Queryable<#columns, #diesel::pg::Pg> + #std::marker::Send + 'static));
    } else {
        bounds.push(parse_quote!(#model: #row));
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
                const KEY_COLUMNS: &'static [&'static str] = &[];
                fn key(&self) -> Self::Key {}
                fn by_key(_: &Self::Key) -> Self::ByKey { #table::table }
                fn find(#conn, _: &Self::Key) -> #one { loop {} }
                fn find_by_schema(#conn, _: &::tenant_diesel::SchemaName) -> #one { loop {} }
                fn page(
                    #conn,
                    _: #std::option::Option<&::tenant_diesel::SchemaName>,
                    _: i64,
                ) -> #diesel::QueryResult<#std::vec::Vec<Self>> { loop {} }
                fn delete_row(#conn, _: &Self::Key) -> #one { loop {} }
                fn read(
                    #conn,
                    _: ::tenant_diesel::__private::Rows<Self>,
                ) -> #diesel::QueryResult<#std::vec::Vec<(::tenant_diesel::__private::Facts, Self)>> { loop {} }
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
