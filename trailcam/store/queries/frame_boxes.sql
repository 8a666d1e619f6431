-- The boxes {which} of videos, those aside that repeat one of their own frame, as follow_animals.py takes them. frame: the
-- number of the box's frame among all that were looked at: an animal that wasn't seen for a while may be another one.
WITH boxes AS (
    SELECT
        d.rowid AS row, d.run_id, d.image_id, d.frame_s, d.class_id, d.x, d.y, d.w, d.h, d.confidence,
        d.confidence >= coalesce(c.threshold, {fallback})::REAL AS sure,
        -- A flock is what visits together: see animals.flock_of.
        CASE
            WHEN c.kind IN ('buck', 'doe', 'fawn', 'deer') THEN 'deer'
            WHEN c.kind IN ('person', 'vehicle') THEN c.kind
            ELSE lower(trim(c.name))
        END AS flock
    FROM detections d
    JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
    WHERE d.frame_s IS NOT NULL AND NOT d.repeats AND {which}
),
frames AS (
    SELECT *, row_number() OVER (PARTITION BY run_id, image_id ORDER BY frame_s) AS frame
    FROM (
        SELECT run_id, image_id, frame_s FROM boxes
        UNION
        SELECT r.run_id, r.image_id, unnest(r.frames) FROM results r
        SEMI JOIN boxes b ON b.run_id = r.run_id AND b.image_id = r.image_id
    )
)
SELECT b.*, f.frame
FROM boxes b
JOIN frames f ON f.run_id = b.run_id AND f.image_id = b.image_id AND f.frame_s = b.frame_s
ORDER BY b.run_id, b.image_id, b.frame_s, b.row;
