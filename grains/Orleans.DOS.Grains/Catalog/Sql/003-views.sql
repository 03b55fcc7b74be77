-- oldest-release: 0.1.0
-- The view of membership that each node is known to have (design, section 7): written by the node itself, while its membership row
-- says Active, before the view counts for its lease. others: JSON list of {Node, Incarnation} that it asks for the second form.
CREATE TABLE dos_views (
  node_id TEXT NOT NULL PRIMARY KEY, incarnation BIGINT NOT NULL, version BIGINT NOT NULL, others TEXT NOT NULL, confirmed_at BIGINT NOT NULL);
