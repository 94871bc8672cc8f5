-- Copy 1
ALTER TABLE "customer_1" ADD COLUMN "phone" varchar(30) DEFAULT '' NOT NULL;
ALTER TABLE "customer_1" ALTER COLUMN "phone" DROP DEFAULT;
ALTER TABLE "customer_1" ADD COLUMN "credit_limit" numeric(12, 2) DEFAULT 0 NOT NULL;
ALTER TABLE "customer_1" ALTER COLUMN "credit_limit" DROP DEFAULT;

-- Copy 2
ALTER TABLE "customer_2" ADD COLUMN "phone" varchar(30) DEFAULT '' NOT NULL;
ALTER TABLE "customer_2" ALTER COLUMN "phone" DROP DEFAULT;
ALTER TABLE "customer_2" ADD COLUMN "credit_limit" numeric(12, 2) DEFAULT 0 NOT NULL;
ALTER TABLE "customer_2" ALTER COLUMN "credit_limit" DROP DEFAULT;

-- Copy 3
ALTER TABLE "customer_3" ADD COLUMN "phone" varchar(30) DEFAULT '' NOT NULL;
ALTER TABLE "customer_3" ALTER COLUMN "phone" DROP DEFAULT;
ALTER TABLE "customer_3" ADD COLUMN "credit_limit" numeric(12, 2) DEFAULT 0 NOT NULL;
ALTER TABLE "customer_3" ALTER COLUMN "credit_limit" DROP DEFAULT;

-- Copy 4
ALTER TABLE "customer_4" ADD COLUMN "phone" varchar(30) DEFAULT '' NOT NULL;
ALTER TABLE "customer_4" ALTER COLUMN "phone" DROP DEFAULT;
ALTER TABLE "customer_4" ADD COLUMN "credit_limit" numeric(12, 2) DEFAULT 0 NOT NULL;
ALTER TABLE "customer_4" ALTER COLUMN "credit_limit" DROP DEFAULT;

-- Copy 5
ALTER TABLE "customer_5" ADD COLUMN "phone" varchar(30) DEFAULT '' NOT NULL;
ALTER TABLE "customer_5" ALTER COLUMN "phone" DROP DEFAULT;
ALTER TABLE "customer_5" ADD COLUMN "credit_limit" numeric(12, 2) DEFAULT 0 NOT NULL;
ALTER TABLE "customer_5" ALTER COLUMN "credit_limit" DROP DEFAULT;
