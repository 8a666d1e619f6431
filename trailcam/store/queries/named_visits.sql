-- named_sightings: the named bucks of `named`, one row for each photo that shows one, joined into visits: photos of one
-- buck at one station with no pause longer than $gap_us. `begins` marks the first of a visit; `event` numbers the visits of a
-- station and name, NULL where the photo has no capture time. steady_at: see sightings.
CREATE TEMP TABLE named_sightings AS
WITH clock_moves AS (
{query:clock_moves}
),
steady AS (
    SELECT n.*, coalesce(n.captured_at - m.ahead, n.captured_at) AS steady_at
    FROM named n
    LEFT JOIN clock_moves m ON m.image_id = n.image_id
    WHERE n.name IS NOT NULL
        -- A video is one photo with that of the same trigger, where both show the buck.
        AND NOT EXISTS (
            FROM stills t JOIN named o ON o.image_id = t.still_id WHERE t.clip_id = n.image_id AND o.name = n.name
        )
),
begun AS (
    SELECT
        *,
        captured_at IS NOT NULL AND coalesce(
            epoch_us(steady_at)
            - epoch_us(lag(steady_at) OVER (PARTITION BY name, station ORDER BY steady_at NULLS LAST, image_id)) > $gap_us,
            true
        ) AS begins
    FROM steady
)
SELECT
    *,
    CASE WHEN captured_at IS NOT NULL THEN
        sum(begins::INTEGER) OVER (PARTITION BY name, station ORDER BY steady_at NULLS LAST, image_id)
    END::BIGINT AS event
FROM begun;
