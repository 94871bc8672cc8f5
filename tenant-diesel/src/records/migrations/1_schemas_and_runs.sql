CREATE TABLE {s}.schemas (
    name text COLLATE "C" PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('shared', 'tenant', 'static', 'reference', 'spare')),
    state text NOT NULL CHECK (state IN
        ('provisioning', 'ready', 'migrating', 'maintenance', 'failed', 'archived', 'dropping')),
    -- Of `pg_namespace`, when the ledger was read: a schema that was dropped and restored has another one.
    schema_oid oid,
    -- Of the versions in the ledger, joined in order by commas: sha256, in hexadecimal digits.
    digest text NOT NULL,
    -- The last of them.
    version text COLLATE "C",
    error text,
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    migrated_at timestamptz
) WITH (fillfactor = 60);
COMMENT ON TABLE {s}.schemas IS 'One row for each schema of the application; ledgers stay the truth';

-- Who is not served, for every checkout of a process that has not asked for a second.
CREATE INDEX schemas_not_ready ON {s}.schemas (name) WHERE state <> 'ready';

CREATE TABLE {s}.runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- What was asked for: who asks for the same joins the run, or resumes it.
    what text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'stopped', 'superseded')),
    reason text,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    finished_at timestamptz
);
-- One run of a kind is unfinished at a time.
CREATE UNIQUE INDEX runs_unfinished ON {s}.runs (what) WHERE state IN ('running', 'failed', 'stopped');

CREATE TABLE {s}.run_targets (
    run bigint NOT NULL REFERENCES {s}.runs ON DELETE CASCADE,
    schema text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
    -- What was to be done, where doing it again would do more.
    versions text[] NOT NULL DEFAULT '{}',
    -- What was done.
    applied text[] NOT NULL DEFAULT '{}',
    error text,
    attempts integer NOT NULL DEFAULT 0,
    milliseconds bigint,
    finished_at timestamptz,
    PRIMARY KEY (run, schema)
) WITH (fillfactor = 60);

-- The application's role may be another than the one that migrates. Names of tenants are no secret:
-- `pg_namespace` has them.
GRANT USAGE ON SCHEMA {s} TO PUBLIC;
GRANT SELECT ON {s}.schemas TO PUBLIC;
