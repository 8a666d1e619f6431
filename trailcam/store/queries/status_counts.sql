-- Images of the view `selected` by status: all, by station and by month. name is NULL for all and for the images without a time.
-- A few rows stand for all photos; names of months are made of these.
WITH tallies AS (
    SELECT
        station, date_trunc('month', captured_at)::DATE AS month_start, status,
        count(*) AS n, count(captured_at) AS dated, count(captured_at_suspect) AS suspect
    FROM selected
    GROUP BY ALL
)
SELECT
    CASE
        WHEN grouping(station) = 0 THEN 'station'
        WHEN grouping(month_start) = 0 THEN 'month'
        ELSE 'all'
    END AS grouped_by,
    coalesce(station, strftime(month_start, '%Y-%m')) AS name,
    coalesce(sum(n), 0)::BIGINT AS photos,
    coalesce(sum(n) FILTER (status = 'completed'), 0)::BIGINT AS completed,
    coalesce(sum(n) FILTER (status = 'pending'), 0)::BIGINT AS pending,
    coalesce(sum(n) FILTER (status = 'failed'), 0)::BIGINT AS failed,
    coalesce(sum(n) FILTER (status = 'missing'), 0)::BIGINT AS missing,
    coalesce(sum(n - dated), 0)::BIGINT AS undated,
    coalesce(sum(suspect), 0)::BIGINT AS suspect
FROM tallies
GROUP BY GROUPING SETS ((station), (month_start), ())
ORDER BY CASE grouped_by WHEN 'all' THEN 0 WHEN 'station' THEN 1 ELSE 2 END, name NULLS LAST;
