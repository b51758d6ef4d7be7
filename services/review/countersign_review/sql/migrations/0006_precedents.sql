-- The likeness of cases that people have taken up. A case's places lie beside those of cases like it.
CREATE TABLE precedents (
    arrival bigint PRIMARY KEY,
    code    bytea  NOT NULL
);
CREATE TABLE precedent_places (
    scope   bigint   NOT NULL,
    tree    smallint NOT NULL,
    place   bigint   NOT NULL,
    arrival bigint   NOT NULL,
    PRIMARY KEY (scope, tree, place, arrival)
);
