-- The detections of the view `boxes` that a gallery shows, each with its event.
--
-- A detection is kept from $lowest on, or where it counts. recommended: whether it counts by what its weights
-- recommend, else $fallback. counts: the same, but from $confidence on where that is given. class_name: the age
-- class of a buck, else the model's own name in lower case. event: a number that is unique within station, kind and
-- class_name, NULL where the detection doesn't count or its photo has no time. An event is what `report bucks`
-- takes for one: photos of one class at one station, no further apart than $gap_us.
WITH found AS (
    SELECT
        image_id, root_id, path, station, captured_at, run_id, kind,
        CASE WHEN kind = 'buck' THEN coalesce(age_class, 'unknown') ELSE lower(trim(class)) END AS class_name,
        confidence, x, y, w, h,
        -- Confidences are stored in single precision: 0.7 must reach a threshold of 0.7.
        confidence >= coalesce(threshold, $fallback)::REAL AS recommended,
        confidence >= coalesce($confidence, threshold, $fallback)::REAL AS counts
    FROM boxes
    WHERE confidence >= least($lowest, coalesce($confidence, threshold, $fallback))::REAL
),
begun AS (
    SELECT
        *,
        coalesce(epoch_us(captured_at) - epoch_us(lag(captured_at) OVER visits) > $gap_us, true) AS begins
    FROM (
        SELECT DISTINCT image_id, station, kind, class_name, captured_at
        FROM found
        WHERE counts AND captured_at IS NOT NULL
    )
    WINDOW visits AS (PARTITION BY station, kind, class_name ORDER BY captured_at, image_id)
),
events AS (
    SELECT
        image_id, kind, class_name,
        sum(begins::INTEGER) OVER (PARTITION BY station, kind, class_name ORDER BY captured_at, image_id) AS event
    FROM begun
)
SELECT
    f.image_id, f.root_id, f.path, f.station, epoch_us(f.captured_at) AS captured_us,
    i.captured_at_suspect,
    f.kind, f.class_name, f.confidence, f.x, f.y, f.w, f.h, f.recommended, f.counts,
    CASE WHEN f.counts THEN e.event END AS event
FROM found f
JOIN images i ON i.image_id = f.image_id
LEFT JOIN events e ON e.image_id = f.image_id AND e.kind = f.kind AND e.class_name = f.class_name
ORDER BY f.captured_at DESC NULLS LAST, f.image_id DESC, f.confidence DESC, f.class_name, f.x, f.y;
