-- sightings: the table `image_sightings` with a photo and its video (see stills.sql) as one row, which has the most animals
-- that either shows at once. The image is the one that shows them.
CREATE TEMP TABLE moment_sightings AS
SELECT
    arg_max(s.image_id, s.shows) AS image_id,
    max(s.animals) AS animals,
    arg_max(s.by_model, s.shows) AS by_model,
    arg_max(s.confidence_sum, s.shows) AS confidence_sum,
    max(s.confidence_max) AS confidence_max,
    max(s.sure) AS sure,
    bool_or(s.begins) AS begins,
    bool_or(s.begins_visit) AS begins_visit,
    s.station, s.what, s.event, s.captured_at, s.steady_at, s.moment
FROM (
    SELECT
        i.*, coalesce(t.still_id, i.image_id) AS moment, (i.animals, i.confidence_max, -i.image_id) AS shows
    FROM image_sightings i
    LEFT JOIN stills t ON t.clip_id = i.image_id
) s
GROUP BY ALL;
CREATE TEMP VIEW sightings AS SELECT * FROM moment_sightings;
