-- The events of the table `sightings` in which a photo of the table `fresh` is, the latest first. Photos without
-- a time are in no event: the fresh ones of a station are one row.
SELECT
    s.station,
    min(s.captured_at) FILTER (s.begins) AS begins,
    max(s.captured_at) AS ends,
    count(*) FILTER (s.event IS NOT NULL OR f.moment IS NOT NULL) AS photos,
    count(f.moment) AS new_photos,
    max(s.animals) FILTER (s.event IS NOT NULL OR f.moment IS NOT NULL) AS animals,
    max(s.confidence_max) FILTER (f.moment IS NOT NULL) AS confidence,
    -- Photos that show by themselves what all photos of the visit say.
    count(*) FILTER (s.sure > 0 AND (s.event IS NOT NULL OR f.moment IS NOT NULL)) AS saying_so,
    arg_max(i.path, (s.confidence_max, -s.image_id)) FILTER (f.moment IS NOT NULL) AS path,
    arg_max(i.image_id, (s.confidence_max, -s.image_id)) FILTER (f.moment IS NOT NULL) AS image_id
FROM sightings s
JOIN images i ON i.image_id = s.image_id
LEFT JOIN (
    SELECT DISTINCT coalesce(t.still_id, n.image_id) AS moment FROM fresh n LEFT JOIN stills t ON t.clip_id = n.image_id
) f ON f.moment = s.moment
GROUP BY s.station, s.what, s.event
HAVING count(f.moment) > 0
ORDER BY begins DESC NULLS LAST, s.station, s.what;
