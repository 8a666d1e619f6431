-- scenes: the photos of the view `selected`, and which of them follow each other within $gap_us: the one place where
-- that is decided.
CREATE TEMP VIEW scenes AS
SELECT
    *,
    CASE WHEN captured_at IS NOT NULL THEN
        sum(begins::INTEGER) OVER (
            PARTITION BY station ORDER BY captured_at NULLS LAST, image_id ROWS UNBOUNDED PRECEDING
        )
    END::BIGINT AS scene
FROM (
    SELECT
        *,
        captured_at IS NULL
            OR coalesce(epoch_us(captured_at) - epoch_us(lag(captured_at) OVER times) > $gap_us, true) AS begins
    FROM selected
    WINDOW times AS (PARTITION BY station ORDER BY captured_at NULLS LAST, image_id)
);
