-- Roots with what the last scan found below each.
SELECT r.name, r.path, coalesce(n.photos, 0) AS photos, r.n_videos AS videos, r.scanned_at
FROM roots r
LEFT JOIN (SELECT root_id, count(*) AS photos FROM images WHERE duplicate_of IS NULL GROUP BY root_id) n USING (root_id)
ORDER BY r.root_id;
