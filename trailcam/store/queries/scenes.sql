-- scenes: the photos of the view `selected`, and which of them follow each other within $gap_us: the one place where
-- that is decided. steady_at: see visits.sql.
CREATE TEMP VIEW scenes AS
SELECT
    * EXCLUDE (steady_at),
    CASE WHEN captured_at IS NOT NULL THEN
        sum(begins::INTEGER) OVER (
            PARTITION BY station ORDER BY steady_at NULLS LAST, image_id ROWS UNBOUNDED PRECEDING
        )
    END::BIGINT AS scene
FROM (
    SELECT
        *,
        captured_at IS NULL
            OR coalesce(epoch_us(steady_at) - epoch_us(lag(steady_at) OVER times) > $gap_us, true) AS begins
    FROM (
        SELECT s.*, coalesce(s.captured_at - m.ahead, s.captured_at) AS steady_at
        FROM selected s
        LEFT JOIN (
{query:clock_moves}
        ) m ON m.image_id = s.image_id
    )
    WINDOW times AS (PARTITION BY station ORDER BY steady_at NULLS LAST, image_id)
);
