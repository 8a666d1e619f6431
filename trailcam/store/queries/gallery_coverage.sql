-- How far the photos of the view `moments` have been looked at, by station, month and hour (NULL: no time).
-- month: months since the year 0, so that December and the January after it are neighbours.
SELECT
    station,
    (year(captured_at) * 12 + month(captured_at) - 1)::INTEGER AS month,
    hour(captured_at)::INTEGER AS hour,
    count(*) FILTER (status = 'completed') AS completed,
    count(*) FILTER (status = 'pending') AS pending,
    count(*) FILTER (status = 'failed') AS failed,
    count(*) FILTER (status = 'missing') AS missing
FROM moments
GROUP BY ALL
ORDER BY ALL;
