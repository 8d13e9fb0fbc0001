-- Biology of bundles as the matrix service saw it: one row a table and bundle, with the smallest
-- key, and '' where the bundle's entities disagree. Other datasets have none here.
CREATE TABLE store.service_donor AS SELECT * FROM store.donor LIMIT 0;
CREATE TABLE store.service_specimen AS SELECT * FROM store.specimen LIMIT 0;
CREATE TABLE store.service_cell_suspension AS SELECT * FROM store.cell_suspension LIMIT 0;
CREATE TABLE store.service_library_preparation AS SELECT * FROM store.library_preparation LIMIT 0;
