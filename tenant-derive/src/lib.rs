//! Macros.
mod attr; mod ctxt; mod derive_tenant; mod diesel_attr; mod field; mod ident; mod model;
/// Tenant
#[proc_macro_derive(Tenant, attributes(tenant, diesel))]
pub fn derive_tenant(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_tenant::derive_tenant_inner(item.into()).into()
}
