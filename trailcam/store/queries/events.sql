-- Sightings among the images of the view `selected`, and the events that they make: the one place where
-- either is decided. $level: what makes two animals alike, 'class' (the model's name), 'kind', 'age', or 'look':
-- the kind with the age of a buck, or with the name of another class in lower case.
-- $kinds: the kinds to take. $only: of these, class names (lower case), kinds or ages of bucks. NULL takes all.
--
-- sightings: one row for each image and what was seen in it, however many animals. `begins` marks the first of
-- an event; `event` numbers the events of a station and a `what`, NULL where the photo has no capture time.
CREATE OR REPLACE TEMP TABLE sightings AS
WITH found AS (
    SELECT
        s.image_id, s.station, s.captured_at,
        CASE $level
            WHEN 'class' THEN c.name
            WHEN 'kind' THEN c.kind
            WHEN 'look' THEN c.kind || '/' || CASE
                WHEN c.kind = 'buck' THEN coalesce(c.age_class, 'unknown') ELSE lower(trim(c.name))
            END
            ELSE coalesce(c.age_class, 'unknown')
        END AS what,
        count(*) AS animals,
        sum(d.confidence::DOUBLE) AS confidence_sum,
        max(d.confidence) AS confidence_max
    FROM selected s
    JOIN detections d ON d.image_id = s.image_id AND d.run_id = s.run_id
    JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
    -- Confidences are stored in single precision: 0.7 must reach a threshold of 0.7.
    WHERE d.confidence >= coalesce($confidence, c.threshold, $fallback)::REAL
        AND ($kinds IS NULL OR list_contains($kinds, c.kind))
        AND ($only IS NULL OR list_has_any($only, [lower(c.name), c.kind, c.age_class]))
    GROUP BY ALL
),
-- Photos without a time sort last and begin nothing.
begun AS (
    SELECT
        *,
        captured_at IS NOT NULL
        AND coalesce(epoch_us(captured_at) - epoch_us(lag(captured_at) OVER visits) > $gap_us, true) AS begins
    FROM found
    WINDOW visits AS (PARTITION BY station, what ORDER BY captured_at NULLS LAST, image_id)
)
SELECT
    *,
    CASE WHEN captured_at IS NOT NULL THEN sum(begins::INTEGER) OVER (
        PARTITION BY station, what ORDER BY captured_at NULLS LAST, image_id ROWS UNBOUNDED PRECEDING
    ) END::BIGINT AS event
FROM begun;
