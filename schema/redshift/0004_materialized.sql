-- Which views were made as materialized ones: they are worked out when they are read.
CREATE TABLE stroma_system.materialized_views("schema" VARCHAR, "name" VARCHAR, auto_refresh BOOLEAN);
