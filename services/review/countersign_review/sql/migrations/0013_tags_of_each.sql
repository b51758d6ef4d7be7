-- Who set the same tag: while somebody must answer unseen, everybody sees their own alone, also where another was first.
ALTER TABLE case_tags DROP CONSTRAINT case_tags_pkey, ADD PRIMARY KEY (tenant, case_id, tag, tagged_by);
