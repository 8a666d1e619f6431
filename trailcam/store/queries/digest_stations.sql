-- The stations of the view `selected` that someone should look after: silent on $today, or with photos that
-- were not looked at. All photos of a station whose time is not in doubt tell when it last worked; one that was
-- given up before $today isn't silent.
WITH last_days AS (
    SELECT station_id, max(captured_at)::DATE AS last_day
    FROM images
    WHERE captured_at IS NOT NULL AND captured_at_suspect IS NULL AND duplicate_of IS NULL
    GROUP BY station_id
),
counted AS (
    SELECT
        st.station_id, s.station,
        count(*) FILTER (s.status = 'pending') AS pending,
        count(*) FILTER (s.status = 'failed') AS failed,
        count(f.image_id) AS new_failed,
        count(*) FILTER (s.status = 'missing') AS missing
    FROM selected s
    JOIN stations st ON st.name = s.station
    LEFT JOIN fresh_failed f ON f.image_id = s.image_id
    GROUP BY st.station_id, s.station
),
judged AS (
    SELECT
        c.*, l.last_day,
        CASE
            WHEN $today::DATE - l.last_day > $silent_days AND (st.until IS NULL OR st.until >= $today::DATE)
            THEN $today::DATE - l.last_day
        END AS silent_days
    FROM counted c
    JOIN stations st ON st.station_id = c.station_id
    LEFT JOIN last_days l ON l.station_id = c.station_id
)
SELECT
    station_id, station, last_day, silent_days,
    silent_days IS NOT NULL AND CASE
        -- The first day on which it counted as silent.
        WHEN $since::DATE IS NOT NULL THEN last_day + $silent_days::INTEGER + 1 >= $since::DATE
        ELSE NOT EXISTS (
            FROM digest_silences q
            JOIN digests d ON d.digest_id = q.digest_id
            WHERE d.name = $name AND q.station_id = judged.station_id AND q.last_day = judged.last_day
        )
    END AS silence_is_new,
    pending, failed, new_failed, missing
FROM judged
WHERE silent_days IS NOT NULL OR last_day IS NULL OR pending + failed + missing > 0
ORDER BY lower(station), station;
