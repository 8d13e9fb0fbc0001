-- What readers say of a dataset, or of a view of it. author: a principal's id, or "link:" and the id of
-- the link by which a stranger came. view: "" of the dataset as a whole.
CREATE TABLE portal_comments(
    id TEXT PRIMARY KEY,
    dataset TEXT NOT NULL,
    view TEXT NOT NULL,
    author TEXT NOT NULL,
    author_name TEXT NOT NULL,
    text TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX portal_comments_dataset ON portal_comments(dataset, view, created_ms);
