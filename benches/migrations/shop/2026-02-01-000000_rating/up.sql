-- What a later version of the shop adds.

ALTER TABLE reviews ADD COLUMN rating INTEGER NOT NULL DEFAULT 5;
CREATE INDEX reviews_rating ON reviews (rating);
