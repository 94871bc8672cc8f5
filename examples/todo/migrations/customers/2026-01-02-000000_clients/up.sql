CREATE TABLE clients (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    plan_id INTEGER NOT NULL REFERENCES plans (id)
);

CREATE TABLE domains (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain TEXT NOT NULL UNIQUE,
    tenant_id INTEGER NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    is_primary BOOLEAN NOT NULL,
    redirect_to_primary BOOLEAN NOT NULL,
    CHECK (NOT (is_primary AND redirect_to_primary))
);

-- The library keeps one domain of each customer primary. This keeps everybody else from making a second one.
CREATE UNIQUE INDEX domains_one_primary ON domains (tenant_id) WHERE is_primary;
