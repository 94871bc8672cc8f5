CREATE TABLE clients (
    id INTEGER PRIMARY KEY,
    schema_name TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
);
