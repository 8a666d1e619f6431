-- Pairs of files that may be one photo in two sizes: of one station and camera, one second and one form, the smaller at
-- most two thirds as wide. Pairs that were compared before and haven't changed since are left out. Bursts have one size.
WITH photos AS (
    SELECT
        i.image_id, i.root_id, i.path, i.station_id, i.size_bytes, date_trunc('second', i.captured_at) AS second,
        greatest(i.width, i.height) AS longer, least(i.width, i.height) AS shorter, i.make, i.model, i.serial
    FROM images i
    WHERE i.captured_at IS NOT NULL AND i.width > 0 AND i.height > 0
        AND i.status <> 'missing' AND i.duplicate_of IS NULL AND NOT i.is_video
),
-- One pass over all photos; the join is of the few that are left.
shared AS (
    SELECT station_id, second FROM photos GROUP BY ALL
    HAVING count(*) > 1 AND min(longer) * 3 <= max(longer) * 2
),
few AS (
    SELECT p.* FROM photos p JOIN shared s ON s.station_id = p.station_id AND s.second = p.second
)
SELECT
    t.image_id, o.image_id AS original_id, t.size_bytes AS image_bytes, o.size_bytes AS original_bytes,
    tr.path AS image_root, t.path AS image_path, r.path AS original_root, o.path AS original_path
FROM few t
JOIN few o ON o.station_id = t.station_id AND o.second = t.second AND t.longer * 3 <= o.longer * 2
JOIN roots tr ON tr.root_id = t.root_id
JOIN roots r ON r.root_id = o.root_id
LEFT JOIN thumbnails k ON k.image_id = t.image_id AND k.original_id = o.image_id
    AND k.image_bytes = t.size_bytes AND k.original_bytes = o.size_bytes
WHERE k.image_id IS NULL
    AND abs(t.longer / t.shorter - o.longer / o.shorter) < 0.05
    AND (t.make = o.make OR t.make IS NULL OR o.make IS NULL)
    AND (t.model = o.model OR t.model IS NULL OR o.model IS NULL)
    AND (t.serial = o.serial OR t.serial IS NULL OR o.serial IS NULL)
ORDER BY original_id, image_id;
