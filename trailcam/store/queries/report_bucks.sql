-- Bucks among the photos of the view `moments`, from the table `sightings` (of bucks, by age), by the keys that
-- $by_month, $by_season, $by_station and $by_hour ask for (one not asked for is NULL), each with its coverage. All but
-- the keys are sums, so groups can be added up.
--
-- age: NULL for all age classes together; young, mid and mature are in every group, unknown only where there is one.
-- by_model, confidence_sum: boxes of models, and their confidences. without_class: completed photos whose model has no
-- class for this row's bucks, so that it can't see them (a person can).
-- MATERIALIZED or not: measured; it halves the time on a million photos.
WITH photos AS NOT MATERIALIZED (
    SELECT
        captured_at, status, run_id, by_person,
        CASE WHEN $by_month THEN date_trunc('month', captured_at)::DATE END AS month_start,
        CASE WHEN $by_season
            THEN year(captured_at) - (month(captured_at) < $first_month)::INTEGER
        END AS season_start,
        CASE WHEN $by_station THEN station END AS station_key,
        CASE WHEN $by_hour THEN hour(captured_at)::INTEGER END AS hour_key
    FROM moments
),
run_ages AS (
    SELECT
        run_id,
        bool_or(age_class = 'young') AS young,
        bool_or(age_class = 'mid') AS mid,
        bool_or(age_class = 'mature') AS mature
    FROM classes
    WHERE kind = 'buck'
    GROUP BY run_id
),
-- A few rows stand for all photos; the questions about them are asked of these.
tallies AS (
    SELECT
        month_start, season_start, station_key, hour_key, status, run_id,
        status = 'completed' AND NOT by_person AS blind,
        count(*) AS n, count(captured_at) AS dated
    FROM photos
    GROUP BY ALL
),
scopes AS (
    SELECT
        month_start, season_start, station_key, hour_key,
        sum(n)::BIGINT AS scope_photos,
        sum(dated)::BIGINT AS dated,
        coalesce(sum(n) FILTER (status = 'completed'), 0)::BIGINT AS completed,
        coalesce(sum(n) FILTER (status = 'pending'), 0)::BIGINT AS pending,
        coalesce(sum(n) FILTER (status = 'failed'), 0)::BIGINT AS failed,
        coalesce(sum(n) FILTER (status = 'missing'), 0)::BIGINT AS missing,
        coalesce(sum(n) FILTER (blind AND a.run_id IS NULL), 0)::BIGINT AS without_any,
        coalesce(sum(n) FILTER (blind AND a.young IS NOT TRUE), 0)::BIGINT AS without_young,
        coalesce(sum(n) FILTER (blind AND a.mid IS NOT TRUE), 0)::BIGINT AS without_mid,
        coalesce(sum(n) FILTER (blind AND a.mature IS NOT TRUE), 0)::BIGINT AS without_mature
    FROM tallies t
    LEFT JOIN run_ages a ON a.run_id = t.run_id
    GROUP BY ALL
),
-- Several animals of one age class in one photo are one photo with a buck of that class (see visits.sql). A
-- visit belongs to the group of its first photo, wherever it ends.
begun AS (
    SELECT
        moment, captured_at, begins, begins_visit, what AS age, animals AS boxes, by_model, confidence_sum,
        CASE WHEN $by_month THEN date_trunc('month', captured_at)::DATE END AS month_start,
        CASE WHEN $by_season
            THEN year(captured_at) - (month(captured_at) < $first_month)::INTEGER
        END AS season_start,
        CASE WHEN $by_station THEN station END AS station_key,
        CASE WHEN $by_hour THEN hour(captured_at)::INTEGER END AS hour_key
    FROM sightings
),
by_age AS (
    SELECT
        month_start, season_start, station_key, hour_key, age,
        count(*) AS photos,
        sum(boxes) AS boxes,
        count(*) FILTER (begins) AS events,
        sum(by_model) AS by_model,
        sum(confidence_sum) AS confidence_sum,
        coalesce(sum(boxes) FILTER (captured_at IS NULL), 0) AS undated_boxes
    FROM begun
    GROUP BY ALL
),
-- A photo with bucks of two age classes is in two rows of by_age, but one photo, and so is a visit: age NULL counts
-- these once.
parts AS (
    SELECT * FROM by_age
    UNION ALL BY NAME
    SELECT
        month_start, season_start, station_key, hour_key, NULL AS age, count(*) AS photos,
        count(*) FILTER (begins_visit) AS events
    FROM (
        SELECT moment, month_start, season_start, station_key, hour_key, bool_or(begins_visit) AS begins_visit
        FROM begun GROUP BY ALL
    )
    GROUP BY ALL
),
counts AS (
    SELECT
        month_start, season_start, station_key, hour_key, row_age AS age,
        sum(photos) FILTER (age IS NOT DISTINCT FROM row_age)::BIGINT AS photos,
        sum(boxes)::BIGINT AS detections,
        sum(events) FILTER (age IS NOT DISTINCT FROM row_age)::BIGINT AS events,
        sum(by_model)::BIGINT AS by_model,
        sum(confidence_sum) AS confidence_sum,
        sum(undated_boxes)::BIGINT AS undated_detections
    FROM (
        SELECT *, age AS row_age FROM parts WHERE age IS NOT NULL
        UNION ALL
        SELECT *, NULL AS row_age FROM parts
    )
    GROUP BY ALL
),
ages AS (
    SELECT unnest([NULL, 'young', 'mid', 'mature', 'unknown']) AS age
)
SELECT
    strftime(s.month_start, '%Y-%m') AS month,
    CASE WHEN $first_month = 1 THEN printf('%04d', s.season_start)
        ELSE printf('%04d-%02d', s.season_start, (s.season_start + 1) % 100)
    END AS season,
    s.station_key AS station,
    s.hour_key AS hour,
    a.age,
    s.scope_photos, s.dated, s.completed, s.pending, s.failed, s.missing,
    CASE a.age
        WHEN 'young' THEN s.without_young
        WHEN 'mid' THEN s.without_mid
        WHEN 'mature' THEN s.without_mature
        ELSE s.without_any
    END AS without_class,
    coalesce(c.photos, 0) AS photos,
    coalesce(c.detections, 0) AS detections,
    coalesce(c.events, 0) AS events,
    coalesce(c.by_model, 0) AS by_model,
    coalesce(c.confidence_sum, 0) AS confidence_sum,
    coalesce(c.undated_detections, 0) AS undated_detections
FROM scopes s
CROSS JOIN ages a
LEFT JOIN counts c
    ON c.month_start IS NOT DISTINCT FROM s.month_start
    AND c.season_start IS NOT DISTINCT FROM s.season_start
    AND c.station_key IS NOT DISTINCT FROM s.station_key
    AND c.hour_key IS NOT DISTINCT FROM s.hour_key
    AND c.age IS NOT DISTINCT FROM a.age
WHERE a.age IS DISTINCT FROM 'unknown' OR c.photos > 0;
