-- oldest-release: 0.1.0
-- Bytes of a job's input that were read on nodes that hold them; written when it has ended.
ALTER TABLE dos_jobs ADD COLUMN bytes_local BIGINT NOT NULL DEFAULT 0;
