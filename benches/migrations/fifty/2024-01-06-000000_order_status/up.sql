-- Copy 1
ALTER TABLE "orders_1" ADD COLUMN "status" varchar(20) DEFAULT 'new' NOT NULL;
ALTER TABLE "orders_1" ALTER COLUMN "status" DROP DEFAULT;
CREATE INDEX "orders_status_placed_at_idx_1" ON "orders_1" ("status", "placed_at");
UPDATE orders_1 SET status = 'paid' WHERE total = 0;

-- Copy 2
ALTER TABLE "orders_2" ADD COLUMN "status" varchar(20) DEFAULT 'new' NOT NULL;
ALTER TABLE "orders_2" ALTER COLUMN "status" DROP DEFAULT;
CREATE INDEX "orders_status_placed_at_idx_2" ON "orders_2" ("status", "placed_at");
UPDATE orders_2 SET status = 'paid' WHERE total = 0;

-- Copy 3
ALTER TABLE "orders_3" ADD COLUMN "status" varchar(20) DEFAULT 'new' NOT NULL;
ALTER TABLE "orders_3" ALTER COLUMN "status" DROP DEFAULT;
CREATE INDEX "orders_status_placed_at_idx_3" ON "orders_3" ("status", "placed_at");
UPDATE orders_3 SET status = 'paid' WHERE total = 0;

-- Copy 4
ALTER TABLE "orders_4" ADD COLUMN "status" varchar(20) DEFAULT 'new' NOT NULL;
ALTER TABLE "orders_4" ALTER COLUMN "status" DROP DEFAULT;
CREATE INDEX "orders_status_placed_at_idx_4" ON "orders_4" ("status", "placed_at");
UPDATE orders_4 SET status = 'paid' WHERE total = 0;

-- Copy 5
ALTER TABLE "orders_5" ADD COLUMN "status" varchar(20) DEFAULT 'new' NOT NULL;
ALTER TABLE "orders_5" ALTER COLUMN "status" DROP DEFAULT;
CREATE INDEX "orders_status_placed_at_idx_5" ON "orders_5" ("status", "placed_at");
UPDATE orders_5 SET status = 'paid' WHERE total = 0;
