CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL
);

-- Ann and ann are one person.
CREATE UNIQUE INDEX users_name ON users (lower(name));

CREATE TABLE sessions (
    -- The token itself is known to the browser only.
    token_hash BYTEA PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at TIMESTAMPTZ NOT NULL DEFAULT now() + INTERVAL '14 days'
);

CREATE INDEX sessions_expires_at ON sessions (expires_at);
