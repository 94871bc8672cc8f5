CREATE TABLE posts (
    slug TEXT PRIMARY KEY,
    published DATE NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL
);

INSERT INTO posts (slug, published, title, body) VALUES
    ('one-schema-each', '2026-01-12', 'One schema for each customer',
     'Every customer of this application has a schema of their own in one database. A query for tasks names the table and nothing else; which rows it meets, the connection decides.

There is no column to forget in a WHERE clause, and a backup of one customer is a backup of one schema.'),
    ('a-site-of-our-own', '2026-01-20', 'This blog is a tenant too',
     'It is written down in the configuration instead of a table: a static tenant. Its schema has the table of posts and no table of tasks, and its routes are its own.

So nobody can sign up as "blog", and nobody who signs up can be found here.');
