-- How many of the vanished photos (ids) are found again: by content among new files (found) or as a copy that is
-- there (here); of those without a content id by size, time and name.
WITH lost AS (
    SELECT i.image_id, i.content_id, i.size_bytes, i.mtime_ns, split_part(i.path, '/', -1) AS name
    FROM images i JOIN ids USING (image_id)
    WHERE i.duplicate_of IS NULL
)
SELECT count(*) FROM lost l
WHERE l.content_id IN (SELECT content_id FROM found WHERE content_id IS NOT NULL)
    OR l.image_id IN (SELECT duplicate_of FROM images JOIN here USING (image_id) WHERE duplicate_of IS NOT NULL)
    OR (l.content_id IS NULL AND EXISTS (
        SELECT 1 FROM found f WHERE f.size_bytes = l.size_bytes AND f.mtime_ns = l.mtime_ns AND f.name = l.name
    ));
