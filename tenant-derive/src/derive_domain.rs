//! `#[derive(Domain)]`: the impls of `Domain` and `DomainModel` for a Diesel model.
//!
//! As in [`derive_tenant`](crate::derive_tenant), all names in the expansion are absolute.

use crate::attr;
use crate::ctxt::Ctxt;
use crate::derive_tenant::{column, core, diesel, value};
use crate::domain_model::DomainModel;
use crate::field::Field;
use crate::model;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, parse_quote};

/// What `#[derive(Domain)]` expands to.
pub(crate) fn derive_domain_inner(item: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let cx = Ctxt::default();
    let model = DomainModel::read(&cx, &input);
    match model {
        Some(model) if cx.is_clean() => expand(&input, &model),
        _ => {
            let errors = cx.finish();
            let stub = stub(&input);
            quote!(#errors #stub)
        }
    }
}

fn expand(input: &DeriveInput, model: &DomainModel) -> TokenStream {
    let (diesel, std) = (diesel(), core());
    let (name, table, tenant) = (&input.ident, &model.table, &model.tenant);
    // The place of the type, so that one that is another after all is reported there.
    let by_reference = |field: &Field| {
        let ident = &field.ident;
        quote_spanned!(model::place(&field.ty)=> &self.#ident)
    };
    let host = by_reference(&model.host);
    let folder = model.folder.as_ref().map(|field| {
        let folder = by_reference(field);
        quote! { fn folder(&self) -> &::tenant_diesel::Folder { #folder } }
    });
    let by_value = |field: &Field| {
        let ident = &field.ident;
        quote_spanned!(model::place(&field.ty)=> self.#ident)
    };
    let primary = by_value(&model.primary);
    let redirects = model.redirect.as_ref().map(|field| {
        let redirects = by_value(field);
        quote! { fn redirects_to_primary(&self) -> bool { #redirects } }
    });

    let column_name = |field: &Field| {
        let column = column(table, field);
        quote!(<#column as #diesel::Column>::NAME)
    };
    let optional = |field: &Option<Field>| match field {
        Some(field) => {
            let name = column_name(field);
            quote!(#std::option::Option::Some(#name))
        }
        None => quote!(#std::option::Option::None),
    };
    let host_column = column_name(&model.host);
    let folder_column = optional(&model.folder);
    let tenant_columns = model.tenant_keys.iter().map(column_name);
    let primary_column = column_name(&model.primary);
    let redirect_column = optional(&model.redirect);

    // One is no tuple.
    let key = match model.tenant_keys.as_slice() {
        [key] => value(key),
        keys => {
            let values = keys.iter().map(value);
            quote!((#(#values),*))
        }
    };

    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let mut model_generics = input.generics.clone();
    let bounds = &mut model_generics.make_where_clause().predicates;
    let this = quote_spanned!(name.span()=> #name #type_generics);
    // One error on the model's name, where Diesel cannot read it.
    bounds.push(parse_quote!(#this: ::tenant_diesel::__private::DomainRow<#table::table>));
    let (model_impl_generics, _, model_where) = model_generics.split_for_impl();
    let row = quote!(<Self as ::tenant_diesel::__private::DomainRow<#table::table>>);
    quote! {
        // A path from `table_name` may be longer than it need be.
        #[allow(unused_qualifications)]
        const _: () = {
            #[automatically_derived]
            impl #impl_generics ::tenant_diesel::Domain for #name #type_generics #where_clause {
                fn domain(&self) -> &::tenant_diesel::DomainName {
                    #host
                }

                #folder

                fn is_primary(&self) -> bool {
                    #primary
                }

                #redirects
            }

            #[automatically_derived]
            impl #model_impl_generics ::tenant_diesel::DomainModel for #name #type_generics #model_where {
                type Tenant = #tenant;
                type Table = #table::table;

                const COLUMNS: ::tenant_diesel::DomainColumns = ::tenant_diesel::DomainColumns {
                    domain: #host_column,
                    folder: #folder_column,
                    tenant_key: &[#(#tenant_columns),*],
                    primary: #primary_column,
                    redirect_to_primary: #redirect_column,
                };

                fn tenant_key(&self) -> <Self::Tenant as ::tenant_diesel::TenantModel>::Key {
                    #key
                }

                fn read(
                    // Columns are unit structs, and a parameter cannot have the name of one that is imported.
                    __domain_conn: &mut ::tenant_diesel::PublicConnection,
                    __domain_rows: ::tenant_diesel::__private::Rows<Self>,
                ) -> #diesel::QueryResult<#std::vec::Vec<(::tenant_diesel::__private::Facts, Self)>> {
                    #row::read(__domain_rows, __domain_conn)
                }
            }
        };
    }
}

/// Impls that do nothing, beside the errors, so that the rest of the program is not reported as well.
fn stub(input: &DeriveInput) -> TokenStream {
    let (diesel, std) = (diesel(), core());
    let name = &input.ident;
    let table = model::table_of(input);
    // Mistakes are noted when the model is read.
    let tenant = attr::tenant_of(&Ctxt::default(), &input.attrs).filter(|tenant| !tenant.is_ident("tenant"));
    let named_struct =
        matches!(&input.data, syn::Data::Struct(data) if matches!(data.fields, syn::Fields::Named(_)));
    let model = tenant
        .filter(|_| named_struct && input.generics.params.is_empty())
        .map(|tenant| {
            quote! {
                impl ::tenant_diesel::DomainModel for #name {
                    type Tenant = #tenant;
                    type Table = #table::table;
                    const COLUMNS: ::tenant_diesel::DomainColumns = ::tenant_diesel::DomainColumns {
                        domain: "",
                        folder: #std::option::Option::None,
                        tenant_key: &[],
                        primary: "",
                        redirect_to_primary: #std::option::Option::None,
                    };
                    fn tenant_key(&self) -> <Self::Tenant as ::tenant_diesel::TenantModel>::Key {
                        loop {}
                    }
                    fn read(
                        _: &mut ::tenant_diesel::PublicConnection,
                        _: ::tenant_diesel::__private::Rows<Self>,
                    ) -> #diesel::QueryResult<#std::vec::Vec<(::tenant_diesel::__private::Facts, Self)>> {
                        loop {}
                    }
                }
            }
        });
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        const _: () = {
            impl #impl_generics ::tenant_diesel::Domain for #name #type_generics #where_clause {
                fn domain(&self) -> &::tenant_diesel::DomainName {
                    loop {}
                }

                fn is_primary(&self) -> bool {
                    loop {}
                }
            }

            #model
        };
    }
}
