-- The boxes of the view `counted` of the classes in the registered table `looked_for` (run_id, class_id, place, flock),
-- in the order in which they become visits: by station, flock and time, those without a time last.
-- steady_us is captured_at by a clock that isn't set for summer time (see clock_moves.sql): the gap is measured by it.
WITH clock_moves AS (
{query:clock_moves}
),
-- A photo and its video have one time.
of_one_trigger AS (
    SELECT clip_id AS image_id, still_id, taken_at FROM stills
    UNION ALL
    SELECT still_id, still_id, taken_at FROM stills
),
-- Visits are numbered by the names of stations, not by the order in which these came.
ranked AS (
    SELECT station_id, row_number() OVER (ORDER BY name) AS rank FROM stations
)
SELECT
    c.image_id, c.station_id, l.place, l.flock, c.confidence, sqrt(c.w::DOUBLE * c.h) AS size, c.by_person,
    coalesce(epoch_us(coalesce(t.taken_at, c.captured_at)), $no_time) AS at_us,
    coalesce(epoch_us(coalesce(t.taken_at, c.captured_at) - m.ahead), epoch_us(coalesce(t.taken_at, c.captured_at)), $no_time) AS steady_us
FROM counted c
JOIN looked_for l ON l.run_id = c.run_id AND l.class_id = c.class_id
JOIN ranked r ON r.station_id = c.station_id
LEFT JOIN of_one_trigger t ON t.image_id = c.image_id
LEFT JOIN clock_moves m ON m.image_id = coalesce(t.still_id, c.image_id)
ORDER BY r.rank, l.flock, steady_us, c.image_id;
