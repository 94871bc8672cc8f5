use super::*;
use crate::{AppScope, Hostname};

const CLIENTS: Table = Table {
    schema: Some("public"),
    name: "clients",
};

fn name(name: &str) -> SchemaName {
    SchemaName::new(name).unwrap()
}

fn app(name: &'static str, scope: AppScope, tables: &[&'static str], versions: &[&str]) -> AppInfo {
    let schema = (scope == AppScope::Shared).then_some("public");
    AppInfo {
        name,
        scope,
        tables: tables.iter().map(|name| Table { schema, name }).collect(),
        migration_versions: versions.iter().map(|version| (*version).to_owned()).collect(),
    }
}

fn registry() -> Registry {
    Registry::new(name("public"), CLIENTS).app_info(app("customers", AppScope::Shared, &["clients"], &["1"]))
}

fn problems(registry: &Registry) -> Vec<Problem> {
    registry.check().into_iter().map(|finding| finding.0).collect()
}

#[test]
fn a_sound_registry_has_no_findings() {
    let registry = registry()
        .app_info(app("todo", AppScope::Tenant, &["tasks"], &["1", "2"]))
        .extension_schema(name("extensions"))
        .static_name(name("www"));
    assert_eq!(registry.check(), []);
}

#[test]
fn all_problems_are_reported_at_once_with_warnings_last() {
    let registry = Registry::new(name("public"), CLIENTS)
        .app_info(app("todo", AppScope::Tenant, &["tasks"], &["1"]))
        .app_info(app("todo", AppScope::Tenant, &["tasks"], &["1"]))
        .app_info(app("empty", AppScope::Shared, &[], &[]))
        .extension_schema(name("Public"));
    assert_eq!(
        problems(&registry),
        [
            Problem::DuplicateApp { app: "todo" },
            Problem::DuplicateVersion {
                version: "1".into(),
                scope: AppScope::Tenant,
                apps: vec!["todo", "todo"]
            },
            Problem::DuplicateTable {
                table: "tasks",
                apps: vec!["todo", "todo"]
            },
            Problem::TenantModelMissing { table: "clients" },
            Problem::PublicHoldsExtensions {
                public: name("public")
            },
            Problem::NoMigrations { app: "empty" },
        ]
    );
    assert_eq!(registry.check().last().unwrap().severity(), Severity::Warning);
}

#[test]
fn a_version_may_stand_in_a_shared_and_in_a_tenant_app_but_not_beside_an_app_of_both() {
    let sound = registry().app_info(app("todo", AppScope::Tenant, &["tasks"], &["1"]));
    assert_eq!(problems(&sound), []);
    let clash = sound.app_info(app("files", AppScope::Both, &["files"], &["1"]));
    assert_eq!(
        problems(&clash),
        [
            Problem::DuplicateVersion {
                version: "1".into(),
                scope: AppScope::Shared,
                apps: vec!["customers", "files"]
            },
            Problem::DuplicateVersion {
                version: "1".into(),
                scope: AppScope::Tenant,
                apps: vec!["files", "todo"]
            },
        ]
    );
}

#[test]
fn a_table_name_both_shared_and_tenant_is_a_problem_unless_its_app_is_both() {
    let both = registry().app_info(app("users", AppScope::Both, &["users"], &["2"]));
    assert_eq!(problems(&both), []);
    let clash = registry()
        .app_info(app("staff", AppScope::Shared, &["users"], &["2"]))
        .app_info(app("people", AppScope::Tenant, &["users"], &["3"]));
    let expected = Problem::SharedAndTenantTable {
        table: "users",
        shared: "staff",
        tenant: "people",
    };
    assert_eq!(problems(&clash), [expected]);
    let clash = both.app_info(app("staff", AppScope::Shared, &["users"], &["3"]));
    assert_eq!(
        problems(&clash),
        [Problem::DuplicateTable {
            table: "users",
            apps: vec!["staff", "users"]
        }]
    );
}

#[test]
fn the_tenant_model_must_be_shared() {
    for scope in [AppScope::Tenant, AppScope::Both] {
        let registry =
            Registry::new(name("public"), CLIENTS).app_info(app("customers", scope, &["clients"], &["1"]));
        let expected = Problem::TenantModelNotShared {
            table: "clients",
            app: "customers",
            scope,
        };
        assert_eq!(problems(&registry), [expected]);
    }
}

#[test]
fn shared_tables_are_qualified_with_the_configured_schema() {
    let registry = Registry::new(name("main"), CLIENTS).app_info(app(
        "customers",
        AppScope::Shared,
        &["clients"],
        &["1"],
    ));
    let expected = Problem::OtherQualifier {
        app: "customers",
        table: "clients",
        schema: "public",
        public: name("main"),
    };
    assert_eq!(problems(&registry), [expected]);
}

#[test]
fn reserved_names_are_compared_without_case() {
    let registry = registry()
        .extension_schema(name("extensions"))
        .static_name(name("www"));
    for reserved in ["public", "PUBLIC", "Extensions", "WWW", "Tenancy"] {
        assert!(registry.reserved_for(&name(reserved)).is_some(), "{reserved}");
    }
    assert_eq!(
        registry.reserved_for(&name("tenancy_spare_0123")),
        Some(Reserved::Library)
    );
    assert_eq!(registry.reserved_for(&name("acme")), None);
    let library = registry
        .clone()
        .static_name(name("Tenancy"))
        .extension_schema(name("EXTENSIONS"));
    let twice = |text| Problem::NameReservedTwice { name: name(text) };
    assert_eq!(problems(&library), [twice("EXTENSIONS"), twice("Tenancy")]);
    let twice = registry.static_name(name("Www"));
    assert_eq!(
        problems(&twice),
        [Problem::NameReservedTwice { name: name("Www") }]
    );
}

const NOTHING: &[&str] = &[];

/// Apps as types, for [`StaticTenant::app`].
mod apps {
    use super::*;

    macro_rules! app {
        ($name:ident, $scope:ident, [$($table:literal),*], [$($version:literal),*]) => {
            pub(super) struct $name;
            impl App for $name {
                const NAME: &'static str = stringify!($name);
                const SCOPE: AppScope = AppScope::$scope;
                const TABLES: &'static [Table] = &[$(Table { schema: None, name: $table }),*];
                fn migration_versions() -> Vec<String> { vec![$($version.to_owned()),*] }
            }
        };
    }

    app!(Todo, Tenant, ["tasks"], ["2"]);
    app!(Posts, Tenant, ["posts"], ["3"]);
    app!(Pages, Tenant, ["posts"], ["3"]);
    app!(Clients, Tenant, ["clients"], ["4"]);
    app!(Customers, Shared, ["plans"], ["5"]);
}

fn host(host: &str) -> Hostname {
    Hostname::parse(host).unwrap()
}

fn site(site: &str) -> StaticTenant {
    StaticTenant::new(name(site))
}

#[test]
fn static_tenants_have_the_apps_that_they_name_or_those_of_customers() {
    let registry = registry()
        .app::<apps::Todo>()
        .static_app::<apps::Posts>()
        .static_app::<apps::Pages>()
        .static_tenant(site("www").domain(host("example.com")))
        .static_tenant(site("blog").domain(host("blog.example.com")).app::<apps::Posts>())
        .static_tenant(
            site("docs")
                .alias("manual")
                .app::<apps::Pages>()
                .app::<apps::Todo>(),
        );
    // The two apps of one table and one version never meet.
    assert_eq!(problems(&registry), []);
    let of = |tenant: &str| {
        let tenant = registry.find_static_tenant(&name(tenant)).unwrap();
        registry.apps_of(tenant).map(|app| app.name).collect::<Vec<_>>()
    };
    assert_eq!(of("www"), ["Todo"]);
    assert_eq!(of("blog"), ["Posts"]);
    assert_eq!(of("docs"), ["Pages", "Todo"]);
    assert_eq!(registry.reserved_for(&name("manual")), Some(Reserved::StaticName));
    assert_eq!(registry.reserved_for(&name("manua1")), None);
}

#[test]
fn all_that_is_wrong_with_static_tenants_is_found_at_once() {
    let registry = registry()
        .app::<apps::Todo>()
        .app::<apps::Customers>()
        .static_app::<apps::Posts>()
        .static_app::<apps::Pages>()
        .static_app::<apps::Clients>()
        .static_app_info(app("both", AppScope::Both, NOTHING, &["9"]))
        .static_tenant(
            site("www")
                .domain(host("example.com"))
                .fallback_domain(host("www.example.com")),
        )
        .static_tenant(
            site("blog")
                .domain(host("example.com"))
                .alias("WWW")
                .alias("news")
                .alias(" ")
                .alias("Public")
                .app::<apps::Posts>()
                .app::<apps::Pages>()
                .app::<apps::Customers>(),
        )
        .static_tenant(site("news").app::<apps::Todo>().app::<apps::Todo>())
        .static_tenant(site("wiki").alias("n").alias("N").app::<apps::Clients>());
    let wiki = || name("wiki");
    assert_eq!(
        problems(&registry),
        [
            Problem::DuplicateStaticDomain {
                domain: host("example.com"),
                tenants: vec![name("www"), name("www"), name("blog")]
            },
            Problem::AliasTaken {
                tenant: name("blog"),
                alias: "WWW".into(),
                is: "the name of static tenant `www`".into()
            },
            Problem::AliasTaken {
                tenant: name("blog"),
                alias: "news".into(),
                is: "the name of static tenant `news`".into()
            },
            Problem::EmptyAlias { tenant: name("blog") },
            Problem::AliasTaken {
                tenant: name("blog"),
                alias: "Public".into(),
                is: "the shared schema".into()
            },
            Problem::AliasTaken {
                tenant: wiki(),
                alias: "N".into(),
                is: "an alias of static tenant `wiki`".into()
            },
            Problem::SharedAndTenantTable {
                table: "clients",
                shared: "customers",
                tenant: "Clients"
            },
            Problem::StaticAppNotTenant {
                app: "both",
                scope: AppScope::Both
            },
            Problem::StaticTenantAppShared {
                tenant: name("blog"),
                app: "Customers"
            },
            Problem::StaticTenantVersionTwice {
                tenant: name("blog"),
                version: "3".into(),
                apps: vec!["Pages", "Posts"]
            },
            Problem::StaticTenantTableTwice {
                tenant: name("blog"),
                table: "posts",
                apps: vec!["Pages", "Posts"]
            },
            Problem::StaticTenantAppTwice {
                tenant: name("news"),
                app: "Todo"
            },
            Problem::UnusedStaticApp { app: "both" },
        ]
    );
}

#[test]
fn an_app_that_nobody_added_is_named_with_the_way_to_add_it() {
    let registry = registry().static_tenant(site("blog").app::<apps::Posts>());
    let findings = registry.check();
    let app = "Posts";
    assert_eq!(
        findings[0].problem(),
        &Problem::StaticTenantAppMissing {
            tenant: name("blog"),
            app
        }
    );
    assert!(findings[0].to_string().contains(".static_app::<Posts::App>()"));
}
