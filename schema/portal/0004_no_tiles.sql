-- Panels of dashboards took their place (schema/dashboard).
DROP TABLE portal_tiles;
