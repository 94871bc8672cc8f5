-- Copy 1
INSERT INTO category_1 (name, position, created_at, parent_id) SELECT 'category ' || g, g, '2024-01-01 00:00:00+00', NULL FROM generate_series(1, 5) g;
INSERT INTO supplier_1 (name, email, active, category_id) SELECT 'supplier ' || g, 's' || g || '@example.com', true, g FROM generate_series(1, 3) g;
INSERT INTO product_1 (sku, name, price, stock, supplier_id) SELECT 'sku' || g, 'product ' || g, g, 10 * g, 1 + g % 3 FROM generate_series(1, 20) g;
INSERT INTO customer_1 (name, email, created_at, category_id, phone, credit_limit) SELECT 'customer ' || g, 'c' || g || '@example.com', '2024-01-01 00:00:00+00', 1 + g % 5, '', 0 FROM generate_series(1, 10) g;

-- Copy 2
INSERT INTO category_2 (name, position, created_at, parent_id) SELECT 'category ' || g, g, '2024-01-01 00:00:00+00', NULL FROM generate_series(1, 5) g;
INSERT INTO supplier_2 (name, email, active, category_id) SELECT 'supplier ' || g, 's' || g || '@example.com', true, g FROM generate_series(1, 3) g;
INSERT INTO product_2 (sku, name, price, stock, supplier_id) SELECT 'sku' || g, 'product ' || g, g, 10 * g, 1 + g % 3 FROM generate_series(1, 20) g;
INSERT INTO customer_2 (name, email, created_at, category_id, phone, credit_limit) SELECT 'customer ' || g, 'c' || g || '@example.com', '2024-01-01 00:00:00+00', 1 + g % 5, '', 0 FROM generate_series(1, 10) g;

-- Copy 3
INSERT INTO category_3 (name, position, created_at, parent_id) SELECT 'category ' || g, g, '2024-01-01 00:00:00+00', NULL FROM generate_series(1, 5) g;
INSERT INTO supplier_3 (name, email, active, category_id) SELECT 'supplier ' || g, 's' || g || '@example.com', true, g FROM generate_series(1, 3) g;
INSERT INTO product_3 (sku, name, price, stock, supplier_id) SELECT 'sku' || g, 'product ' || g, g, 10 * g, 1 + g % 3 FROM generate_series(1, 20) g;
INSERT INTO customer_3 (name, email, created_at, category_id, phone, credit_limit) SELECT 'customer ' || g, 'c' || g || '@example.com', '2024-01-01 00:00:00+00', 1 + g % 5, '', 0 FROM generate_series(1, 10) g;

-- Copy 4
INSERT INTO category_4 (name, position, created_at, parent_id) SELECT 'category ' || g, g, '2024-01-01 00:00:00+00', NULL FROM generate_series(1, 5) g;
INSERT INTO supplier_4 (name, email, active, category_id) SELECT 'supplier ' || g, 's' || g || '@example.com', true, g FROM generate_series(1, 3) g;
INSERT INTO product_4 (sku, name, price, stock, supplier_id) SELECT 'sku' || g, 'product ' || g, g, 10 * g, 1 + g % 3 FROM generate_series(1, 20) g;
INSERT INTO customer_4 (name, email, created_at, category_id, phone, credit_limit) SELECT 'customer ' || g, 'c' || g || '@example.com', '2024-01-01 00:00:00+00', 1 + g % 5, '', 0 FROM generate_series(1, 10) g;

-- Copy 5
INSERT INTO category_5 (name, position, created_at, parent_id) SELECT 'category ' || g, g, '2024-01-01 00:00:00+00', NULL FROM generate_series(1, 5) g;
INSERT INTO supplier_5 (name, email, active, category_id) SELECT 'supplier ' || g, 's' || g || '@example.com', true, g FROM generate_series(1, 3) g;
INSERT INTO product_5 (sku, name, price, stock, supplier_id) SELECT 'sku' || g, 'product ' || g, g, 10 * g, 1 + g % 3 FROM generate_series(1, 20) g;
INSERT INTO customer_5 (name, email, created_at, category_id, phone, credit_limit) SELECT 'customer ' || g, 'c' || g || '@example.com', '2024-01-01 00:00:00+00', 1 + g % 5, '', 0 FROM generate_series(1, 10) g;
