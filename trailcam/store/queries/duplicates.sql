-- Photos with copies or thumbnails: a row for each file, the photo itself first. A copy is verified when all bytes of both were read.
SELECT
    dense_rank() OVER (ORDER BY photo_root, photo_path, photo_id) AS n,
    role, image_id, root, path, station, size_bytes, status, verified
FROM (
    SELECT
        CASE WHEN i.image_id = o.image_id THEN 'photo' WHEN i.thumbnail_of IS NULL THEN 'copy' ELSE 'thumbnail' END AS role,
        i.image_id, r.name AS root, i.path, s.name AS station, i.size_bytes, o.status,
        i.whole_id IS NOT NULL AND o.whole_id IS NOT NULL AS verified,
        q.name AS photo_root, o.path AS photo_path, o.image_id AS photo_id
    FROM images i
    JOIN images o ON o.image_id = coalesce(i.duplicate_of, i.thumbnail_of, i.image_id)
    JOIN roots r ON r.root_id = i.root_id
    JOIN roots q ON q.root_id = o.root_id
    JOIN stations s ON s.station_id = i.station_id
    WHERE o.image_id IN (
            SELECT coalesce(duplicate_of, thumbnail_of) AS photo FROM images WHERE photo IS NOT NULL AND status <> 'missing'
        )
        AND (i.image_id = o.image_id OR i.status <> 'missing')
)
ORDER BY n, role <> 'photo', role, root, path;
