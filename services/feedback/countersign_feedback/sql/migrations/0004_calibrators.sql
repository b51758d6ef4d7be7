-- What a calibrator is fitted to: the confidence before any calibrator that came into force later, and whose it is.
ALTER TABLE labels ADD COLUMN base double precision;
ALTER TABLE labels ADD COLUMN artifact_sha256 text;

-- Whoever opened a person's page, and what for. Numbered per person; each is announced and becomes part of the record.
CREATE TABLE openings (
    tenant      text        NOT NULL,
    reviewer    text        NOT NULL,
    number      integer     NOT NULL,
    opened_by   text        NOT NULL,
    request_key text,
    opened_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, reviewer, number)
);

CREATE UNIQUE INDEX openings_request ON openings (tenant, reviewer, opened_by, request_key)
    WHERE request_key IS NOT NULL;
