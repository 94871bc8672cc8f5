//! Snapshots of the expansions, and of mistakes whose text depends on the machine.

use crate::app::{shared_app_inner, tenant_app_inner};
use crate::derive_domain::derive_domain_inner;
use crate::derive_tenant::derive_tenant_inner;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, LitStr};

/// An expansion as people read it.
fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

/// The mistakes in an expansion, with the directory of this crate cut off the paths.
fn mistakes(tokens: TokenStream) -> String {
    let file: syn::File = syn::parse2(tokens).unwrap();
    let messages = file.items.iter().filter_map(|item| match item {
        Item::Macro(item) if item.mac.path.segments.last()?.ident == "compile_error" => {
            Some(item.mac.parse_body::<LitStr>().unwrap().value())
        }
        _ => None,
    });
    let all: Vec<String> = messages.collect();
    all.join("\n\n").replace(env!("CARGO_MANIFEST_DIR"), "[crate]")
}

#[test]
fn derive_tenant() {
    insta::assert_snapshot!(pretty(derive_tenant_inner(quote! {
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = clients)]
        #[tenant(auto_create_schema = true, auto_drop_schema = false)]
        pub struct Client {
            pub id: i32,
            pub schema_name: SchemaName,
            pub name: String,
        }
    })));
}

#[test]
fn derive_tenant_with_parameters_and_a_key_of_two_columns() {
    insta::assert_snapshot!(pretty(derive_tenant_inner(quote! {
        #[diesel(table_name = crate::schema::sites, primary_key(region, r#type))]
        struct Site<'a, R: Clone, const N: usize> where R: Copy {
            region: R,
            #[diesel(column_name = "type")]
            kind: Cow<'a, str>,
            #[tenant(schema_name)]
            folder: SchemaName,
        }
    })));
}

#[test]
fn derive_tenant_of_a_model_with_mistakes_leaves_a_stub() {
    insta::assert_snapshot!(pretty(derive_tenant_inner(quote! {
        struct Client {
            key: i32,
            name: String,
        }
    })));
}

#[test]
fn derive_tenant_with_a_domain_in_a_column() {
    insta::assert_snapshot!(pretty(derive_tenant_inner(quote! {
        #[diesel(table_name = clients)]
        struct Client {
            id: i32,
            schema_name: SchemaName,
            #[tenant(domain)]
            host: DomainName,
        }
    })));
}

#[test]
fn derive_domain() {
    insta::assert_snapshot!(pretty(derive_domain_inner(quote! {
        #[diesel(table_name = domains)]
        #[domain(tenant = Client)]
        pub struct ClientDomain {
            pub id: i32,
            pub domain: DomainName,
            pub folder: Folder,
            pub tenant_id: i32,
            pub is_primary: bool,
            pub redirect_to_primary: bool,
        }
    })));
}

#[test]
fn derive_domain_with_words_and_a_key_of_two_columns() {
    insta::assert_snapshot!(pretty(derive_domain_inner(quote! {
        #[domain(tenant = crate::Site)]
        struct SiteDomain {
            #[domain(host)]
            at: At,
            #[domain(tenant_key)]
            region: String,
            #[domain(tenant_key)]
            #[diesel(column_name = "number", serialize_as = i32)]
            no: Short,
            #[domain(primary)]
            main: bool,
        }
    })));
}

#[test]
fn derive_domain_of_a_model_with_mistakes_leaves_a_stub() {
    insta::assert_snapshot!(pretty(derive_domain_inner(quote! {
        struct ClientDomain {
            domain: String,
        }
    })));
}

#[test]
fn shared_app() {
    insta::assert_snapshot!(pretty(shared_app_inner(
        quote!(migrations = "tests/fixtures/migrations/customers"),
        quote! {
            /// Customers.
            #[allow(dead_code)]
            pub(crate) mod customers {
                use super::*;
                diesel::table! { clients (id) { id -> Int4, schema_name -> Text } }
                #[derive(Tenant)]
                struct Client;
            }
        }
    )));
}

#[test]
fn tenant_app_at_depth_and_under_conditions() {
    insta::assert_snapshot!(pretty(tenant_app_inner(
        quote!(migrations = "tests/fixtures/migrations/todo"),
        quote! {
            mod r#type {
                #![doc = "Inner."]
                #[cfg(feature = "deep")]
                pub mod deep {
                    #[cfg(unix)]
                    table! {
                        use diesel::sql_types::*;
                        #[cfg_attr(test, cfg(windows), allow(unused))]
                        #[sql_name = "Odd name"]
                        shop.odd (a, b) { a -> Int4, b -> Int4 }
                    }
                }
            }
        }
    )));
}

#[test]
fn app_of_both_scopes() {
    insta::assert_snapshot!(pretty(shared_app_inner(
        quote!(public_schema = "main"),
        quote! {
            #[tenant_app(migrations = "tests/fixtures/migrations/todo")]
            mod notes {
                diesel::table! { shop.notes (id) { id -> Int4 } }
            }
        }
    )));
}

#[test]
fn tables_from_a_generated_file() {
    insta::assert_snapshot!(pretty(tenant_app_inner(
        quote!(
            migrations = "tests/fixtures/migrations/todo",
            schema = "tests/fixtures/schema.rs",
            tables(tasks, labels)
        ),
        quote!(
            pub mod todo {}
        )
    )));
}

#[test]
fn mistakes_in_paths_name_the_place_that_was_looked_at() {
    let with = |args| {
        mistakes(tenant_app_inner(
            args,
            quote!(
                mod todo {}
            ),
        ))
    };
    insta::assert_snapshot!(with(quote!(
        migrations = "migrations/nowhere",
        schema = "src/nowhere.rs",
        tables(tasks)
    )));
    insta::assert_snapshot!(with(quote!(
        migrations = "tests/fixtures/migrations/broken",
        schema = "tests/fixtures/not_rust.txt",
        tables(tasks)
    )));
    insta::assert_snapshot!(with(quote!(
        migrations = "tests/fixtures/migrations/same_version"
    )));
    insta::assert_snapshot!(with(quote!(migrations = "tests/fixtures/schema.rs")));
}
