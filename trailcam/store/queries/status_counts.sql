-- Images of the view `selected` by status: all, by station and by month. name is NULL for all and for the images without a time.
SELECT
    CASE
        WHEN grouping(station) = 0 THEN 'station'
        WHEN grouping(month) = 0 THEN 'month'
        ELSE 'all'
    END AS grouped_by,
    coalesce(station, month) AS name,
    count(*) AS photos,
    count(*) FILTER (status = 'completed') AS completed,
    count(*) FILTER (status = 'pending') AS pending,
    count(*) FILTER (status = 'failed') AS failed,
    count(*) FILTER (status = 'missing') AS missing,
    count(*) FILTER (captured_at IS NULL) AS undated,
    count(captured_at_suspect) AS suspect
FROM (
    SELECT
        s.station, strftime(s.captured_at, '%Y-%m') AS month,
        s.status, s.captured_at, i.captured_at_suspect
    FROM selected s
    JOIN images i USING (image_id)
)
GROUP BY GROUPING SETS ((station), (month), ())
ORDER BY CASE grouped_by WHEN 'all' THEN 0 WHEN 'station' THEN 1 ELSE 2 END, name NULLS LAST;
