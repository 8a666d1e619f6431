-- The detections of the view `boxes` that a gallery shows.
--
-- A detection is kept from $lowest on, or where it counts. recommended: whether it counts by what its weights
-- recommend, else $fallback. counts: the same, but from $confidence on where that is given. class_name: the age
-- class of a buck, else the model's own name in lower case; of what the box shows by all photos of its visit (the table
-- `animals`). said_kind, said_class: what it says itself. visit: its number where the box counts. name: what people call the buck.
-- frame_s: when in a video (is_video) it was seen.
-- ahead_us: by how much the photo's clock runs ahead of its station's usual one, for the gap between visits.
WITH clock_moves AS (
{query:clock_moves}
),
found AS (
    SELECT
        image_id, root_id, path, station, captured_at, run_id, class_id, kind,
        CASE WHEN kind = 'buck' THEN coalesce(age_class, 'unknown') ELSE lower(trim(class)) END AS class_name,
        confidence, x, y, w, h, frame_s,
        -- Confidences are stored in single precision: 0.7 must reach a threshold of 0.7.
        confidence >= coalesce(threshold, $fallback)::REAL AS recommended,
        confidence >= coalesce($confidence, threshold, $fallback)::REAL AS counts
    FROM boxes
    WHERE confidence >= least($lowest, coalesce($confidence, threshold, $fallback))::REAL
)
SELECT
    f.image_id, f.root_id, f.path, f.station, epoch_us(f.captured_at) AS captured_us,
    i.captured_at_suspect,
    coalesce(a.kind, f.kind) AS kind,
    CASE WHEN a.image_id IS NULL THEN f.class_name
        WHEN a.kind = 'buck' THEN coalesce(a.age_class, 'unknown') ELSE lower(trim(a.class)) END AS class_name,
    f.kind AS said_kind, f.class_name AS said_class, a.visit, n.name,
    f.confidence, f.x, f.y, f.w, f.h, f.frame_s, i.is_video, f.recommended, f.counts,
    coalesce(epoch_us(f.captured_at) - epoch_us(f.captured_at - m.ahead), 0) AS ahead_us
FROM found f
JOIN images i ON i.image_id = f.image_id
LEFT JOIN animals a ON f.counts AND a.image_id = f.image_id AND a.run_id = f.run_id AND a.class_id = f.class_id
LEFT JOIN named n ON n.image_id = f.image_id AND n.kind IS NOT NULL AND (n.x, n.y, n.w, n.h) = (f.x, f.y, f.w, f.h)
LEFT JOIN clock_moves m ON m.image_id = f.image_id
ORDER BY coalesce(f.captured_at - m.ahead, f.captured_at) DESC NULLS LAST, f.image_id DESC, f.confidence DESC, said_class, f.x, f.y;
