-- Dead letters belong to no case and have no time of their own: this finds them among everything else.
CREATE INDEX entries_dead_letters ON entries (index) WHERE kind = 'countersign.dead-letter';
