//! No request panics, and none reaches a tenant that it does not name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::convert::Infallible;
use tenant_core::routing::{Decision, PlainRequest, Routing, Target, Via};
use tenant_core::{
    Address, Availability, Directory, DomainName, Folder, Hostname, Located, Registry, SchemaName, Table,
};

/// A tenant at `acme.test`, below `acme.test`, in a folder of `shared.test`, and of the name `acme`.
struct Acme;

impl Directory for Acme {
    type Tenant = ();
    type Error = Infallible;

    fn by_domain(&self, host: &Hostname, folder: &Folder) -> Result<Option<Located<()>>, Infallible> {
        let domains = ["acme.test", "*.acme.test", "shared.test"].map(|text| DomainName::stored(text).unwrap());
        let folder = if host.as_str() == "shared.test" { folder.clone() } else { Folder::NONE };
        let is_here = host.as_str() != "shared.test" || folder.as_str() == "acme";
        let domain = domains.into_iter().find(|domain| is_here && domain.matches(host));
        Ok(domain.map(|domain| Located {
            tenant: (),
            schema: SchemaName::new("acme").unwrap(),
            address: Address::new(domain, folder),
            is_primary: true,
            redirect: None,
            availability: Availability::Served,
        }))
    }

    fn by_name(&self, schema: &SchemaName) -> Result<Option<((), Availability)>, Infallible> {
        Ok((schema.as_str() == "acme").then_some(((), Availability::Served)))
    }
}

fuzz_target!(|request: (&str, &str, Option<&str>)| {
    let (authority, path, header) = request;
    let clients = Table { schema: Some("public"), name: "clients" };
    let registry = Registry::new(SchemaName::public(), clients);
    let routing = Routing::builder(&registry)
        .by_folder_under("clients")
        .by_host_and_folder()
        .by_header_trusting_every_caller("tenant")
        .build()
        .unwrap();
    let mut request = PlainRequest::new(authority, path);
    if let Some(header) = header {
        request = request.with_header("tenant", header);
    }
    let Decision::Serve(route) = routing.decide(&request, &Acme).unwrap() else { return };
    assert!(matches!(route.target, Target::Tenant(())));
    match &route.via {
        Via::Header(name) => assert_eq!((name.as_str(), header), ("acme", Some("acme"))),
        Via::Domain(address) => {
            assert!(address.domain.matches(&Hostname::parse(authority).unwrap()));
            let url = route.prefix().url(path);
            assert!(url.starts_with('/') && !url.starts_with("//") && !url.starts_with("/\\"));
        }
        other => panic!("{other:?}"),
    }
});
