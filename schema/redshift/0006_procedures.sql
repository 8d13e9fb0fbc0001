-- Stored procedures: what made each is read anew when it is called. `types` are the engine's, of
-- what it is called with; `arguments` tells all as JSON.
CREATE TABLE stroma_system.procedures(
    schemaname VARCHAR NOT NULL, "name" VARCHAR NOT NULL, types VARCHAR NOT NULL,
    arguments VARCHAR NOT NULL, definition VARCHAR NOT NULL, body VARCHAR NOT NULL,
    is_definer BOOLEAN NOT NULL, made TIMESTAMP NOT NULL);
