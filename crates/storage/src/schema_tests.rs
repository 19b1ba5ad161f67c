//! `schema.rs` and the migrated database say the same: tables, columns, their order, types and nullability.

use std::collections::BTreeMap;

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Bool, Text},
};

use crate::{
    connection::{AnyConnection, on},
    test_database::{on_postgres, on_sqlite},
};

/// A column as both sides can say it: its name, its type in diesel's words, whether it may be empty.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    data_type: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

type Tables = BTreeMap<String, Vec<Column>>;

fn by_table(columns: Vec<Column>) -> Tables {
    let mut tables = Tables::new();
    for column in columns {
        let table = tables.entry(column.table_name.clone()).or_default();
        table.push(column);
    }
    tables
}

/// What `schema.rs` says, read from its text: `name -> Type` in the braces of each table.
fn declared(text: &str) -> Tables {
    let mut columns = Vec::new();
    for table in text.split("diesel::table! {").skip(1) {
        let (table_name, rest) = table.split_once('(').unwrap();
        let (_, rest) = rest.split_once('{').unwrap();
        let (body, _) = rest.split_once('}').unwrap();
        for line in body
            .split(',')
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            let (before, kind) = line.split_once("->").unwrap();
            let renamed = before.split_once("#[sql_name = \"");
            let column_name = match renamed {
                Some((_, rest)) => rest.split_once('"').unwrap().0,
                None => before.trim(),
            };
            let kind = kind.trim();
            let inner = kind
                .strip_prefix("Nullable<")
                .and_then(|k| k.strip_suffix('>'));
            columns.push(Column {
                table_name: table_name.trim().to_owned(),
                column_name: column_name.to_owned(),
                data_type: inner.unwrap_or(kind).to_owned(),
                nullable: inner.is_some(),
            });
        }
    }
    by_table(columns)
}

/// A key of SQLite says nothing of its nullability, and nothing here writes one without it.
const SQLITE: &str = "SELECT m.name AS table_name, c.name AS column_name, c.type AS data_type, \
    c.\"notnull\" = 0 AND c.pk = 0 AS nullable \
    FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid";
const POSTGRES: &str = "SELECT table_name::text, column_name::text, data_type::text, \
    is_nullable = 'YES' AS nullable \
    FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position";

/// What the database itself says.
fn found(c: &mut AnyConnection) -> Tables {
    let query = match c {
        AnyConnection::Sqlite(_) => SQLITE,
        AnyConnection::Postgres(_) => POSTGRES,
    };
    let mut columns: Vec<Column> = on!(c => sql_query(query).load(c)).unwrap();
    columns.retain(|column| column.table_name != "__diesel_schema_migrations");
    for column in &mut columns {
        column.data_type = match column.data_type.to_ascii_uppercase().as_str() {
            "TEXT" => "Text".into(),
            "INTEGER" | "BIGINT" => "BigInt".into(),
            "BLOB" | "BYTEA" => "Binary".into(),
            other => other.to_owned(),
        };
    }
    by_table(columns)
}

fn said(column: Option<&Column>) -> String {
    match column {
        None => "nothing".into(),
        Some(c) if c.nullable => format!("{} -> Nullable<{}>", c.column_name, c.data_type),
        Some(c) => format!("{} -> {}", c.column_name, c.data_type),
    }
}

/// Each difference, by the column that differs.
fn differences(declared: &Tables, found: &Tables) -> Vec<String> {
    let mut all = Vec::new();
    let names: std::collections::BTreeSet<&String> = declared.keys().chain(found.keys()).collect();
    for name in names {
        let none = Vec::new();
        let (ours, theirs) = (
            declared.get(name).unwrap_or(&none),
            found.get(name).unwrap_or(&none),
        );
        for at in 0..ours.len().max(theirs.len()) {
            let (ours, theirs) = (said(ours.get(at)), said(theirs.get(at)));
            if ours != theirs {
                let at = at + 1;
                all.push(format!(
                    "{name}, column {at}: schema.rs says {ours}, the database {theirs}"
                ));
            }
        }
    }
    all
}

fn compare(c: &mut AnyConnection) {
    let declared = declared(include_str!("schema.rs"));
    assert!(declared.len() > 10 && declared.contains_key("users"));
    let differences = differences(&declared, &found(c));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn schema_and_migrated_database_say_the_same() {
    on_sqlite(compare);
    on_postgres("schema", compare);
}

#[test]
fn the_column_that_differs_is_named() {
    let one = "diesel::table! { t (a) { a -> Text, b -> Nullable<BigInt>, #[sql_name = \"came\"]\n c -> Binary, } }";
    let ours = declared(one);
    assert!(differences(&ours, &declared(one)).is_empty());
    for (other, said) in [
        (
            one.replace("Nullable<BigInt>", "BigInt"),
            "t, column 2: schema.rs says b -> Nullable<BigInt>, the database b -> BigInt",
        ),
        (
            one.replace("came", "went"),
            "t, column 3: schema.rs says came -> Binary, the database went -> Binary",
        ),
        (
            one.replace("a -> Text, ", ""),
            "t, column 1: schema.rs says a -> Text, the database b -> Nullable<BigInt>",
        ),
        (
            one.replace("t (a)", "u (a)"),
            "t, column 1: schema.rs says a -> Text, the database nothing",
        ),
    ] {
        let differences = differences(&ours, &declared(&other));
        assert_eq!(differences.first().map(String::as_str), Some(said));
    }
}
