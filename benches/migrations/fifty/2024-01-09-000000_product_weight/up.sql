-- Copy 1
ALTER TABLE "product_1" ADD COLUMN "weight" integer DEFAULT 0 NOT NULL;
ALTER TABLE "product_1" ALTER COLUMN "weight" DROP DEFAULT;
CREATE INDEX "product_weight_idx_1" ON "product_1" ("weight");

-- Copy 2
ALTER TABLE "product_2" ADD COLUMN "weight" integer DEFAULT 0 NOT NULL;
ALTER TABLE "product_2" ALTER COLUMN "weight" DROP DEFAULT;
CREATE INDEX "product_weight_idx_2" ON "product_2" ("weight");

-- Copy 3
ALTER TABLE "product_3" ADD COLUMN "weight" integer DEFAULT 0 NOT NULL;
ALTER TABLE "product_3" ALTER COLUMN "weight" DROP DEFAULT;
CREATE INDEX "product_weight_idx_3" ON "product_3" ("weight");

-- Copy 4
ALTER TABLE "product_4" ADD COLUMN "weight" integer DEFAULT 0 NOT NULL;
ALTER TABLE "product_4" ALTER COLUMN "weight" DROP DEFAULT;
CREATE INDEX "product_weight_idx_4" ON "product_4" ("weight");

-- Copy 5
ALTER TABLE "product_5" ADD COLUMN "weight" integer DEFAULT 0 NOT NULL;
ALTER TABLE "product_5" ALTER COLUMN "weight" DROP DEFAULT;
CREATE INDEX "product_weight_idx_5" ON "product_5" ("weight");
