-- What changed lately, told to everybody who looks at the desk. Nothing rests on it: pages are fetched, and whoever was
-- away reads them anew. So it needs no write-ahead log, and is emptied every few minutes.
CREATE UNLOGGED TABLE live (
    number  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind    text        NOT NULL,
    tenant  text        NOT NULL,
    case_id text,
    queue   text
);

-- Reviews of a case whatever became of them.
CREATE INDEX reviews_of_case ON reviews (tenant, case_id);
