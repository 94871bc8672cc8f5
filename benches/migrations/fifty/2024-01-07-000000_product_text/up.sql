-- Copy 1
ALTER TABLE "product_1" ADD COLUMN "description" text DEFAULT '' NOT NULL;
ALTER TABLE "product_1" ALTER COLUMN "description" DROP DEFAULT;
CREATE INDEX "product_name_idx_1" ON "product_1" ("name");

-- Copy 2
ALTER TABLE "product_2" ADD COLUMN "description" text DEFAULT '' NOT NULL;
ALTER TABLE "product_2" ALTER COLUMN "description" DROP DEFAULT;
CREATE INDEX "product_name_idx_2" ON "product_2" ("name");

-- Copy 3
ALTER TABLE "product_3" ADD COLUMN "description" text DEFAULT '' NOT NULL;
ALTER TABLE "product_3" ALTER COLUMN "description" DROP DEFAULT;
CREATE INDEX "product_name_idx_3" ON "product_3" ("name");

-- Copy 4
ALTER TABLE "product_4" ADD COLUMN "description" text DEFAULT '' NOT NULL;
ALTER TABLE "product_4" ALTER COLUMN "description" DROP DEFAULT;
CREATE INDEX "product_name_idx_4" ON "product_4" ("name");

-- Copy 5
ALTER TABLE "product_5" ADD COLUMN "description" text DEFAULT '' NOT NULL;
ALTER TABLE "product_5" ALTER COLUMN "description" DROP DEFAULT;
CREATE INDEX "product_name_idx_5" ON "product_5" ("name");
