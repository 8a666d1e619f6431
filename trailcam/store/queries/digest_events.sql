-- The events of the table `sightings` in which a photo of the table `fresh` is, the latest first. Photos without
-- a time are in no event: the fresh ones of a station are one row.
SELECT
    s.station,
    min(s.captured_at) FILTER (s.begins) AS begins,
    max(s.captured_at) AS ends,
    count(*) FILTER (s.event IS NOT NULL OR f.image_id IS NOT NULL) AS photos,
    count(f.image_id) AS new_photos,
    max(s.animals) FILTER (s.event IS NOT NULL OR f.image_id IS NOT NULL) AS animals,
    max(s.confidence_max) FILTER (f.image_id IS NOT NULL) AS confidence,
    -- Photos that show by themselves what all photos of the visit say.
    count(*) FILTER (s.sure > 0 AND (s.event IS NOT NULL OR f.image_id IS NOT NULL)) AS saying_so,
    arg_max(i.path, (s.confidence_max, -s.image_id)) FILTER (f.image_id IS NOT NULL) AS path,
    arg_max(i.image_id, (s.confidence_max, -s.image_id)) FILTER (f.image_id IS NOT NULL) AS image_id
FROM sightings s
JOIN images i ON i.image_id = s.image_id
LEFT JOIN fresh f ON f.image_id = s.image_id
GROUP BY s.station, s.what, s.event
HAVING count(f.image_id) > 0
ORDER BY begins DESC NULLS LAST, s.station, s.what;
