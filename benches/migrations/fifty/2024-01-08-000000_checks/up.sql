-- Copy 1
ALTER TABLE "product_1" ADD CONSTRAINT "product_price_gte_0_1" CHECK ("price" >= 0);
INSERT INTO address_1 (line1, city, zip, customer_id) SELECT 'street ' || id, 'city ' || id, '1000' || id, id FROM customer_1;

-- Copy 2
ALTER TABLE "product_2" ADD CONSTRAINT "product_price_gte_0_2" CHECK ("price" >= 0);
INSERT INTO address_2 (line1, city, zip, customer_id) SELECT 'street ' || id, 'city ' || id, '1000' || id, id FROM customer_2;

-- Copy 3
ALTER TABLE "product_3" ADD CONSTRAINT "product_price_gte_0_3" CHECK ("price" >= 0);
INSERT INTO address_3 (line1, city, zip, customer_id) SELECT 'street ' || id, 'city ' || id, '1000' || id, id FROM customer_3;

-- Copy 4
ALTER TABLE "product_4" ADD CONSTRAINT "product_price_gte_0_4" CHECK ("price" >= 0);
INSERT INTO address_4 (line1, city, zip, customer_id) SELECT 'street ' || id, 'city ' || id, '1000' || id, id FROM customer_4;

-- Copy 5
ALTER TABLE "product_5" ADD CONSTRAINT "product_price_gte_0_5" CHECK ("price" >= 0);
INSERT INTO address_5 (line1, city, zip, customer_id) SELECT 'street ' || id, 'city ' || id, '1000' || id, id FROM customer_5;
