-- Sightings among the boxes of the view `counted`, and the visits that they make: the one place where
-- either is decided. $level: what makes two animals alike, 'class' (the model's name), 'kind', 'age', or 'look':
-- the kind with the age of a buck, or with the name of another class in lower case.
-- $kinds: the kinds to take. $only: of these, class names (lower case), kinds or ages of bucks. NULL takes all.
--
-- sightings: one row for each image and what was seen in it, however many animals. `begins` marks the first of
-- a visit; `event` numbers the visits of a station and a `what`, NULL where the photo has no capture time.
-- `steady_at` is captured_at by a clock that isn't set for summer time (see clock_moves.sql): the gap is measured by it.
CREATE TEMP TABLE sightings AS
WITH clock_moves AS (
{query:clock_moves}
),
found AS (
    SELECT
        image_id, station, captured_at,
        CASE $level
            WHEN 'class' THEN class
            WHEN 'kind' THEN kind
            WHEN 'look' THEN kind || '/' || CASE
                WHEN kind = 'buck' THEN coalesce(age_class, 'unknown') ELSE lower(trim(class))
            END
            ELSE coalesce(age_class, 'unknown')
        END AS what,
        count(*) AS animals,
        -- A correction has no confidence: means are taken over models' boxes alone.
        count(*) FILTER (NOT by_person) AS by_model,
        sum(confidence::DOUBLE) FILTER (NOT by_person) AS confidence_sum,
        max(confidence) AS confidence_max
    FROM counted
    WHERE ($kinds IS NULL OR list_contains($kinds, kind))
        AND ($only IS NULL OR list_has_any($only, [lower(class), kind, age_class]))
    GROUP BY ALL
),
steady AS (
    SELECT f.*, coalesce(f.captured_at - m.ahead, f.captured_at) AS steady_at
    FROM found f
    LEFT JOIN clock_moves m ON m.image_id = f.image_id
),
-- Photos without a time sort last and begin nothing. Sorted once, the rest is a walk down the rows: windows with
-- partitions of their own would sort twice more.
in_order AS (
    SELECT * FROM steady ORDER BY station, what, steady_at NULLS LAST, image_id
),
parted AS (
    SELECT
        *,
        coalesce(station <> lag(station) OVER () OR what <> lag(what) OVER (), true) AS is_first,
        epoch_us(steady_at) - epoch_us(lag(steady_at) OVER ()) AS since_us
    FROM in_order
),
begun AS (
    SELECT
        * EXCLUDE (since_us),
        captured_at IS NOT NULL AND (is_first OR since_us > $gap_us) AS begins
    FROM parted
),
numbered AS (
    SELECT *, sum(begins::INTEGER) OVER (ROWS UNBOUNDED PRECEDING) AS through FROM begun
)
SELECT
    * EXCLUDE (is_first, through),
    CASE WHEN captured_at IS NOT NULL THEN
        through - max(CASE WHEN is_first THEN through - 1 END) OVER (ROWS UNBOUNDED PRECEDING)
    END::BIGINT AS event
FROM numbered;
