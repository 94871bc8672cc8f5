CREATE TABLE plans (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    price TEXT NOT NULL,
    max_tasks INTEGER NOT NULL CHECK (max_tasks > 0)
);

INSERT INTO plans (id, name, price, max_tasks) VALUES
    (1, 'Solo', 'free', 5),
    (2, 'Team', '5 a month', 100);
