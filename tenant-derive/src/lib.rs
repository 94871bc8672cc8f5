//! Macros.
mod app;
mod app_args;
mod attr;
mod cfg;
mod ctxt;
mod derive_tenant;
mod diesel_attr;
mod field;
mod ident;
mod joins;
mod manifest;
mod migrations_dir;
mod model;
mod module;
mod schema_file;
mod table_tokens;
mod taken;

use proc_macro::TokenStream;
/// Tenant
#[proc_macro_derive(Tenant, attributes(tenant, diesel))]
pub fn derive_tenant(item: TokenStream) -> TokenStream {
    derive_tenant::derive_tenant_inner(item.into()).into()
}
/// S
#[proc_macro_attribute]
pub fn shared_app(args: TokenStream, item: TokenStream) -> TokenStream {
    app::shared_app_inner(args.into(), item.into()).into()
}
/// T
#[proc_macro_attribute]
pub fn tenant_app(args: TokenStream, item: TokenStream) -> TokenStream {
    app::tenant_app_inner(args.into(), item.into()).into()
}

#[cfg(test)]
mod tests;
