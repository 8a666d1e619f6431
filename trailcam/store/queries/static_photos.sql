-- The photos of a place's camera with a box exactly there, one row for each box, the newest photo first.
-- hidden: an answer in force takes it out of all counts.
WITH RECURSIVE
{query:station_now},
{query:static_in_force}
SELECT
    i.image_id, i.root_id, i.path, i.captured_at, c.name AS class, d.confidence, d.x, d.y, d.w, d.h,
    EXISTS (
        FROM static_boxes b JOIN static_in_force f USING (answer_id)
        WHERE b.image_id = i.image_id AND f.place_id = p.place_id AND f.is_thing
    ) AS hidden
FROM static_places p
JOIN station_now n ON n.was = p.station_id
JOIN images i ON i.station_id = n.is_now AND {camera} = p.camera AND i.duplicate_of IS NULL
JOIN detections d ON d.image_id = i.image_id AND d.run_id = i.run_id
JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
WHERE p.place_id = $place_id AND NOT d.repeats
    AND iou(d.x, d.y, d.w, d.h, p.x, p.y, p.w, p.h) >= {same_place}
    -- Follows from that, and takes a tenth of the time.
    AND abs(d.x - p.x) <= p.w * 0.26 AND abs(d.y - p.y) <= p.h * 0.26
ORDER BY i.captured_at DESC NULLS LAST, i.image_id DESC, d.confidence DESC
