use super::*;
use proptest::prelude::*;

#[test]
fn plain_names_are_accepted() {
    let longest = "a".repeat(63);
    for name in [
        "tenant1", "tenant_1", "Tenant1", "___", "a_a0", "_a0_", "a_pg", "_pg_awa", "pgwa", "select",
        &longest,
    ] {
        assert_eq!(SchemaName::new(name).unwrap().as_str(), name);
        assert_eq!(name.parse::<SchemaName>().unwrap().to_string(), name);
        assert_eq!(SchemaName::try_from(name.to_owned()).unwrap().as_ref(), name);
    }
}

#[test]
fn other_names_need_quoted_any() {
    for name in [
        "my-tenant",
        "123",
        "1a",
        " ",
        "^",
        ".",
        "&",
        "{",
        "(",
        "@",
        "!",
        "test@at",
        "`tick`ed`",
        "quo\"te",
        "it's",
        "x','b",
        "naïve",
        "日本",
        "a\n",
    ] {
        assert_eq!(
            SchemaName::new(name).unwrap_err(),
            SchemaNameError::NotPlain {
                name: name.to_owned()
            }
        );
        assert_eq!(SchemaName::quoted_any(name).unwrap().as_str(), name);
    }
}

#[test]
fn what_postgres_would_not_keep_is_refused_in_both_modes() {
    let too_long = "a".repeat(64);
    let long_in_bytes = "é".repeat(32);
    for name in [
        "",
        "pg_tenant1",
        "pg_",
        "PG_x",
        "Pg_a",
        "information_schema",
        "INFORMATION_SCHEMA",
        "$user",
        "a\0b",
        &too_long,
        &long_in_bytes,
    ] {
        assert!(SchemaName::new(name).is_err(), "{name:?} strict");
        assert!(SchemaName::quoted_any(name).is_err(), "{name:?} quoted");
    }
    assert!(
        SchemaName::quoted_any(&format!("{}a", "é".repeat(31))).is_ok(),
        "63 bytes"
    );
}

#[test]
fn names_that_differ_in_case_only_are_recognised() {
    for (a, b) in [
        ("acme", "ACME"),
        ("Foo", "foo"),
        ("École", "éCOLE"),
        ("ΟΔΟΣ", "οδος"),
        ("K", "\u{212A}"),
    ] {
        let (a, b) = (
            SchemaName::quoted_any(a).unwrap(),
            SchemaName::quoted_any(b).unwrap(),
        );
        assert!(a.eq_ignore_case(&b), "{a} and {b}");
        assert_eq!(a.folded(), b.folded());
        assert_ne!(a, b);
    }
    assert!(
        !SchemaName::new("a")
            .unwrap()
            .eq_ignore_case(&SchemaName::new("b").unwrap())
    );
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_kept_and_quoted_so_that_it_can_be_read_back(name in "\\PC{0,70}") {
        if let Ok(schema) = SchemaName::quoted_any(&name) {
            prop_assert!(!name.is_empty() && name.len() <= MAX_BYTES && !name.contains('\0'));
            prop_assert_eq!(schema.as_str(), &name);
            let quoted = schema.quoted();
            let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
            prop_assert_eq!(inner.replace("\"\"", "\""), name);
            prop_assert!(!inner.replace("\"\"", "").contains('"'));
        }
    }

    #[test]
    fn strict_names_are_a_part_of_all_names(name in "[A-Za-z0-9_$-]{0,66}") {
        if let Ok(strict) = SchemaName::new(&name) {
            prop_assert_eq!(SchemaName::quoted_any(&name).unwrap(), strict);
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn serde_reads_back_what_it_wrote_and_checks_what_it_reads() {
    #[derive(serde::Deserialize)]
    struct Form {
        #[serde(with = "super::strict")]
        name: SchemaName,
    }
    for name in ["acme", "my-tenant", "quo\"te"] {
        let schema = SchemaName::quoted_any(name).unwrap();
        let json = serde_json::to_string(&schema).unwrap();
        assert_eq!(serde_json::from_str::<SchemaName>(&json).unwrap(), schema);
    }
    assert!(serde_json::from_str::<SchemaName>("\"pg_x\"").is_err());
    assert!(serde_json::from_str::<SchemaName>("\"\"").is_err());
    assert!(serde_json::from_str::<SchemaName>("1").is_err());
    assert!(serde_json::from_str::<Form>(r#"{"name": "my-tenant"}"#).is_err());
    assert_eq!(
        serde_json::from_str::<Form>(r#"{"name": "acme"}"#)
            .unwrap()
            .name
            .as_str(),
        "acme"
    );
}
