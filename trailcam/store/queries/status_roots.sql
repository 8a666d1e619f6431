-- Roots with what the last scan found below each.
SELECT r.name, r.path, coalesce(n.photos, 0) AS photos, r.n_videos AS videos,
    coalesce(u.other_pictures, 0)::INTEGER AS other_pictures, r.scanned_at
FROM roots r
LEFT JOIN (SELECT root_id, count(*) AS photos FROM images WHERE duplicate_of IS NULL AND thumbnail_of IS NULL GROUP BY root_id) n USING (root_id)
LEFT JOIN (SELECT root_id, sum(n) AS other_pictures FROM unread_pictures GROUP BY root_id) u USING (root_id)
ORDER BY r.root_id;
