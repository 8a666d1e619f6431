-- Every photo of one station, with the times that its sources state and how colourful it is.
WITH said AS (
    SELECT
        image_id,
        arg_min(value, source) FILTER (source IN ('exif', 'exif_digitized')) AS exif_at,
        max(value) FILTER (source = 'exif_modified') AS modified_at,
        max(value) FILTER (source = 'maker_note') AS noted_at,
        max(value) FILTER (source = 'filename') AS named_at,
        max(utc_offset_min) FILTER (source = 'filename') AS named_offset_min,
        max(value) FILTER (source = 'strip' AND counts) AS strip_at,
        bool_or(source = 'strip' AND reason = 'exif_differs') AS strip_differs,
        map_from_entries(list((source, suspect)) FILTER (suspect IS NOT NULL)) AS suspects
    FROM time_readings
    WHERE image_id IN (SELECT image_id FROM images WHERE station_id = $station_id)
    GROUP BY image_id
)
SELECT
    i.image_id, i.root_id, i.path, trim(concat_ws(' ', i.make, i.model, i.serial)) AS camera,
    i.captured_at, i.captured_at_source, i.captured_at_suspect, i.utc_offset_min,
    s.exif_at, s.noted_at, s.modified_at, s.named_at, s.named_offset_min, s.strip_at,
    coalesce(s.strip_differs, false) AS strip_differs,
    s.suspects[i.captured_at_source] AS own, i.infrared, l.colour,
    i.status <> 'missing' AND i.duplicate_of IS NULL AND i.thumbnail_of IS NULL AS counts
FROM images i
LEFT JOIN said s USING (image_id)
LEFT JOIN image_light l USING (image_id)
WHERE i.station_id = $station_id
ORDER BY i.root_id, i.path;
