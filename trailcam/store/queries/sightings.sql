-- image_sightings: one row for each image and what was seen on it, however many animals, of the registered table `joined`
-- (boxes with their visit, 0: none, and with the number `called` of what they are) and the names of these in $whats.
CREATE TEMP TABLE image_sightings AS
SELECT
    f.* EXCLUDE (station_id, called, at_us, steady_us, visit), s.name AS station, $whats[f.called + 1] AS what,
    nullif(f.visit, 0) AS event,
    CASE WHEN f.visit > 0 THEN make_timestamp(f.at_us) END AS captured_at,
    CASE WHEN f.visit > 0 THEN make_timestamp(f.steady_us) END AS steady_at
FROM (
    SELECT
        image_id, station_id, called, at_us, steady_us, visit,
        count(*) AS animals,
        -- A correction has no confidence: means are taken over models' boxes alone.
        count(*) FILTER (NOT by_person) AS by_model,
        sum(confidence::DOUBLE) FILTER (NOT by_person) AS confidence_sum,
        max(confidence) AS confidence_max,
        coalesce(max(confidence) FILTER (agrees), 0) AS sure,
        bool_or(begins) AS begins,
        bool_or(begins_visit) AS begins_visit
    FROM joined
    GROUP BY ALL
) f
JOIN stations s ON s.station_id = f.station_id;
