-- The photos that new answers (table `fresh`: answer_id, place_id, up_to) cover: those of the place's camera on which
-- the model that counts had seen a box exactly there by then.
INSERT INTO static_boxes BY NAME
WITH RECURSIVE
{query:station_now}
SELECT DISTINCT f.answer_id, i.image_id
FROM fresh f
JOIN static_places p USING (place_id)
JOIN station_now n ON n.was = p.station_id
JOIN images i ON i.station_id = n.is_now AND {camera} = p.camera AND i.duplicate_of IS NULL
JOIN results r ON r.image_id = i.image_id AND r.run_id = i.run_id AND r.looked_at <= f.up_to
JOIN detections d ON d.image_id = i.image_id AND d.run_id = i.run_id
WHERE iou(d.x, d.y, d.w, d.h, p.x, p.y, p.w, p.h) >= {same_place}
    -- Follows from that, and takes a tenth of the time.
    AND abs(d.x - p.x) <= p.w * 0.26 AND abs(d.y - p.y) <= p.h * 0.26
