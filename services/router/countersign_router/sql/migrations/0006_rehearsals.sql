-- Cases marked `test` are counted nowhere: the matrix and the stop switch leave them out.
ALTER TABLE routings ADD COLUMN test boolean NOT NULL DEFAULT false;
