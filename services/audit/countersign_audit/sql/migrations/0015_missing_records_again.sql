-- A topic that was made anew may lose the same offsets once more.
ALTER TABLE missing_records DROP CONSTRAINT missing_records_pkey,
    ADD PRIMARY KEY (topic, partition, first_offset, beyond);
