-- Labels are a small part of the cases: certificates and calibration read them without touching the rest.
CREATE INDEX cases_judged ON cases (cell_id) WHERE audit_error IS NOT NULL;
