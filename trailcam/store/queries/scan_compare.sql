-- A walk (walked: i, path, size_bytes, mtime_ns) compared with one root's images.
-- state: new, unchanged, changed, returned, vanished, gone (missing already), hidden (unknown).
CREATE OR REPLACE TEMP TABLE compared AS
SELECT
    w.i,
    k.image_id,
    k.status,
    k.duplicate_of IS NOT NULL AS is_copy,
    -- could be read, by a trailcam that knew no content ids
    k.content_id IS NULL AND k.width IS NOT NULL AS unidentified,
    CASE
        WHEN k.image_id IS NULL THEN 'new'
        WHEN w.i IS NULL AND k.status = 'missing' THEN 'gone'
        WHEN w.i IS NULL AND EXISTS (
            SELECT 1 FROM hidden h
            WHERE h.folder = '' OR k.path = h.folder OR starts_with(k.path, h.folder || '/')
        ) THEN 'hidden'
        WHEN w.i IS NULL THEN 'vanished'
        WHEN k.size_bytes <> w.size_bytes OR k.mtime_ns <> w.mtime_ns THEN 'changed'
        -- a fixed permission changes neither size nor mtime: read it again
        WHEN k.status = 'failed' AND k.error_code = 'unreadable' THEN 'changed'
        WHEN k.status = 'missing' THEN 'returned'
        ELSE 'unchanged'
    END AS state
FROM (SELECT * FROM images WHERE root_id = $root_id) k
FULL JOIN walked w ON w.path = k.path;
