//! `#[derive(Domain)]` and `#[tenant(domain)]` on models of many shapes.

use diesel::prelude::*;
use tenant_diesel::prelude::*;
use tenant_diesel::{Domain, DomainColumn, DomainColumns};

#[shared_app(migrations = "tests/fixtures/migrations/customers")]
pub(crate) mod tables {
    diesel::table! { clients (id) { id -> Int4, schema_name -> Text, domain -> Text } }
    diesel::table! {
        client_domains (id) { id -> Int4, domain -> Text, folder -> Text, tenant_id -> Int4, is_primary -> Bool, redirect_to_primary -> Bool }
    }
    diesel::table! { pairs (region, number) { region -> Text, number -> Int4, schema_name -> Text } }
    diesel::table! {
        odd (r#type) {
            r#type -> Text,
            #[sql_name = "The region"]
            region -> Text,
            number -> Int4,
            main -> Bool,
            leads -> Bool,
            segment -> Text,
        }
    }
}
use tables::{client_domains, clients, odd, pairs};

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct Client {
    id: i32,
    schema_name: SchemaName,
    #[tenant(domain)]
    domain: DomainName,
}

#[derive(Domain, Queryable, Selectable)]
#[domain(tenant = Client)]
struct ClientDomain {
    #[expect(dead_code, reason = "a field that is nothing of ours")]
    id: i32,
    domain: DomainName,
    folder: Folder,
    tenant_id: i32,
    is_primary: bool,
    redirect_to_primary: bool,
}

#[test]
fn fields_are_known_by_their_names() {
    assert_eq!(
        ClientDomain::COLUMNS,
        DomainColumns {
            domain: "domain",
            folder: Some("folder"),
            tenant_key: &["tenant_id"],
            primary: "is_primary",
            redirect_to_primary: Some("redirect_to_primary"),
        }
    );
    let domain = ClientDomain {
        id: 1,
        domain: "*.example.com".parse().unwrap(),
        folder: "acme".parse().unwrap(),
        tenant_id: 7,
        is_primary: true,
        redirect_to_primary: false,
    };
    assert_eq!(domain.domain().as_str(), "*.example.com");
    assert_eq!((domain.folder().as_str(), domain.tenant_key()), ("acme", 7));
    assert!(domain.is_primary() && !domain.redirects_to_primary());
}

#[derive(Tenant, Queryable, Selectable)]
#[diesel(table_name = pairs, primary_key(region, number))]
struct Pair {
    region: String,
    number: i32,
    schema_name: SchemaName,
}

type At = DomainName;
type Segment = Folder;
type Flag = bool;

#[derive(Domain, Queryable, Selectable)]
#[diesel(table_name = odd, check_for_backend(diesel::pg::Pg))]
#[domain(tenant = Pair)]
struct Odd {
    #[domain(host)]
    r#type: At,
    #[domain(tenant_key)]
    region: String,
    #[domain(tenant_key)]
    #[diesel(column_name = number)]
    no: i32,
    #[domain(primary)]
    main: Flag,
    #[domain(redirect_to_primary)]
    leads: Flag,
    #[domain(folder)]
    #[diesel(column_name = "segment")]
    in_folder: Segment,
}

#[test]
fn fields_can_be_marked_be_aliases_and_hold_a_key_of_several_columns() {
    assert_eq!(
        Odd::COLUMNS,
        DomainColumns {
            domain: "type",
            folder: Some("segment"),
            tenant_key: &["The region", "number"],
            primary: "main",
            redirect_to_primary: Some("leads"),
        }
    );
    assert_eq!(Pair::KEY_COLUMNS, ["region", "number"]);
    let odd = Odd {
        r#type: "example.com".parse().unwrap(),
        region: "eu".to_owned(),
        no: 3,
        main: false,
        leads: true,
        in_folder: Folder::NONE,
    };
    assert_eq!(odd.tenant_key(), ("eu".to_owned(), 3));
    assert!(odd.redirects_to_primary() && !odd.is_primary() && odd.folder().is_none());
    assert_eq!(odd.absolute_url("/x"), "//example.com/x");
    fn new<N: tenant_diesel::NewDomain<Odd>>(_: &N) {}
    new(&(odd::r#type.eq(odd.domain().clone()), odd::main.eq(true)));
}

mod elsewhere {
    //! Nothing is imported here: the expansion must not need it. The column `domain` is called `host` by the field.
    #[derive(tenant_diesel::Domain, diesel::Queryable, diesel::Selectable)]
    #[diesel(table_name = super::tables::client_domains)]
    #[domain(tenant = super::Client)]
    pub(super) struct Bare {
        #[diesel(column_name = domain)]
        host: tenant_diesel::DomainName,
        tenant_id: i32,
        is_primary: bool,
    }
}

#[test]
fn folders_and_redirects_are_optional_and_nothing_needs_to_be_imported() {
    let columns = elsewhere::Bare::COLUMNS;
    assert_eq!((columns.domain, columns.folder), ("domain", None));
    assert_eq!(columns.redirect_to_primary, None);
}

#[test]
fn a_tenant_can_have_its_one_domain_in_a_column() {
    let client = Client {
        id: 1,
        schema_name: "acme".parse().unwrap(),
        domain: "acme.example.com".parse().unwrap(),
    };
    assert_eq!(Client::DOMAIN_COLUMN, "domain");
    assert_eq!(DomainColumn::domain(&client).as_str(), "acme.example.com");
}

#[test]
fn imported_columns_do_not_disturb_the_expansion() {
    #[expect(unused_imports, reason = "in scope is what matters")]
    use tables::client_domains::dsl::*;

    #[derive(Domain, Queryable, Selectable)]
    #[diesel(table_name = tables::client_domains)]
    #[domain(tenant = Client)]
    struct Model {
        domain: DomainName,
        tenant_id: i32,
        is_primary: bool,
    }
    fn model<D: DomainModel>() -> &'static str {
        D::COLUMNS.domain
    }
    assert_eq!(model::<Model>(), "domain");
}
